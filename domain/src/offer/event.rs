//! What happened to a deal.

use super::actor::Actor;
use crate::{ListingId, Money, OfferId, UserId};

/// The parties and the amount of a deal. Every event of the deal carries it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deal {
    pub offer: OfferId,
    pub listing: ListingId,
    pub customer: UserId,
    pub exchanger: UserId,
    pub amount: Money,
}

/// An event of an offer and the deal that grows from it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OfferEvent {
    Created {
        deal: Deal,
    },
    Approved {
        deal: Deal,
    },
    Declined {
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
    Finished {
        deal: Deal,
        paid_out: Money,
        fee: Money,
    },
    Cancelled {
        deal: Deal,
        by: Actor,
    },
}

impl OfferEvent {
    /// The deal that it is about.
    #[must_use]
    pub const fn deal(&self) -> &Deal {
        match self {
            Self::Created { deal }
            | Self::Approved { deal }
            | Self::Declined { deal }
            | Self::PaymentConfirmed { deal, .. }
            | Self::ReceiptConfirmed { deal }
            | Self::Finished { deal, .. }
            | Self::Cancelled { deal, .. } => deal,
        }
    }
}
