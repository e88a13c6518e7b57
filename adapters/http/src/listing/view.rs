//! Listings as clients see them.

use p2p_domain::Listing;
use serde::Serialize;
use utoipa::ToSchema;

use crate::wire;

/// A listing. `total_amount` is always the sum of what remains, what is frozen and what was executed.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({
    "listing_id": "listing_01jt0c7kq5e8tvb1y9m3x4z6wa",
    "exchanger_id": "user_01jt0c7kq5e8tvb1y9m3x4z6wa",
    "exchange_type": "CRYPTO2FIAT",
    "crypto_asset": "USDT",
    "fiat_currency": "EUR",
    "price": "0.99500000",
    "total_amount": "5000.000000",
    "remaining_amount": "4900.000000",
    "frozen_amount": "100.000000",
    "executed_amount": "0.000000",
    "min_amount": "50.00",
    "max_amount": "1000.00",
    "available_fiat": "1000.00",
    "payment_methods": ["SEPA"],
    "payment_window_minutes": 30,
    "terms": "Only from an account in your own name",
    "status": "ACTIVE",
    "created_at": "2025-04-18T15:00:00Z",
    "updated_at": "2025-04-18T15:00:00Z",
    "version": 1
}))]
pub(crate) struct ListingView {
    listing_id: wire::ListingId,
    exchanger_id: wire::UserId,
    exchange_type: wire::ExchangeType,
    crypto_asset: wire::Asset,
    fiat_currency: wire::Asset,
    price: wire::Price,
    /// All the crypto that it is about.
    total_amount: wire::Money,
    /// Crypto that is still to be had.
    remaining_amount: wire::Money,
    /// Crypto in open deals.
    frozen_amount: wire::Money,
    /// Crypto of finished deals.
    executed_amount: wire::Money,
    /// The least fiat per offer.
    min_amount: wire::Money,
    /// The most fiat per offer.
    max_amount: wire::Money,
    /// The most fiat that one offer can be about just now: the limit, or what the remaining crypto is worth.
    available_fiat: wire::Money,
    payment_methods: Vec<String>,
    payment_window_minutes: u64,
    terms: String,
    status: wire::ListingStatus,
    created_at: wire::Time,
    updated_at: wire::Time,
    version: u64,
}

impl From<Listing> for ListingView {
    fn from(listing: Listing) -> Self {
        Self {
            listing_id: wire::ListingId(listing.id),
            exchanger_id: wire::UserId(listing.exchanger),
            exchange_type: wire::ExchangeType(listing.exchange_type),
            crypto_asset: wire::Asset(listing.asset()),
            fiat_currency: wire::Asset(listing.price.fiat()),
            price: wire::Price(listing.price),
            total_amount: wire::Money(listing.total),
            remaining_amount: wire::Money(listing.remaining()),
            frozen_amount: wire::Money(listing.frozen),
            executed_amount: wire::Money(listing.executed),
            min_amount: wire::Money(listing.min),
            max_amount: wire::Money(listing.max),
            available_fiat: wire::Money(listing.available_fiat()),
            payment_window_minutes: listing.payment_window.as_secs() / 60,
            status: wire::ListingStatus(listing.state),
            created_at: wire::Time(listing.created_at),
            updated_at: wire::Time(listing.updated_at),
            version: listing.version,
            payment_methods: listing.payment_methods,
            terms: listing.terms,
        }
    }
}

/// A listing with what others want to know of its exchanger.
#[derive(Serialize, ToSchema)]
pub(crate) struct PublicListing {
    #[serde(flatten)]
    listing: ListingView,
    #[schema(example = "Ada")]
    exchanger_name: String,
    /// Online and not frozen: offers are taken now.
    #[schema(example = true)]
    exchanger_online: bool,
}

impl From<p2p_application::listing::ListingView> for PublicListing {
    fn from(view: p2p_application::listing::ListingView) -> Self {
        Self {
            listing: view.listing.into(),
            exchanger_name: view.exchanger_name,
            exchanger_online: view.exchanger_online,
        }
    }
}
