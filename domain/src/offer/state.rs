//! What a deal is waiting for, with the data that only that state has.

use super::status::Status;
use crate::Timestamp;

/// The state of a deal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Waits for the exchanger's answer.
    Pending {
        respond_by: Timestamp,
    },
    /// Waits for the fiat payer. `cancel_proposed`: the crypto holder would like to call it off.
    Approved {
        pay_by: Timestamp,
        cancel_proposed: bool,
    },
    /// Waits for the crypto holder to see the fiat. `cancel_proposed` as above.
    PaymentConfirmed {
        receipt_by: Timestamp,
        cancel_proposed: bool,
    },
    /// Waits for a moderator; no deadline.
    DisputeOpen {
        since: Timestamp,
    },
    Finished {
        at: Timestamp,
    },
    Declined {
        at: Timestamp,
    },
    Cancelled {
        at: Timestamp,
    },
}

impl State {
    /// Its place in the status machine.
    #[must_use]
    pub const fn status(&self) -> Status {
        match self {
            Self::Pending { .. } => Status::Pending,
            Self::Approved { .. } => Status::Approved,
            Self::PaymentConfirmed { .. } => Status::PaymentConfirmed,
            Self::DisputeOpen { .. } => Status::DisputeOpen,
            Self::Finished { .. } => Status::Finished,
            Self::Declined { .. } => Status::Declined,
            Self::Cancelled { .. } => Status::Cancelled,
        }
    }

    /// When the system moves it on. Every non-final state but an open dispute has one.
    #[must_use]
    pub const fn deadline(&self) -> Option<Timestamp> {
        match self {
            Self::Pending { respond_by } => Some(*respond_by),
            Self::Approved { pay_by, .. } => Some(*pay_by),
            Self::PaymentConfirmed { receipt_by, .. } => Some(*receipt_by),
            Self::DisputeOpen { .. }
            | Self::Finished { .. }
            | Self::Declined { .. }
            | Self::Cancelled { .. } => None,
        }
    }

    /// Whether the crypto holder has proposed to call the deal off.
    #[must_use]
    pub const fn cancel_proposed(&self) -> bool {
        matches!(
            self,
            Self::Approved {
                cancel_proposed: true,
                ..
            } | Self::PaymentConfirmed {
                cancel_proposed: true,
                ..
            }
        )
    }
}
