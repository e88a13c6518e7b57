//! `GET /api/billing/withdrawals` and `GET /api/billing/withdrawals/{withdrawal_id}`.

use axum::Json;
use axum::extract::State;
use p2p_application::withdrawal::WithdrawalList;
use p2p_domain::Role;
use p2p_domain::{Withdrawal, WithdrawalId};
use serde::Deserialize;
use utoipa::IntoParams;
use validator::Validate;

use super::TAG;
use super::view::WithdrawalView;
use crate::app::App;
use crate::cursor;
use crate::extract::{Auth, PathId, Query};
use crate::policy::{Access, Policy};
use crate::problem::Problem;
use crate::wire;
use p2p_edge::{DEFAULT_LIMIT, Page};

/// Which withdrawals to list.
#[derive(Deserialize, Validate, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ListWithdrawalsQuery {
    /// Only those that stand so: for ADMIN, REQUESTED is the queue.
    #[param(inline)]
    status: Option<wire::WithdrawalStatus>,
    /// For ADMIN: only this user's.
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

/// List withdrawals.
///
/// For any authenticated user: their own withdrawals; for ADMIN, those of all users. Newest first.
#[utoipa::path(
    get,
    path = "/api/billing/withdrawals",
    tag = TAG,
    extensions(("x-policy" = json!(Policy::read(Access::AUTHENTICATED)))),
    params(ListWithdrawalsQuery),
    responses(
        (status = 200, description = "A page of withdrawals.", body = Page<WithdrawalView>),
        (status = 403, description = "`ROLE_REQUIRED`: ADMIN, to see another user's."),
    )
)]
pub(crate) async fn list_withdrawals(
    State(app): State<App>,
    Auth(caller): Auth,
    Query(query): Query<ListWithdrawalsQuery>,
) -> Result<Json<Page<WithdrawalView>>, Problem> {
    let list = WithdrawalList {
        user: query.user_id.map(|user| user.0),
        status: query.status.map(|status| status.0),
        after: cursor::read_id(query.cursor.as_deref())?,
        limit: query.limit.unwrap_or(DEFAULT_LIMIT),
    };
    let page = p2p_application::withdrawal::list_withdrawals(app.market(), caller, list).await?;
    let cursor = |withdrawal: &Withdrawal| withdrawal.id.to_string();
    Ok(Json(Page::of(page.items, page.more, cursor, Into::into)))
}

/// Get a withdrawal.
///
/// For its owner, and ADMIN.
#[utoipa::path(
    get,
    path = "/api/billing/withdrawals/{withdrawal_id}",
    tag = TAG,
    extensions(("x-policy" = json!(Policy::read(Access::owner_or(Role::Admin))))),
    params(("withdrawal_id" = inline(wire::WithdrawalId), Path)),
    responses(
        (status = 200, description = "The withdrawal.", body = WithdrawalView),
        (status = 404, description = "`WITHDRAWAL_NOT_FOUND`: there is no such withdrawal, or it belongs to another user."),
    )
)]
pub(crate) async fn get_withdrawal(
    State(app): State<App>,
    Auth(caller): Auth,
    PathId(withdrawal): PathId<WithdrawalId>,
) -> Result<Json<WithdrawalView>, Problem> {
    let withdrawal =
        p2p_application::withdrawal::get_withdrawal(app.market(), caller, withdrawal).await?;
    Ok(Json(withdrawal.into()))
}
