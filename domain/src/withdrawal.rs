//! Withdrawals: money that is to leave the market, held until an administrator decides.

use std::fmt;

use crate::money::AmountRefusal;
use crate::named::named;
use crate::one_of::one_of;
use crate::stamped::Stamped;
use crate::user::AccessRefusal;
use crate::{Money, Posting, Timestamp, UserId, WithdrawalId};

named! {
    /// The status of a withdrawal.
    WithdrawalStatus {
        Requested = "REQUESTED",
        Approved = "APPROVED",
        Rejected = "REJECTED",
    }
}

/// The state of a withdrawal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WithdrawalState {
    /// The money is held.
    Requested,
    /// The money has left; `reference` names the external payment.
    Approved {
        by: UserId,
        at: Timestamp,
        reference: String,
    },
    /// The money was released to the owner.
    Rejected {
        by: UserId,
        at: Timestamp,
        reason: String,
    },
}

/// A withdrawal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Withdrawal {
    pub id: WithdrawalId,
    pub user: UserId,
    pub amount: Money,
    /// The destination of the money, in the owner's words.
    pub destination: String,
    pub state: WithdrawalState,
    pub created_at: Timestamp,
    pub version: u64,
}

/// A withdrawal after a change, with the posting and the event that the change causes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    pub withdrawal: Withdrawal,
    pub posting: Posting,
    pub event: Stamped<WithdrawalEvent>,
}

/// The owner and the amount of a withdrawal. Every event of the withdrawal carries it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WithdrawalRequest {
    pub withdrawal: WithdrawalId,
    pub user: UserId,
    pub amount: Money,
}

/// An event of a withdrawal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WithdrawalEvent {
    Requested {
        request: WithdrawalRequest,
    },
    Approved {
        request: WithdrawalRequest,
        by: UserId,
    },
    Rejected {
        request: WithdrawalRequest,
        by: UserId,
        reason: String,
    },
}

impl WithdrawalEvent {
    /// The withdrawal that it is about.
    #[must_use]
    pub const fn request(&self) -> &WithdrawalRequest {
        match self {
            Self::Requested { request }
            | Self::Approved { request, .. }
            | Self::Rejected { request, .. } => request,
        }
    }
}

/// Why a withdrawal can't be requested or decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WithdrawalRefusal {
    AlreadyDecided,
}

impl WithdrawalRefusal {
    /// The stable code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::AlreadyDecided => "WITHDRAWAL_ALREADY_DECIDED",
        }
    }
}

impl fmt::Display for WithdrawalRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AlreadyDecided => f.write_str("the withdrawal is already decided"),
        }
    }
}

impl std::error::Error for WithdrawalRefusal {}

one_of! {
    /// Why an operation on a withdrawal fails.
    WithdrawalError {
        Withdrawal(WithdrawalRefusal),
        Amount(AmountRefusal),
        Access(AccessRefusal),
    }
}

impl Withdrawal {
    /// Requests a withdrawal: the money is held.
    pub fn request(
        id: WithdrawalId,
        user: UserId,
        amount: Money,
        destination: String,
        now: Timestamp,
    ) -> Result<Decision, WithdrawalError> {
        let withdrawal = Self {
            id,
            user,
            amount,
            destination,
            state: WithdrawalState::Requested,
            created_at: now,
            version: 1,
        };
        let request = withdrawal.summary();
        Ok(Decision {
            posting: Posting::hold_withdrawal(id, user, amount).map_err(AmountRefusal::from)?,
            event: withdrawal.event(WithdrawalEvent::Requested { request }, now),
            withdrawal,
        })
    }

    /// Its status.
    #[must_use]
    pub const fn status(&self) -> WithdrawalStatus {
        match self.state {
            WithdrawalState::Requested => WithdrawalStatus::Requested,
            WithdrawalState::Approved { .. } => WithdrawalStatus::Approved,
            WithdrawalState::Rejected { .. } => WithdrawalStatus::Rejected,
        }
    }

    /// Approves the withdrawal: the money leaves the market. The owner can't approve it.
    pub fn approve(
        self,
        by: UserId,
        reference: String,
        now: Timestamp,
    ) -> Result<Decision, WithdrawalError> {
        let posting = Posting::withdraw(self.id, self.user, self.amount);
        let fact = WithdrawalEvent::Approved {
            request: self.summary(),
            by,
        };
        let at = now;
        let state = WithdrawalState::Approved { by, at, reference };
        if by == self.user {
            return Err(AccessRefusal::ConflictOfInterest.into());
        }
        self.decided(state, posting.map_err(AmountRefusal::from)?, fact, now)
    }

    /// Rejects the withdrawal: the money is released. The owner may do so, too.
    pub fn reject(
        self,
        by: UserId,
        reason: String,
        now: Timestamp,
    ) -> Result<Decision, WithdrawalError> {
        let posting = Posting::release_withdrawal(self.id, self.user, self.amount);
        let fact = WithdrawalEvent::Rejected {
            request: self.summary(),
            by,
            reason: reason.clone(),
        };
        let at = now;
        let state = WithdrawalState::Rejected { by, at, reason };
        self.decided(state, posting.map_err(AmountRefusal::from)?, fact, now)
    }

    fn decided(
        self,
        state: WithdrawalState,
        posting: Posting,
        fact: WithdrawalEvent,
        now: Timestamp,
    ) -> Result<Decision, WithdrawalError> {
        if self.state != WithdrawalState::Requested {
            return Err(WithdrawalRefusal::AlreadyDecided.into());
        }
        let withdrawal = Self {
            state,
            version: self.version + 1,
            ..self
        };
        Ok(Decision {
            event: withdrawal.event(fact, now),
            withdrawal,
            posting,
        })
    }

    const fn summary(&self) -> WithdrawalRequest {
        WithdrawalRequest {
            withdrawal: self.id,
            user: self.user,
            amount: self.amount,
        }
    }

    const fn event(&self, fact: WithdrawalEvent, at: Timestamp) -> Stamped<WithdrawalEvent> {
        Stamped {
            fact,
            version: self.version,
            at,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::PostingKind;
    use crate::{Asset, MoneyError, TypedId};

    const NOW: Timestamp = Timestamp::from_micros(2);

    fn requested() -> Withdrawal {
        let amount = Money::new(500, Asset::Usdt);
        let id = WithdrawalId::from_u128(1);
        let destination = "my other wallet".to_owned();
        let requested =
            Withdrawal::request(id, UserId::from_u128(2), amount, destination, NOW).unwrap();
        assert_eq!(requested.posting.kind(), PostingKind::WithdrawalHold);
        requested.withdrawal
    }

    #[test]
    fn it_is_decided_once_and_not_approved_by_its_owner() {
        let (owner, staff) = (UserId::from_u128(2), UserId::from_u128(3));
        let own = requested().approve(owner, "tx".to_owned(), NOW);
        assert_eq!(own.unwrap_err(), AccessRefusal::ConflictOfInterest.into());
        let approved = requested().approve(staff, "tx".to_owned(), NOW).unwrap();
        assert_eq!(approved.posting.kind(), PostingKind::Withdrawal);
        assert_eq!(approved.withdrawal.status(), WithdrawalStatus::Approved);
        let rejected = requested().reject(staff, "no".to_owned(), NOW).unwrap();
        assert_eq!(rejected.posting.kind(), PostingKind::WithdrawalRelease);
        let taken_back = requested().reject(owner, "a mistake".to_owned(), NOW);
        let taken_back = taken_back.unwrap().withdrawal;
        for decided in [approved.withdrawal, rejected.withdrawal, taken_back] {
            let again = decided.clone().approve(staff, "tx".to_owned(), NOW);
            assert_eq!(again.unwrap_err(), WithdrawalRefusal::AlreadyDecided.into());
            let again = decided.reject(staff, "no".to_owned(), NOW);
            assert_eq!(again.unwrap_err(), WithdrawalRefusal::AlreadyDecided.into());
        }
    }

    #[test]
    fn a_withdrawal_has_a_positive_amount() {
        let nothing = Money::zero(Asset::Usdt);
        let id = WithdrawalId::from_u128(1);
        let refused = Withdrawal::request(id, UserId::from_u128(2), nothing, String::new(), NOW);
        assert_eq!(
            refused.unwrap_err(),
            AmountRefusal::from(MoneyError::NotPositive).into()
        );
    }
}
