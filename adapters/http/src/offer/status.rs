//! `GET /api/p2p/exchange-offers/{offer_id}/status`.

use axum::Json;
use axum::extract::State;
use p2p_domain::OfferId;
use p2p_domain::Role;

use super::TAG;
use super::view::OfferStatus;
use crate::app::App;
use crate::extract::{Auth, PathId};
use crate::policy::{Access, Policy};
use crate::problem::Problem;
use crate::wire;

/// Ask where a deal stands.
///
/// For the deal's two sides and MODERATOR: the status, and in a sentence what it waits for and until when.
#[utoipa::path(
    get,
    path = "/api/p2p/exchange-offers/{offer_id}/status",
    tag = TAG,
    extensions(("x-policy" = json!(Policy::read(Access::owner_or(Role::Moderator))))),
    params(("offer_id" = inline(wire::OfferId), Path)),
    responses(
        (status = 200, description = "Where it stands.", body = OfferStatus),
        (status = 404, description = "`OFFER_NOT_FOUND`: there is no such deal, or it belongs to another user."),
    )
)]
pub(crate) async fn get_offer_status(
    State(app): State<App>,
    Auth(caller): Auth,
    PathId(offer): PathId<OfferId>,
) -> Result<Json<OfferStatus>, Problem> {
    let offer = p2p_application::offer::offer_status(app.market(), caller, offer).await?;
    Ok(Json(OfferStatus::from(&offer)))
}
