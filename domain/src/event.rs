//! What happened, told once per business fact. Public messages are made from these, never from the aggregates.

use crate::dispute::Resolution;
use crate::named::named;
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
        by: Actor,
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
    pub const fn name(&self) -> FactName {
        match self {
            Self::ExchangeOfferCreated { .. } => FactName::ExchangeOfferCreated,
            Self::ExchangeOfferApproved { .. } => FactName::ExchangeOfferApproved,
            Self::ExchangeOfferDeclined { .. } => FactName::ExchangeOfferDeclined,
            Self::PaymentConfirmed { .. } => FactName::PaymentConfirmed,
            Self::ReceiptConfirmed { .. } => FactName::ReceiptConfirmed,
            Self::ExchangeOfferFinished { .. } => FactName::ExchangeOfferFinished,
            Self::ExchangeOfferCancelled { .. } => FactName::ExchangeOfferCancelled,
            Self::DisputeOpened { .. } => FactName::DisputeOpened,
            Self::DisputeResolved { .. } => FactName::DisputeResolved,
            Self::ExchangerFrozen { .. } => FactName::ExchangerFrozen,
            Self::ExchangerUnfrozen { .. } => FactName::ExchangerUnfrozen,
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

named! {
    /// The public names of the facts.
    FactName {
        ExchangeOfferCreated = "ExchangeOfferCreated",
        ExchangeOfferApproved = "ExchangeOfferApproved",
        ExchangeOfferDeclined = "ExchangeOfferDeclined",
        PaymentConfirmed = "PaymentConfirmed",
        ReceiptConfirmed = "ReceiptConfirmed",
        ExchangeOfferFinished = "ExchangeOfferFinished",
        ExchangeOfferCancelled = "ExchangeOfferCancelled",
        DisputeOpened = "DisputeOpened",
        DisputeResolved = "DisputeResolved",
        ExchangerFrozen = "ExchangerFrozen",
        ExchangerUnfrozen = "ExchangerUnfrozen",
    }
}

impl FactName {
    /// Whether it is about an exchanger, and about no deal.
    #[must_use]
    pub const fn is_of_exchanger(self) -> bool {
        matches!(self, Self::ExchangerFrozen | Self::ExchangerUnfrozen)
    }

    /// Whether moderators must know, since they will be asked to decide.
    #[must_use]
    pub const fn concerns_staff(self) -> bool {
        matches!(self, Self::DisputeOpened | Self::ExchangerFrozen)
    }
}

/// What a version counts the changes of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Aggregate {
    Offer(OfferId),
    Dispute(DisputeId),
    Exchanger(UserId),
}
