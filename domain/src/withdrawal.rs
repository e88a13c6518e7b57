//! Withdrawals: money that is to leave the market, set aside until an administrator decides.

use crate::event::{Event, Fact, WithdrawalRequest};
use crate::named::named;
use crate::{Money, Posting, Refusal, Timestamp, UserId, WithdrawalId};

named! {
    /// How a withdrawal stands.
    WithdrawalStatus {
        Requested = "REQUESTED",
        Approved = "APPROVED",
        Rejected = "REJECTED",
    }
}

/// What became of a withdrawal so far.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WithdrawalState {
    /// The money is held.
    Requested,
    /// The money has left; `reference` names the payment outside.
    Approved {
        by: UserId,
        at: Timestamp,
        reference: String,
    },
    /// The money is the owner's again.
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
    /// Where the money is to go, in the owner's words.
    pub destination: String,
    pub state: WithdrawalState,
    pub created_at: Timestamp,
    pub version: u64,
}

/// A withdrawal after a step, and what the step causes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    pub withdrawal: Withdrawal,
    pub posting: Posting,
    pub event: Event,
}

impl Withdrawal {
    /// Sets the money aside.
    pub fn request(
        id: WithdrawalId,
        user: UserId,
        amount: Money,
        destination: String,
        now: Timestamp,
    ) -> Result<Decision, Refusal> {
        let withdrawal = Self {
            id,
            user,
            amount,
            destination,
            state: WithdrawalState::Requested,
            created_at: now,
            version: 1,
        };
        let request = withdrawal.named();
        Ok(Decision {
            posting: Posting::hold_withdrawal(id, user, amount).map_err(Refusal::amount)?,
            event: withdrawal.tell(Fact::WithdrawalRequested { request }, now),
            withdrawal,
        })
    }

    /// How it stands.
    #[must_use]
    pub const fn status(&self) -> WithdrawalStatus {
        match self.state {
            WithdrawalState::Requested => WithdrawalStatus::Requested,
            WithdrawalState::Approved { .. } => WithdrawalStatus::Approved,
            WithdrawalState::Rejected { .. } => WithdrawalStatus::Rejected,
        }
    }

    /// The money has left.
    pub fn approve(
        self,
        by: UserId,
        reference: String,
        now: Timestamp,
    ) -> Result<Decision, Refusal> {
        let posting = Posting::withdraw(self.id, self.user, self.amount);
        let fact = Fact::WithdrawalApproved {
            request: self.named(),
            by,
        };
        let at = now;
        let state = WithdrawalState::Approved { by, at, reference };
        if by == self.user {
            return Err(Refusal::ConflictOfInterest);
        }
        self.decided(state, posting.map_err(Refusal::amount)?, fact, now)
    }

    /// The money stays. Whoever asked may take it back themself.
    pub fn reject(self, by: UserId, reason: String, now: Timestamp) -> Result<Decision, Refusal> {
        let posting = Posting::release_withdrawal(self.id, self.user, self.amount);
        let fact = Fact::WithdrawalRejected {
            request: self.named(),
            by,
            reason: reason.clone(),
        };
        let at = now;
        let state = WithdrawalState::Rejected { by, at, reason };
        self.decided(state, posting.map_err(Refusal::amount)?, fact, now)
    }

    fn decided(
        self,
        state: WithdrawalState,
        posting: Posting,
        fact: Fact,
        now: Timestamp,
    ) -> Result<Decision, Refusal> {
        if self.state != WithdrawalState::Requested {
            return Err(Refusal::WithdrawalDecided);
        }
        let withdrawal = Self {
            state,
            version: self.version + 1,
            ..self
        };
        Ok(Decision {
            event: withdrawal.tell(fact, now),
            withdrawal,
            posting,
        })
    }

    const fn named(&self) -> WithdrawalRequest {
        WithdrawalRequest {
            withdrawal: self.id,
            user: self.user,
            amount: self.amount,
        }
    }

    const fn tell(&self, fact: Fact, at: Timestamp) -> Event {
        Event {
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
    use crate::{Asset, TypedId};

    const NOW: Timestamp = Timestamp::from_micros(2);

    fn requested() -> Withdrawal {
        let amount = Money::new(500, Asset::Usdt);
        let id = WithdrawalId::from_u128(1);
        let words = "my other wallet".to_owned();
        let step = Withdrawal::request(id, UserId::from_u128(2), amount, words, NOW).unwrap();
        assert_eq!(step.posting.kind(), PostingKind::WithdrawalHold);
        step.withdrawal
    }

    #[test]
    fn it_is_decided_once_and_approved_by_somebody_else() {
        let (owner, staff) = (UserId::from_u128(2), UserId::from_u128(3));
        let own = requested().approve(owner, "tx".to_owned(), NOW);
        assert_eq!(own.unwrap_err(), Refusal::ConflictOfInterest);
        let approved = requested().approve(staff, "tx".to_owned(), NOW).unwrap();
        assert_eq!(approved.posting.kind(), PostingKind::Withdrawal);
        assert_eq!(approved.withdrawal.status(), WithdrawalStatus::Approved);
        let rejected = requested().reject(staff, "no".to_owned(), NOW).unwrap();
        assert_eq!(rejected.posting.kind(), PostingKind::WithdrawalRelease);
        let taken_back = requested().reject(owner, "a mistake".to_owned(), NOW);
        let taken_back = taken_back.unwrap().withdrawal;
        for decided in [approved.withdrawal, rejected.withdrawal, taken_back] {
            let again = decided.clone().approve(staff, "tx".to_owned(), NOW);
            assert_eq!(again.unwrap_err(), Refusal::WithdrawalDecided);
            let again = decided.reject(staff, "no".to_owned(), NOW);
            assert_eq!(again.unwrap_err(), Refusal::WithdrawalDecided);
        }
    }

    #[test]
    fn nothing_is_not_withdrawn() {
        let nothing = Money::zero(Asset::Usdt);
        let id = WithdrawalId::from_u128(1);
        let refused = Withdrawal::request(id, UserId::from_u128(2), nothing, String::new(), NOW);
        assert_eq!(refused.unwrap_err().code(), "AMOUNT_NOT_POSITIVE");
    }
}
