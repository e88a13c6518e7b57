//! Why a deal can't make a move.

use std::fmt;

use super::actor::Actor;
use super::status::{Status, Trigger};
use crate::Money;
use crate::listing::ListingError;
use crate::money::AmountRefusal;
use crate::one_of::one_of;

/// A refused move of a deal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OfferRefusal {
    /// The status machine has no such move. `state: None`: the deal does not exist yet.
    IllegalTransition {
        state: Option<Status>,
        trigger: Trigger,
        actor: Actor,
    },
    /// A split has to leave both sides a part of the escrow.
    SplitOutOfRange { escrow: Money },
}

impl OfferRefusal {
    /// The stable code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::IllegalTransition { .. } => "ILLEGAL_TRANSITION",
            Self::SplitOutOfRange { .. } => "SPLIT_OUT_OF_RANGE",
        }
    }
}

impl fmt::Display for OfferRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::IllegalTransition {
                state: Some(state),
                trigger,
                actor,
            } => write!(f, "{actor} cannot `{trigger}` a deal that is {state}"),
            Self::IllegalTransition {
                state: None,
                trigger,
                actor,
            } => write!(f, "{actor} cannot `{trigger}` a deal that does not exist"),
            Self::SplitOutOfRange { escrow } => write!(
                f,
                "a split gives both sides a part: the fiat payer's must be between 0 and {escrow} {}, exclusive",
                escrow.asset()
            ),
        }
    }
}

impl std::error::Error for OfferRefusal {}

one_of! {
    /// Why an operation on an offer fails.
    OfferError {
        Offer(OfferRefusal),
        Listing(ListingError),
        Amount(AmountRefusal),
    }
}
