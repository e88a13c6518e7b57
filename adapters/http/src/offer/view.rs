//! Deals as clients see them.

use p2p_application::offer::{DealView, describe};
use p2p_domain::Offer;
use p2p_domain::offer::HistoryEntry;
use serde::Serialize;
use utoipa::ToSchema;

use crate::dispute::view::DisputeView;
use crate::wire;

/// What became of a request to move a deal.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({
    "offer_id": "offer_01jt0c7kq5e8tvb1y9m3x4z6wa",
    "status": "PENDING",
    "message": "Exchange offer created successfully"
}))]
pub(crate) struct OfferAnswer {
    pub(crate) offer_id: wire::OfferId,
    pub(crate) status: wire::Status,
    /// For people.
    pub(crate) message: &'static str,
}

impl OfferAnswer {
    pub(crate) fn of(offer: &Offer, message: &'static str) -> Self {
        Self {
            offer_id: wire::OfferId(offer.id),
            status: wire::Status(offer.status()),
            message,
        }
    }
}

/// Where a deal stands, in a sentence.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({
    "offer_id": "offer_01jt0c7kq5e8tvb1y9m3x4z6wa",
    "status": "FINISHED",
    "details": "Transaction completed at 2025-04-18T15:00:00Z"
}))]
pub(crate) struct OfferStatus {
    offer_id: wire::OfferId,
    status: wire::Status,
    /// What the deal waits for and until when, or how it ended.
    details: String,
}

impl From<&Offer> for OfferStatus {
    fn from(offer: &Offer) -> Self {
        Self {
            offer_id: wire::OfferId(offer.id),
            status: wire::Status(offer.status()),
            details: describe(offer),
        }
    }
}

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
    /// Whether the crypto holder would like to call the deal off.
    cancel_proposed: bool,
    /// When the system moves the deal if nobody else does.
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

/// One step of a deal's history.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({
    "version": 1,
    "status": "PENDING",
    "actor": "CUSTOMER",
    "user_id": "user_01jt0c7kq5e8tvb1y9m3x4z6wa",
    "comment": null,
    "at": "2025-04-18T15:00:00Z"
}))]
pub(crate) struct HistoryStep {
    version: u64,
    /// Where the step led to.
    status: wire::Status,
    actor: wire::Actor,
    /// The person behind the actor; `null` for the system.
    #[schema(required = true)]
    user_id: Option<wire::UserId>,
    #[schema(required = true)]
    comment: Option<String>,
    at: wire::Time,
}

impl From<HistoryEntry> for HistoryStep {
    fn from(entry: HistoryEntry) -> Self {
        Self {
            version: entry.version,
            status: wire::Status(entry.status),
            actor: wire::Actor(entry.actor),
            user_id: entry.user.map(wire::UserId),
            comment: entry.comment,
            at: wire::Time(entry.at),
        }
    }
}

/// A deal with its whole history and its disputes.
#[derive(Serialize, ToSchema)]
pub(crate) struct OfferDetails {
    #[serde(flatten)]
    offer: OfferView,
    /// All steps, in order.
    history: Vec<HistoryStep>,
    disputes: Vec<DisputeView>,
}

impl From<DealView> for OfferDetails {
    fn from(deal: DealView) -> Self {
        Self {
            offer: deal.offer.into(),
            history: deal.history.into_iter().map(Into::into).collect(),
            disputes: deal.disputes.into_iter().map(Into::into).collect(),
        }
    }
}
