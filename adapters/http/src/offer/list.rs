//! `GET /api/p2p/exchange-offers`.

use axum::Json;
use axum::extract::State;
use p2p_application::offer::OfferList;
use serde::Deserialize;
use utoipa::IntoParams;
use validator::Validate;

use super::TAG;
use crate::app::App;
use crate::cursor;
use crate::extract::{Auth, Query};
use crate::offer_view::OfferView;
use crate::policy::{Access, Policy};
use crate::problem::Problem;
use crate::wire;
use p2p_edge::{DEFAULT_LIMIT, Page};

/// Which of the caller's deals to list.
#[derive(Deserialize, Validate, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ListOffersQuery {
    /// Only deals that have not ended, and those that finished within the last 24 hours.
    #[param(example = true)]
    active: Option<bool>,
    /// Only deals in which the caller is on this side.
    #[param(inline)]
    role: Option<wire::Side>,
    /// The `next_cursor` of the page before, which is the id of its last deal. `cursor` is accepted as well.
    #[serde(alias = "cursor")]
    #[param(min_length = 1)]
    after: Option<String>,
    /// How many at most.
    #[validate(range(min = 1, max = 100))]
    #[param(minimum = 1, maximum = 100, default = 20)]
    limit: Option<u32>,
}

/// List the caller's deals.
///
/// For any authenticated user: the deals in which the caller is a side, newest first. History and disputes come with a single deal.
#[utoipa::path(
    get,
    path = "/api/p2p/exchange-offers",
    tag = TAG,
    extensions(("x-policy" = json!(Policy::read(Access::AUTHENTICATED)))),
    params(ListOffersQuery),
    responses((status = 200, description = "A page of deals.", body = Page<OfferView>))
)]
pub(crate) async fn list_offers(
    State(app): State<App>,
    Auth(caller): Auth,
    Query(query): Query<ListOffersQuery>,
) -> Result<Json<Page<OfferView>>, Problem> {
    let list = OfferList {
        side: query.role.map(|side| side.0),
        active: query.active.unwrap_or(false),
        after: cursor::read_id(query.after.as_deref())?,
        limit: query.limit.unwrap_or(DEFAULT_LIMIT),
    };
    let page = p2p_application::offer::list_offers(app.market(), caller, list).await?;
    let cursor = |offer: &p2p_domain::Offer| offer.id.to_string();
    Ok(Json(Page::of(page.items, page.more, cursor, Into::into)))
}
