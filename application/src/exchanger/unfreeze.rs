//! A moderator lifts a freeze.

use p2p_domain::audit_log::{AuditAction, AuditNote};
use p2p_domain::refusal::AccessRefusal;
use p2p_domain::user::Caller;
use p2p_domain::{Exchanger, Refusal, Role, UserId};

use crate::engine::{Command, ReadSet, UnitOfWork};

/// Lifts a freeze. The listings stay paused until their owner resumes them. Does nothing if there is no freeze.
#[derive(Debug, Clone, Copy)]
pub struct UnfreezeExchanger {
    pub caller: Caller,
    pub exchanger: UserId,
}

impl Command for UnfreezeExchanger {
    type Outcome = Exchanger;

    fn read_set(&self, reads: &mut ReadSet) {
        reads.caller(self.caller);
        reads.lock::<Exchanger>(self.exchanger);
        reads.audit_head();
    }

    fn is_background(&self) -> bool {
        true
    }

    fn decide(&self, uow: &mut UnitOfWork<'_>) -> Result<Exchanger, Refusal> {
        uow.require_staff(self.caller, Role::Moderator)?;
        if self.caller.user == self.exchanger {
            return Err(Refusal::Access(AccessRefusal::ConflictOfInterest));
        }
        let before = uow.get::<Exchanger>(&self.exchanger)?;
        let (after, thawed) = before.unfreeze(self.caller.user, uow.now());
        if after != before {
            uow.save(after);
            let (action, subject) = (AuditAction::ExchangerUnfrozen, self.exchanger.to_string());
            uow.note(AuditNote::by(self.caller, action, subject, "{}".into()))?;
        }
        uow.emit(thawed);
        Ok(after)
    }
}
