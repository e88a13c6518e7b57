//! `POST /api/p2p/exchange-offers/{offer_id}/confirm-receipt`.

use axum::extract::State;
use axum::response::Response;
use p2p_application::offer::ConfirmReceipt;
use p2p_domain::OfferId;
use serde::Deserialize;
use utoipa::ToSchema;
use validator::Validate;

use super::TAG;
use super::view::OfferAnswer;
use crate::app::App;
use crate::extract::{Auth, PathId};
use crate::idempotency::{Idempotent, OptionalBody, ok};
use crate::policy::{Access, Policy};
use crate::problem::Problem;
use crate::wire;

/// The crypto holder's word that the fiat has arrived. May be left out as a whole.
#[derive(Default, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"customer_id": "user_01jt0c7kq5e8tvb1y9m3x4z6wa"}))]
pub(crate) struct ConfirmReceiptRequest {
    /// May be left out; otherwise it must be the caller.
    customer_id: Option<wire::UserId>,
    /// As `customer_id`, where the exchanger is the crypto holder.
    exchanger_id: Option<wire::UserId>,
}

/// Say that the fiat has arrived.
///
/// For the deal's crypto holder (the customer with CRYPTO2FIAT, the exchanger with FIAT2CRYPTO), while the deal is
/// PAYMENT_CONFIRMED. Finishes the deal: the escrow is paid out to the fiat payer, less the market's fee. This can't be
/// undone: look at your bank account first.
#[utoipa::path(
    post,
    path = "/api/p2p/exchange-offers/{offer_id}/confirm-receipt",
    tag = TAG,
    extensions(("x-policy" = json!(Policy::change(Access::OWNER)))),
    params(("offer_id" = inline(wire::OfferId), Path)),
    request_body = Option<ConfirmReceiptRequest>,
    responses(
        (status = 200, description = "The deal is FINISHED.", body = OfferAnswer, example = json!({
            "offer_id": "offer_01jt0c7kq5e8tvb1y9m3x4z6wa",
            "status": "FINISHED",
            "message": "Fiat received, transaction completed"
        })),
        (status = 403, description = "`IDENTITY_MISMATCH`: the body names another user."),
        (status = 404, description = "`OFFER_NOT_FOUND`: there is no such deal, or the caller is not a side of it."),
        (status = 409, description = "`ILLEGAL_TRANSITION`: the deal is not PAYMENT_CONFIRMED, or the caller is not its \
            crypto holder."),
    )
)]
pub(crate) async fn confirm_receipt(
    State(app): State<App>,
    Auth(caller): Auth,
    PathId(offer): PathId<OfferId>,
    Idempotent(OptionalBody(body), once): Idempotent<OptionalBody<ConfirmReceiptRequest>>,
) -> Result<Response, Problem> {
    for claimed in [body.customer_id, body.exchanger_id].into_iter().flatten() {
        caller.claims_to_be(claimed.0)?;
    }
    once.carry_out(&app, caller, ConfirmReceipt { caller, offer }, |offer| {
        ok(&OfferAnswer::of(
            &offer,
            "Fiat received, transaction completed",
        ))
    })
    .await
}
