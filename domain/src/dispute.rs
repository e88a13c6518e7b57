//! Disputes: a side of a deal, or the clock, calls for a moderator, who decides.

use std::fmt;

use crate::offer::{Act, Actor, Deal};
use crate::stamped::Stamped;
use crate::{CommentId, DisputeId, Money, OfferId, Timestamp, UserId};

/// A moderator's decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resolution {
    /// The fiat was paid: the escrow goes to the fiat payer.
    Finished,
    /// The fiat was not paid: the escrow goes back to its holder.
    Cancelled,
    /// The escrow is divided: this much, before the fee, goes to the fiat payer, the rest back.
    Split { payer_amount: Money },
}

impl Resolution {
    /// The name that interfaces and storage use.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Finished => "RESOLVED_FINISHED",
            Self::Cancelled => "RESOLVED_CANCELLED",
            Self::Split { .. } => "RESOLVED_SPLIT",
        }
    }
}

/// Whether a dispute is still open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DisputeState {
    Open,
    Resolved {
        resolution: Resolution,
        by: UserId,
        comment: String,
        at: Timestamp,
    },
}

/// One side's dispute of a deal. A deal may have one of each side and one of the system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dispute {
    pub id: DisputeId,
    pub offer: OfferId,
    pub opened_by: Actor,
    /// The user that opened it; `None` for the system.
    pub opener: Option<UserId>,
    pub reason: String,
    pub opened_at: Timestamp,
    pub state: DisputeState,
    pub version: u64,
}

/// An event of a dispute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DisputeEvent {
    Opened {
        deal: Deal,
        dispute: DisputeId,
        by: Actor,
    },
    Resolved {
        deal: Deal,
        dispute: DisputeId,
        resolution: Resolution,
    },
}

impl DisputeEvent {
    /// The dispute that it is about.
    #[must_use]
    pub const fn dispute(&self) -> DisputeId {
        match self {
            Self::Opened { dispute, .. } | Self::Resolved { dispute, .. } => *dispute,
        }
    }
}

/// Why a dispute can't be opened or resolved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DisputeRefusal {
    /// This side has opened a dispute of the deal before.
    AlreadyOpened,
    AlreadyResolved,
    /// A split names the fiat payer's amount, other resolutions don't.
    PayerAmountMismatch,
}

impl DisputeRefusal {
    /// The stable code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::AlreadyOpened => "DISPUTE_ALREADY_OPENED",
            Self::AlreadyResolved => "DISPUTE_ALREADY_RESOLVED",
            Self::PayerAmountMismatch => "PAYER_AMOUNT_MISMATCH",
        }
    }
}

impl fmt::Display for DisputeRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AlreadyOpened => {
                f.write_str("this side has already opened a dispute of this deal")
            }
            Self::AlreadyResolved => f.write_str("the dispute is already resolved"),
            Self::PayerAmountMismatch => {
                f.write_str("the fiat payer's amount belongs to a split, and only there")
            }
        }
    }
}

impl std::error::Error for DisputeRefusal {}

impl Dispute {
    /// Opens a dispute of a deal and emits the event, unless this side has already opened one.
    pub fn open(
        id: DisputeId,
        deal: Deal,
        act: Act,
        reason: String,
        others: &[Self],
    ) -> Result<(Self, Stamped<DisputeEvent>), DisputeRefusal> {
        if others.iter().any(|other| other.opened_by == act.actor) {
            return Err(DisputeRefusal::AlreadyOpened);
        }
        let opened = Self {
            id,
            offer: deal.offer,
            opened_by: act.actor,
            opener: act.user,
            reason,
            opened_at: act.now,
            state: DisputeState::Open,
            version: 1,
        };
        let event = Stamped {
            fact: DisputeEvent::Opened {
                deal,
                dispute: id,
                by: act.actor,
            },
            version: opened.version,
            at: act.now,
        };
        Ok((opened, event))
    }

    /// Whether it still waits for a moderator's decision.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        matches!(self.state, DisputeState::Open)
    }

    /// Resolves the dispute and emits the event.
    #[must_use]
    pub fn resolve(
        self,
        resolution: Resolution,
        by: UserId,
        comment: String,
        deal: Deal,
        now: Timestamp,
    ) -> (Self, Stamped<DisputeEvent>) {
        let resolved = Self {
            state: DisputeState::Resolved {
                resolution,
                by,
                comment,
                at: now,
            },
            version: self.version + 1,
            ..self
        };
        let event = Stamped {
            fact: DisputeEvent::Resolved {
                deal,
                dispute: resolved.id,
                resolution,
            },
            version: resolved.version,
            at: now,
        };
        (resolved, event)
    }
}

/// A comment on a dispute, by a side of the deal or a moderator. It never changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comment {
    pub id: CommentId,
    pub dispute: DisputeId,
    pub author: UserId,
    pub text: String,
    pub at: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Asset, ListingId, TypedId};

    const NOW: Timestamp = Timestamp::from_micros(1);

    fn deal() -> Deal {
        Deal {
            offer: OfferId::from_u128(1),
            listing: ListingId::from_u128(2),
            customer: UserId::from_u128(3),
            exchanger: UserId::from_u128(4),
            amount: Money::new(5, Asset::Usdt),
        }
    }

    #[test]
    fn each_side_opens_one_dispute_and_the_event_says_so() {
        let act = Act::by(Actor::Customer, UserId::from_u128(3), NOW);
        let id = DisputeId::from_u128(9);
        let (dispute, event) = Dispute::open(id, deal(), act, "why".to_owned(), &[]).unwrap();
        assert_eq!(
            (dispute.offer, dispute.opened_by),
            (deal().offer, act.actor)
        );
        assert_eq!((dispute.opener, dispute.opened_at), (act.user, NOW));
        assert!(dispute.is_open());
        let fact = DisputeEvent::Opened {
            deal: deal(),
            dispute: id,
            by: Actor::Customer,
        };
        assert_eq!((event.fact, event.version, event.at), (fact, 1, NOW));
        let others = [dispute];
        let again = Dispute::open(id, deal(), act, "why".to_owned(), &others);
        assert_eq!(again, Err(DisputeRefusal::AlreadyOpened));
        let system = Act::system(NOW);
        assert!(Dispute::open(id, deal(), system, "why".to_owned(), &others).is_ok());
    }
}
