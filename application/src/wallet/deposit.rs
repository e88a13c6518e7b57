//! A deposit is booked.

use p2p_domain::audit_log::{AuditAction, AuditNote};
use p2p_domain::refusal::AccessRefusal;
use p2p_domain::user::Caller;
use p2p_domain::{Account, AccountKey, Asset, Decimal, Money, Posting, Refusal, Role, UserId};

use crate::engine::{Command, ReadSet, UnitOfWork};

/// Books a deposit that arrived at a bank or on a chain: money moves from the external account to the user's account. For ADMIN,
/// except to their own account. In a demonstration users may book deposits for themselves.
#[derive(Debug, Clone, Copy)]
pub struct Deposit {
    pub caller: Caller,
    pub user: UserId,
    pub asset: Asset,
    pub amount: Decimal,
}

impl Command for Deposit {
    type Outcome = Account;

    fn read_set(&self, reads: &mut ReadSet) {
        reads.lock::<Account>(AccountKey::user(self.user, self.asset));
        reads.caller(self.caller);
        reads.lock::<Account>(AccountKey::external(self.asset));
        reads.audit_head();
    }

    fn is_background(&self) -> bool {
        true
    }

    fn decide(&self, uow: &mut UnitOfWork<'_>) -> Result<Account, Refusal> {
        let own = self.caller.user == self.user;
        if !(own && uow.policy().faucet) {
            uow.require_staff(self.caller, Role::Admin)?;
            if own {
                return Err(Refusal::Access(AccessRefusal::ConflictOfInterest));
            }
        }
        let amount = Money::from_decimal(self.amount, self.asset).map_err(Refusal::amount)?;
        let posting =
            Posting::deposit(self.user, amount, self.caller.user).map_err(Refusal::amount)?;
        uow.post(posting).map_err(|(_, refusal)| refusal)?;
        let (action, subject) = (AuditAction::DepositBooked, self.user.to_string());
        let detail =
            serde_json::json!({ "amount": amount.to_string(), "asset": self.asset.code() });
        uow.note(AuditNote::by(
            self.caller,
            action,
            subject,
            detail.to_string(),
        ))?;
        uow.get::<Account>(&AccountKey::user(self.user, self.asset))
    }
}
