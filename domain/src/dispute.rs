//! Disputes: a side of a deal, or the clock, calls for a moderator, who decides.

use crate::event::{Deal, Event, Fact};
use crate::offer::Actor;
use crate::{CommentId, DisputeId, Money, OfferId, Refusal, Timestamp, UserId};

/// What a moderator decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resolution {
    /// The fiat was paid: escrow goes to the fiat payer.
    Finished,
    /// The fiat was not paid: escrow goes back.
    Cancelled,
    /// Something between: this much, before the fee, to the fiat payer.
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

/// Whether a dispute still waits.
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
    /// The person who opened it; `None` for the system.
    pub opener: Option<UserId>,
    pub reason: String,
    pub opened_at: Timestamp,
    pub state: DisputeState,
    pub version: u64,
}

impl Dispute {
    /// Opens a dispute, unless this side has done so in this deal before.
    pub fn open(
        id: DisputeId,
        offer: OfferId,
        opened_by: Actor,
        opener: Option<UserId>,
        reason: String,
        others: &[Self],
        now: Timestamp,
    ) -> Result<Self, Refusal> {
        if others.iter().any(|other| other.opened_by == opened_by) {
            return Err(Refusal::DisputeAlreadyOpened);
        }
        Ok(Self {
            id,
            offer,
            opened_by,
            opener,
            reason,
            opened_at: now,
            state: DisputeState::Open,
            version: 1,
        })
    }

    /// Whether it still waits for a moderator.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        matches!(self.state, DisputeState::Open)
    }

    /// The decision, and the event that tells of it.
    #[must_use]
    pub fn resolve(
        self,
        resolution: Resolution,
        by: UserId,
        comment: String,
        deal: Deal,
        now: Timestamp,
    ) -> (Self, Event) {
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
        let event = Event {
            fact: Fact::DisputeResolved {
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

/// A remark on a dispute, by a side of the deal or a moderator. Kept as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comment {
    pub id: CommentId,
    pub dispute: DisputeId,
    pub author: UserId,
    pub text: String,
    pub at: Timestamp,
}
