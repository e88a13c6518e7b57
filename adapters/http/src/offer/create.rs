//! `POST /api/p2p/exchange-offers`.

use axum::extract::State;
use axum::response::Response;
use p2p_application::offer::CreateOffer;
use p2p_domain::Role;
use serde::Deserialize;
use utoipa::ToSchema;
use validator::Validate;

use super::TAG;
use super::view::OfferAnswer;
use crate::app::App;
use crate::extract::Auth;
use crate::idempotency::{Idempotent, created};
use crate::policy::{Access, Policy};
use crate::problem::Problem;
use crate::wire;
use p2p_edge::JsonBody;

/// A customer's answer to a listing.
#[derive(Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "customer_id": "user_01jt0c7kq5e8tvb1y9m3x4z6wa",
    "listing_id": "listing_01jt0c7kq5e8tvb1y9m3x4z6wa",
    "amount": 100.0,
    "exchange_type": "CRYPTO2FIAT",
    "conditions": "SEPA Instant only"
}))]
pub(crate) struct CreateOfferRequest {
    /// May be left out; otherwise it must be the caller.
    customer_id: Option<wire::UserId>,
    listing_id: wire::ListingId,
    /// Crypto of the listing's asset.
    amount: wire::Amount,
    /// The direction that the customer believes the listing to have.
    exchange_type: wire::ExchangeType,
    /// The customer's own words to the exchanger.
    #[serde(default)]
    #[validate(length(max = 2000))]
    #[schema(max_length = 2000)]
    conditions: String,
}

/// Make an offer on a listing.
///
/// For CUSTOMER. Begins a deal: the crypto holder's `amount` goes into escrow at once (the customer's with CRYPTO2FIAT,
/// the exchanger's with FIAT2CRYPTO), and the exchanger has a limited time to answer; after that the deal is cancelled
/// and the escrow goes back.
#[utoipa::path(
    post,
    path = "/api/p2p/exchange-offers",
    tag = TAG,
    extensions(("x-policy" = json!(Policy::change(Access::role(Role::Customer))))),
    request_body = CreateOfferRequest,
    responses(
        (status = 201, description = "The deal has begun.", body = OfferAnswer),
        (status = 403, description = "`ROLE_REQUIRED`: CUSTOMER. `IDENTITY_MISMATCH`: the body names another user."),
        (status = 404, description = "`LISTING_NOT_FOUND`"),
        (status = 409, description = "`LISTING_PAUSED`, `LISTING_CLOSED`, `WRONG_EXCHANGE_TYPE`, `EXCHANGER_OFFLINE`, \
            `EXCHANGER_FROZEN` or `SELF_DEAL`: the listing takes no offer from this customer now."),
        (status = 422, description = "`BELOW_MINIMUM`, `ABOVE_MAXIMUM`, `OVER_REMAINING`, \
            `TOO_MANY_DECIMALS`, `AMOUNT_NOT_POSITIVE`, `AMOUNT_TOO_LARGE`, `INSUFFICIENT_FUNDS`, \
            `COUNTERPARTY_INSUFFICIENT_FUNDS`, or a body that can't be used."),
    )
)]
pub(crate) async fn create_offer(
    State(app): State<App>,
    Auth(caller): Auth,
    Idempotent(JsonBody(body), once): Idempotent<JsonBody<CreateOfferRequest>>,
) -> Result<Response, Problem> {
    if let Some(customer) = body.customer_id {
        caller.claims_to_be(customer.0)?;
    }
    let command = CreateOffer {
        id: app.market().fresh(),
        caller,
        listing: body.listing_id.0,
        amount: body.amount.0,
        exchange_type: body.exchange_type.0,
        conditions: body.conditions,
    };
    once.carry_out(&app, caller, command, |offer| {
        created(&OfferAnswer::of(
            &offer,
            "Exchange offer created successfully",
        ))
    })
    .await
}
