//! What happened, told once per business fact. Public messages are made from these, never from the aggregates.

use crate::dispute::Resolution;
use crate::{Actor, DisputeId, ListingId, Money, OfferId, Timestamp, UserId};

/// A fact, the version of its aggregate when it came true, and when that was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    pub fact: Fact,
    pub version: u64,
    pub at: Timestamp,
}

/// Who deals with whom about what: carried by every fact of a deal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deal {
    pub offer: OfferId,
    pub listing: ListingId,
    pub customer: UserId,
    pub exchanger: UserId,
    pub amount: Money,
}

/// The business facts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fact {
    ExchangeOfferCreated {
        deal: Deal,
    },
    ExchangeOfferApproved {
        deal: Deal,
    },
    ExchangeOfferDeclined {
        deal: Deal,
    },
    PaymentConfirmed {
        deal: Deal,
        reference: String,
    },
    ReceiptConfirmed {
        deal: Deal,
    },
    ExchangeOfferFinished {
        deal: Deal,
        paid_out: Money,
        fee: Money,
    },
    ExchangeOfferCancelled {
        deal: Deal,
        by: Actor,
    },
    DisputeOpened {
        deal: Deal,
        dispute: DisputeId,
        by: Actor,
    },
    DisputeResolved {
        deal: Deal,
        dispute: DisputeId,
        resolution: Resolution,
    },
    ExchangerFrozen {
        exchanger: UserId,
        unanswered: u32,
    },
    ExchangerUnfrozen {
        exchanger: UserId,
        by: UserId,
    },
}

impl Fact {
    /// The name under which the fact is published.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::ExchangeOfferCreated { .. } => "ExchangeOfferCreated",
            Self::ExchangeOfferApproved { .. } => "ExchangeOfferApproved",
            Self::ExchangeOfferDeclined { .. } => "ExchangeOfferDeclined",
            Self::PaymentConfirmed { .. } => "PaymentConfirmed",
            Self::ReceiptConfirmed { .. } => "ReceiptConfirmed",
            Self::ExchangeOfferFinished { .. } => "ExchangeOfferFinished",
            Self::ExchangeOfferCancelled { .. } => "ExchangeOfferCancelled",
            Self::DisputeOpened { .. } => "DisputeOpened",
            Self::DisputeResolved { .. } => "DisputeResolved",
            Self::ExchangerFrozen { .. } => "ExchangerFrozen",
            Self::ExchangerUnfrozen { .. } => "ExchangerUnfrozen",
        }
    }

    /// Whose version the event carries.
    #[must_use]
    pub const fn aggregate(&self) -> Aggregate {
        match self {
            Self::ExchangeOfferCreated { deal }
            | Self::ExchangeOfferApproved { deal }
            | Self::ExchangeOfferDeclined { deal }
            | Self::PaymentConfirmed { deal, .. }
            | Self::ReceiptConfirmed { deal }
            | Self::ExchangeOfferFinished { deal, .. }
            | Self::ExchangeOfferCancelled { deal, .. } => Aggregate::Offer(deal.offer),
            Self::DisputeOpened { dispute, .. } | Self::DisputeResolved { dispute, .. } => {
                Aggregate::Dispute(*dispute)
            }
            Self::ExchangerFrozen { exchanger, .. } | Self::ExchangerUnfrozen { exchanger, .. } => {
                Aggregate::Exchanger(*exchanger)
            }
        }
    }
}

/// What a version counts the changes of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Aggregate {
    Offer(OfferId),
    Dispute(DisputeId),
    Exchanger(UserId),
}
