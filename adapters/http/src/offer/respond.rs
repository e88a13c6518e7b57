//! `PUT /api/p2p/exchange-offers/{offer_id}/response`.

use axum::extract::State;
use axum::response::Response;
use p2p_application::offer::{AcceptOffer, DeclineOffer};
use p2p_domain::OfferId;
use p2p_domain::Role;
use serde::Deserialize;
use utoipa::ToSchema;
use validator::Validate;

use super::TAG;
use super::view::OfferAnswer;
use crate::app::App;
use crate::extract::{Auth, PathId};
use crate::idempotency::{Idempotent, ok};
use crate::policy::{Access, Policy};
use crate::problem::Problem;
use crate::wire;
use p2p_edge::JsonBody;

/// An exchanger's answer to an offer.
#[derive(Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "exchanger_id": "user_01jt0c7kq5e8tvb1y9m3x4z6wa",
    "action": "ACCEPT"
}))]
pub(crate) struct RespondRequest {
    /// May be left out; otherwise it must be the caller.
    exchanger_id: Option<wire::UserId>,
    action: wire::ResponseAction,
}

/// Accept or decline an offer.
///
/// For the deal's exchanger, while the deal is PENDING. ACCEPT starts the fiat payer's time to pay (the listing's payment
/// window); DECLINE ends the deal and gives the escrow back. Any answer resets the count of unanswered offers.
#[utoipa::path(
    put,
    path = "/api/p2p/exchange-offers/{offer_id}/response",
    tag = TAG,
    extensions(("x-policy" = json!(Policy::change(Access::owner_with(Role::Exchanger))))),
    params(("offer_id" = inline(wire::OfferId), Path)),
    request_body = RespondRequest,
    responses(
        (status = 200, description = "The deal is APPROVED or DECLINED.", body = OfferAnswer, example = json!({
            "offer_id": "offer_01jt0c7kq5e8tvb1y9m3x4z6wa",
            "status": "APPROVED",
            "message": "Exchange offer accepted"
        })),
        (status = 403, description = "`ROLE_REQUIRED`: EXCHANGER. `IDENTITY_MISMATCH`: the body names another user."),
        (status = 404, description = "`OFFER_NOT_FOUND`: there is no such deal, or the caller is not a side of it."),
        (status = 409, description = "`ILLEGAL_TRANSITION`: the deal is not PENDING, or the caller is its customer."),
    )
)]
pub(crate) async fn respond_to_offer(
    State(app): State<App>,
    Auth(caller): Auth,
    PathId(offer): PathId<OfferId>,
    Idempotent(JsonBody(body), once): Idempotent<JsonBody<RespondRequest>>,
) -> Result<Response, Problem> {
    if let Some(exchanger) = body.exchanger_id {
        caller.claims_to_be(exchanger.0)?;
    }
    match body.action.0 {
        wire::ResponseKind::Accept => {
            once.carry_out(&app, caller, AcceptOffer { caller, offer }, |offer| {
                ok(&OfferAnswer::of(&offer, "Exchange offer accepted"))
            })
            .await
        }
        wire::ResponseKind::Decline => {
            once.carry_out(&app, caller, DeclineOffer { caller, offer }, |offer| {
                ok(&OfferAnswer::of(&offer, "Exchange offer declined"))
            })
            .await
        }
    }
}
