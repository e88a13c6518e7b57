//! Somebody wants to take money out.

use domain::refusal::Tally;
use domain::user::Caller;
use domain::{AccountKey, Asset, Decimal, Money, Refusal, Withdrawal, WithdrawalId};

use super::settle;
use crate::pipeline::{Command, Desk, Needs};

/// Sets the caller's money aside until an administrator decides.
#[derive(Debug, Clone)]
pub struct RequestWithdrawal {
    pub id: WithdrawalId,
    pub caller: Caller,
    pub asset: Asset,
    pub amount: Decimal,
    /// Where it is to go.
    pub destination: String,
}

impl Command for RequestWithdrawal {
    type Outcome = Withdrawal;

    fn needs(&self, needs: &mut Needs) {
        needs.account(AccountKey::user(self.caller.user, self.asset));
        needs.tally(Tally::OpenWithdrawals, self.caller.user);
    }

    fn decide(&self, desk: &mut Desk<'_>) -> Result<Withdrawal, Refusal> {
        self.caller.require_any()?;
        let policy = desk.policy();
        if policy.access.withdrawal_second_factor {
            self.caller.require_proof(&policy.access, desk.now())?;
        }
        let most = policy.limits.open_withdrawals;
        desk.count(Tally::OpenWithdrawals, self.caller.user, most)?;
        let amount = Money::from_decimal(self.amount, self.asset).map_err(Refusal::amount)?;
        let (owner, words) = (self.caller.user, self.destination.clone());
        let step = Withdrawal::request(self.id, owner, amount, words, desk.now())?;
        settle(desk, step)
    }
}
