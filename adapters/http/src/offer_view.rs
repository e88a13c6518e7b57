//! The terms of a deal and where it stands, as both deals and disputes show them.

use p2p_domain::Offer;
use serde::Serialize;
use utoipa::ToSchema;

use crate::wire;

/// A deal.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({
    "offer_id": "offer_01jt0c7kq5e8tvb1y9m3x4z6wa",
    "listing_id": "listing_01jt0c7kq5e8tvb1y9m3x4z6wa",
    "customer_id": "user_01jt0c7kq5e8tvb1y9m3x4z6wa",
    "exchanger_id": "user_01jt0c7kq5e8tvb1y9m3x4z6wb",
    "exchange_type": "CRYPTO2FIAT",
    "status": "APPROVED",
    "crypto_asset": "USDT",
    "amount": "100.000000",
    "fiat_currency": "EUR",
    "fiat_amount": "99.50",
    "price": "0.99500000",
    "fee_basis_points": 10,
    "conditions": "SEPA Instant only",
    "payment_window_minutes": 30,
    "payment_reference": null,
    "cancel_proposed": false,
    "deadline": "2025-04-18T15:30:00Z",
    "created_at": "2025-04-18T15:00:00Z",
    "version": 2
}))]
pub(crate) struct OfferView {
    offer_id: wire::OfferId,
    listing_id: wire::ListingId,
    customer_id: wire::UserId,
    exchanger_id: wire::UserId,
    exchange_type: wire::ExchangeType,
    status: wire::Status,
    crypto_asset: wire::Asset,
    /// The crypto in escrow.
    amount: wire::Money,
    fiat_currency: wire::Asset,
    /// What is paid outside.
    fiat_amount: wire::Money,
    price: wire::Price,
    /// The market's fee on the crypto that the fiat payer receives, in hundredths of a percent.
    fee_basis_points: u16,
    /// The customer's own words.
    conditions: String,
    payment_window_minutes: u64,
    /// How the fiat payer says that the fiat was sent, once that was said.
    #[schema(required = true)]
    payment_reference: Option<String>,
    /// Whether the crypto holder has proposed to cancel the deal.
    cancel_proposed: bool,
    /// When the system moves the deal unless a user does so first.
    #[schema(required = true)]
    deadline: Option<wire::Time>,
    created_at: wire::Time,
    /// Counts the steps of the history.
    version: u64,
}

impl From<Offer> for OfferView {
    fn from(offer: Offer) -> Self {
        let (status, deadline) = (offer.status(), offer.deadline());
        let terms = offer.terms;
        Self {
            offer_id: wire::OfferId(offer.id),
            listing_id: wire::ListingId(terms.listing),
            customer_id: wire::UserId(terms.customer),
            exchanger_id: wire::UserId(terms.exchanger),
            exchange_type: wire::ExchangeType(terms.exchange_type),
            status: wire::Status(status),
            crypto_asset: wire::Asset(terms.amount.asset()),
            amount: wire::Money(terms.amount),
            fiat_currency: wire::Asset(terms.fiat.asset()),
            fiat_amount: wire::Money(terms.fiat),
            price: wire::Price(terms.price),
            fee_basis_points: terms.fee_basis_points,
            conditions: terms.conditions,
            payment_window_minutes: terms.payment_window.as_secs() / 60,
            payment_reference: offer.payment_reference,
            cancel_proposed: offer.state.cancel_proposed(),
            deadline: deadline.map(wire::Time),
            created_at: wire::Time(terms.created_at),
            version: offer.version,
        }
    }
}
