//! A user requests a withdrawal.

use p2p_domain::refusal::QuotaKind;
use p2p_domain::user::Caller;
use p2p_domain::{Account, AccountKey, Asset, Decimal, Money, Refusal, Withdrawal, WithdrawalId};

use super::settle;
use crate::engine::{Command, ReadSet, UnitOfWork};

/// Holds the caller's money until an administrator decides.
#[derive(Debug, Clone)]
pub struct RequestWithdrawal {
    pub id: WithdrawalId,
    pub caller: Caller,
    pub asset: Asset,
    pub amount: Decimal,
    /// The bank account or address to pay to.
    pub destination: String,
}

impl Command for RequestWithdrawal {
    type Outcome = Withdrawal;

    fn read_set(&self, reads: &mut ReadSet) {
        reads.lock::<Account>(AccountKey::user(self.caller.user, self.asset));
        reads.count(QuotaKind::OpenWithdrawals, self.caller.user);
    }

    fn decide(&self, uow: &mut UnitOfWork<'_>) -> Result<Withdrawal, Refusal> {
        self.caller.require_any()?;
        let policy = uow.policy();
        if policy.access.withdrawal_second_factor {
            self.caller.require_proof(&policy.access, uow.now())?;
        }
        let most = policy.limits.open_withdrawals;
        uow.count(QuotaKind::OpenWithdrawals, self.caller.user, most)?;
        let amount = Money::from_decimal(self.amount, self.asset).map_err(Refusal::amount)?;
        let (owner, destination) = (self.caller.user, self.destination.clone());
        let step = Withdrawal::request(self.id, owner, amount, destination, uow.now())?;
        settle(uow, step)
    }
}
