//! `GET /api/p2p/exchange-offers/{offer_id}`.

use axum::Json;
use axum::extract::State;
use p2p_domain::OfferId;
use p2p_domain::Role;

use super::TAG;
use super::view::OfferDetails;
use crate::app::App;
use crate::extract::{Auth, PathId};
use crate::policy::{Access, Policy};
use crate::problem::Problem;
use crate::wire;

/// Get a deal.
///
/// For the deal's two sides and MODERATOR: the terms, where it stands, every step of its history and its disputes.
#[utoipa::path(
    get,
    path = "/api/p2p/exchange-offers/{offer_id}",
    tag = TAG,
    extensions(("x-policy" = json!(Policy::read(Access::owner_or(Role::Moderator))))),
    params(("offer_id" = inline(wire::OfferId), Path)),
    responses(
        (status = 200, description = "The deal.", body = OfferDetails),
        (status = 404, description = "`OFFER_NOT_FOUND`: there is no such deal, or it belongs to another user."),
    )
)]
pub(crate) async fn get_offer(
    State(app): State<App>,
    Auth(caller): Auth,
    PathId(offer): PathId<OfferId>,
) -> Result<Json<OfferDetails>, Problem> {
    let deal = p2p_application::offer::get_offer(app.market(), caller, offer).await?;
    Ok(Json(deal.into()))
}
