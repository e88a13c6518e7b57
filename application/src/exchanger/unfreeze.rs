//! A moderator lifts a freeze.

use domain::audit::{AuditAction, AuditNote};
use domain::user::Caller;
use domain::{Exchanger, Refusal, Role, UserId};

use crate::pipeline::{Command, Desk, Needs};

/// Lets a frozen exchanger go on; the listings stay paused until their owner resumes them. Without a freeze: nothing.
#[derive(Debug, Clone, Copy)]
pub struct UnfreezeExchanger {
    pub caller: Caller,
    pub exchanger: UserId,
}

impl Command for UnfreezeExchanger {
    type Outcome = Exchanger;

    fn needs(&self, needs: &mut Needs) {
        needs.caller(self.caller);
        needs.exchanger(self.exchanger);
        needs.trail();
    }

    fn is_background(&self) -> bool {
        true
    }

    fn decide(&self, desk: &mut Desk<'_>) -> Result<Exchanger, Refusal> {
        desk.require_staff(self.caller, Role::Moderator)?;
        if self.caller.user == self.exchanger {
            return Err(Refusal::ConflictOfInterest);
        }
        let before = desk.exchanger(self.exchanger)?;
        let (after, thawed) = before.unfreeze(self.caller.user, desk.now());
        if after != before {
            desk.save_exchanger(after);
            let (action, subject) = (AuditAction::ExchangerUnfrozen, self.exchanger.to_string());
            desk.note(AuditNote::by(self.caller, action, subject, "{}".into()))?;
        }
        desk.emit(thawed);
        Ok(after)
    }
}
