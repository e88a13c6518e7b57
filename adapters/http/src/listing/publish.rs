//! `POST /api/p2p/listings`.

use axum::extract::State;
use axum::response::Response;
use p2p_application::listing::PublishListing;
use p2p_domain::Role;
use serde::Deserialize;
use utoipa::ToSchema;
use validator::Validate;

use super::view::ListingView;
use super::{PaymentMethod, TAG, check_payment_methods};
use crate::app::App;
use crate::extract::Auth;
use crate::idempotency::{Idempotent, created};
use crate::policy::{Access, Policy};
use crate::problem::Problem;
use crate::wire;
use p2p_edge::JsonBody;

/// A new listing.
#[derive(Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "exchange_type": "CRYPTO2FIAT",
    "crypto_asset": "USDT",
    "fiat_currency": "EUR",
    "price": "0.995",
    "total_amount": "5000",
    "min_amount": "50",
    "max_amount": "1000",
    "payment_methods": ["SEPA"],
    "payment_window_minutes": 30,
    "terms": "Only from an account in your own name"
}))]
pub(crate) struct PublishListingRequest {
    /// May be left out; otherwise it must be the caller.
    exchanger_id: Option<wire::UserId>,
    exchange_type: wire::ExchangeType,
    #[schema(value_type = wire::CryptoAsset)]
    crypto_asset: wire::Asset,
    #[schema(value_type = wire::FiatCurrency)]
    fiat_currency: wire::Asset,
    /// Fiat per one whole unit of crypto, with at most eight decimals.
    price: wire::Amount,
    /// Crypto in all.
    total_amount: wire::Amount,
    /// The least fiat per offer.
    min_amount: wire::Amount,
    /// The most fiat per offer.
    max_amount: wire::Amount,
    /// Upper-case names such as `SEPA`.
    #[validate(length(min = 1, max = 20), custom(function = check_payment_methods))]
    #[schema(value_type = Vec<PaymentMethod>, min_items = 1, max_items = 20)]
    payment_methods: Vec<String>,
    /// How long the fiat payer has once an offer is accepted; the market's default if left out.
    #[validate(range(min = 10, max = 360))]
    #[schema(minimum = 10, maximum = 360)]
    payment_window_minutes: Option<u32>,
    #[serde(default)]
    #[validate(length(max = 4000))]
    #[schema(max_length = 4000)]
    terms: String,
}

/// Publish a listing.
///
/// For EXCHANGER. The listing is ACTIVE at once; offers come in while its exchanger is online. With FIAT2CRYPTO each deal
/// takes the exchanger's own crypto into escrow, so keep enough in the wallet.
#[utoipa::path(
    post,
    path = "/api/p2p/listings",
    tag = TAG,
    extensions(("x-policy" = json!(Policy::change(Access::role(Role::Exchanger))))),
    request_body = PublishListingRequest,
    responses(
        (status = 201, description = "The listing is published.", body = ListingView),
        (status = 403, description = "`ROLE_REQUIRED`: EXCHANGER. `IDENTITY_MISMATCH`: the body names another user."),
        (status = 404, description = "`EXCHANGER_NOT_FOUND`"),
        (status = 409, description = "`EXCHANGER_FROZEN`: a moderator has to lift the freeze first."),
        (status = 422, description = "`INVALID_LISTING`, `TOO_MANY_DECIMALS`, `AMOUNT_NOT_POSITIVE`, `AMOUNT_TOO_LARGE`, \
            or a body that can't be used."),
    )
)]
pub(crate) async fn publish_listing(
    State(app): State<App>,
    Auth(caller): Auth,
    Idempotent(JsonBody(body), once): Idempotent<JsonBody<PublishListingRequest>>,
) -> Result<Response, Problem> {
    if let Some(exchanger) = body.exchanger_id {
        caller.claims_to_be(exchanger.0)?;
    }
    let command = PublishListing {
        id: app.market().fresh(),
        caller,
        exchange_type: body.exchange_type.0,
        asset: body.crypto_asset.0,
        fiat: body.fiat_currency.0,
        price: body.price.0,
        total: body.total_amount.0,
        min: body.min_amount.0,
        max: body.max_amount.0,
        payment_methods: body.payment_methods,
        payment_window: body.payment_window_minutes.map(super::minutes),
        terms: body.terms,
    };
    once.carry_out(&app, caller, command, |listing| {
        created(&ListingView::from(listing))
    })
    .await
}
