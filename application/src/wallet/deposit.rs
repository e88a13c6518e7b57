//! Money enters from outside.

use domain::audit::{AuditAction, AuditNote};
use domain::user::Caller;
use domain::{Account, AccountKey, Asset, Decimal, Money, Posting, Refusal, Role, UserId};

use crate::pipeline::{Command, Desk, Needs};

/// Books a deposit that arrived outside: the user's account gains what the outside world's account gives. For ADMIN, and for
/// nobody's own account; where the market is a demonstration, everybody may for themself.
#[derive(Debug, Clone, Copy)]
pub struct Deposit {
    pub caller: Caller,
    pub user: UserId,
    pub asset: Asset,
    pub amount: Decimal,
}

impl Command for Deposit {
    type Outcome = Account;

    fn needs(&self, needs: &mut Needs) {
        needs.account(AccountKey::user(self.user, self.asset));
        needs.caller(self.caller);
        needs.account(AccountKey::external(self.asset));
        needs.trail();
    }

    fn is_background(&self) -> bool {
        true
    }

    fn decide(&self, desk: &mut Desk<'_>) -> Result<Account, Refusal> {
        let own = self.caller.user == self.user;
        if !(own && desk.policy().faucet) {
            desk.require_staff(self.caller, Role::Admin)?;
            if own {
                return Err(Refusal::ConflictOfInterest);
            }
        }
        let amount = Money::from_decimal(self.amount, self.asset).map_err(Refusal::amount)?;
        let posting =
            Posting::deposit(self.user, amount, self.caller.user).map_err(Refusal::amount)?;
        desk.post(posting).map_err(|(_, refusal)| refusal)?;
        let (action, subject) = (AuditAction::DepositBooked, self.user.to_string());
        let detail =
            serde_json::json!({ "amount": amount.to_string(), "asset": self.asset.code() });
        desk.note(AuditNote::by(
            self.caller,
            action,
            subject,
            detail.to_string(),
        ))?;
        desk.account(AccountKey::user(self.user, self.asset))
    }
}
