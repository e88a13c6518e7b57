//! `POST /api/p2p/exchange-offers/{offer_id}/confirm-payment`.

use axum::extract::State;
use axum::response::Response;
use p2p_application::offer::ConfirmPayment;
use p2p_domain::{Actor, OfferId};
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

/// The fiat payer's word that the fiat was sent.
#[derive(Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "exchanger_id": "user_01jt0c7kq5e8tvb1y9m3x4z6wa",
    "payment_reference": "tx_abc123"
}))]
pub(crate) struct ConfirmPaymentRequest {
    /// May be left out; otherwise it must be the caller.
    exchanger_id: Option<wire::UserId>,
    /// As `exchanger_id`, where the customer is the fiat payer.
    customer_id: Option<wire::UserId>,
    /// How the payment can be found in the outside world.
    #[validate(length(min = 1, max = 200))]
    #[schema(min_length = 1, max_length = 200)]
    payment_reference: String,
}

/// Say that the fiat was sent.
///
/// For the deal's fiat payer (the exchanger with CRYPTO2FIAT, the customer with FIAT2CRYPTO), while the deal is APPROVED.
/// From here the crypto holder's time to confirm the receipt runs; if it runs out, a dispute is opened by the system.
#[utoipa::path(
    post,
    path = "/api/p2p/exchange-offers/{offer_id}/confirm-payment",
    tag = TAG,
    extensions(("x-policy" = json!(Policy::change(Access::OWNER)))),
    params(("offer_id" = inline(wire::OfferId), Path)),
    request_body = ConfirmPaymentRequest,
    responses(
        (status = 200, description = "The deal is PAYMENT_CONFIRMED.", body = OfferAnswer, example = json!({
            "offer_id": "offer_01jt0c7kq5e8tvb1y9m3x4z6wa",
            "status": "PAYMENT_CONFIRMED",
            "message": "Payment confirmed by exchanger"
        })),
        (status = 403, description = "`IDENTITY_MISMATCH`: the body names another user."),
        (status = 404, description = "`OFFER_NOT_FOUND`: there is no such deal, or the caller is not a side of it."),
        (status = 409, description = "`ILLEGAL_TRANSITION`: the deal is not APPROVED, or the caller is not its fiat payer."),
    )
)]
pub(crate) async fn confirm_payment(
    State(app): State<App>,
    Auth(caller): Auth,
    PathId(offer): PathId<OfferId>,
    Idempotent(JsonBody(body), once): Idempotent<JsonBody<ConfirmPaymentRequest>>,
) -> Result<Response, Problem> {
    for claimed in [body.exchanger_id, body.customer_id].into_iter().flatten() {
        caller.claims_to_be(claimed.0)?;
    }
    let command = ConfirmPayment {
        caller,
        offer,
        reference: body.payment_reference,
    };
    once.carry_out(&app, caller, command, move |offer| {
        let message = match offer.side_of(caller.user) {
            Some(Actor::Exchanger) => "Payment confirmed by exchanger",
            _ => "Payment confirmed by customer",
        };
        ok(&OfferAnswer::of(&offer, message))
    })
    .await
}
