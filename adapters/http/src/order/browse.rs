//! `GET /api/orders` and `GET /api/orders/{order_id}`.

use axum::Json;
use axum::extract::State;
use p2p_application::order::OrderList;
use p2p_domain::Role;
use p2p_domain::{Order, OrderId};
use serde::Deserialize;
use utoipa::IntoParams;
use validator::Validate;

use super::TAG;
use super::view::OrderView;
use crate::app::App;
use crate::cursor;
use crate::extract::{Auth, PathId, Query};
use crate::policy::{Access, Policy};
use crate::problem::Problem;
use crate::wire;
use p2p_edge::{DEFAULT_LIMIT, Page};

/// Which orders to list.
#[derive(Deserialize, Validate, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ListOrdersQuery {
    /// Only those that stand so.
    #[param(inline)]
    status: Option<wire::OrderStatus>,
    /// For ADMIN: the user whose orders to list. If left out, the caller's.
    #[serde(alias = "userId")]
    #[param(inline)]
    user_id: Option<wire::UserId>,
    /// The `next_cursor` of the page before.
    #[serde(alias = "after")]
    #[param(min_length = 1)]
    cursor: Option<String>,
    /// How many at most.
    #[validate(range(min = 1, max = 100))]
    #[param(minimum = 1, maximum = 100, default = 20)]
    limit: Option<u32>,
}

/// List orders.
///
/// For any authenticated user: newest first. ADMIN may list those of another user.
#[utoipa::path(
    get,
    path = "/api/orders",
    tag = TAG,
    extensions(("x-policy" = json!(Policy::read(Access::AUTHENTICATED)))),
    params(ListOrdersQuery),
    responses(
        (status = 200, description = "A page of orders.", body = Page<OrderView>),
        (status = 403, description = "`ROLE_REQUIRED`: ADMIN, to see another user's."),
    )
)]
pub(crate) async fn list_orders(
    State(app): State<App>,
    Auth(caller): Auth,
    Query(query): Query<ListOrdersQuery>,
) -> Result<Json<Page<OrderView>>, Problem> {
    let list = OrderList {
        user: query.user_id.map(|user| user.0),
        status: query.status.map(|status| status.0),
        after: cursor::read_id(query.cursor.as_deref())?,
        limit: query.limit.unwrap_or(DEFAULT_LIMIT),
    };
    let page = p2p_application::order::list_orders(app.market(), caller, list).await?;
    let cursor = |order: &Order| order.id.to_string();
    Ok(Json(Page::of(page.items, page.more, cursor, Into::into)))
}

/// Get an order.
///
/// For the user who placed it, and ADMIN.
#[utoipa::path(
    get,
    path = "/api/orders/{order_id}",
    tag = TAG,
    extensions(("x-policy" = json!(Policy::read(Access::owner_or(Role::Admin))))),
    params(("order_id" = inline(wire::OrderId), Path)),
    responses(
        (status = 200, description = "The order.", body = OrderView),
        (status = 404, description = "`ORDER_NOT_FOUND`: there is no such order, or it belongs to another user."),
    )
)]
pub(crate) async fn get_order(
    State(app): State<App>,
    Auth(caller): Auth,
    PathId(order): PathId<OrderId>,
) -> Result<Json<OrderView>, Problem> {
    let order = p2p_application::order::get_order(app.market(), caller, order).await?;
    Ok(Json(order.into()))
}
