//! Deals as clients see them.

use p2p_application::offer::{DealView, describe};
use p2p_domain::Offer;
use p2p_domain::offer::HistoryEntry;
use serde::Serialize;
use utoipa::ToSchema;

use crate::dispute::view::DisputeView;
use crate::offer_view::OfferView;
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
