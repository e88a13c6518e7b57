//! `POST /api/p2p/exchange-offers/{offer_id}/cancel`.

use axum::extract::State;
use axum::response::Response;
use p2p_application::offer::CancelOffer;
use p2p_domain::{OfferId, Status};
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

/// A side's request to cancel a deal.
#[derive(Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"cancelled_by": "CUSTOMER", "reason": "The other side does not react"}))]
pub(crate) struct CancelRequest {
    /// May be left out; otherwise it must be the caller's side.
    cancelled_by: Option<wire::Side>,
    #[validate(length(min = 1, max = 2000))]
    #[schema(min_length = 1, max_length = 2000)]
    reason: String,
}

/// Cancel a deal.
///
/// For the deal's two sides. A PENDING deal is cancelled by either; an APPROVED or PAYMENT_CONFIRMED one by the fiat
/// payer alone, who gives the claim up. The crypto holder can only propose it there: the status stays, and the deal is
/// cancelled once the fiat payer cancels too. The escrow goes back to its holder.
#[utoipa::path(
    post,
    path = "/api/p2p/exchange-offers/{offer_id}/cancel",
    tag = TAG,
    extensions(("x-policy" = json!(Policy::change(Access::OWNER)))),
    params(("offer_id" = inline(wire::OfferId), Path)),
    request_body = CancelRequest,
    responses(
        (status = 200, description = "The deal is CANCELLED, or (with its status unchanged) the cancellation is proposed.",
            body = OfferAnswer, example = json!({
            "offer_id": "offer_01jt0c7kq5e8tvb1y9m3x4z6wa",
            "status": "CANCELLED",
            "message": "Transaction cancelled"
        })),
        (status = 403, description = "`IDENTITY_MISMATCH`: the body names the other side."),
        (status = 404, description = "`OFFER_NOT_FOUND`: there is no such deal, or the caller is not a side of it."),
        (status = 409, description = "`ILLEGAL_TRANSITION`: the deal is in dispute or has ended."),
    )
)]
pub(crate) async fn cancel_offer(
    State(app): State<App>,
    Auth(caller): Auth,
    PathId(offer): PathId<OfferId>,
    Idempotent(JsonBody(body), once): Idempotent<JsonBody<CancelRequest>>,
) -> Result<Response, Problem> {
    let command = CancelOffer {
        caller,
        offer,
        claimed: body.cancelled_by.map(|side| side.0),
        reason: body.reason,
    };
    once.carry_out(&app, caller, command, |offer| {
        let message = match offer.status() {
            Status::Cancelled => "Transaction cancelled",
            _ => "Cancellation proposed; the other side must agree",
        };
        ok(&OfferAnswer::of(&offer, message))
    })
    .await
}
