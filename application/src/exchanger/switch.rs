//! An exchanger goes online or offline.

use p2p_domain::user::Caller;
use p2p_domain::{Exchanger, Refusal, Role, UserId};

use crate::engine::{Command, ReadSet, UnitOfWork};

/// Sets the caller's online switch. Setting it to its present value changes nothing.
#[derive(Debug, Clone, Copy)]
pub struct SwitchOnline {
    pub caller: Caller,
    /// The exchanger that the request names; must be the caller.
    pub exchanger: UserId,
    pub online: bool,
}

impl Command for SwitchOnline {
    type Outcome = Exchanger;

    fn read_set(&self, reads: &mut ReadSet) {
        reads.caller(self.caller);
        reads.lock::<Exchanger>(self.caller.user);
    }

    fn decide(&self, uow: &mut UnitOfWork<'_>) -> Result<Exchanger, Refusal> {
        uow.require(self.caller, Role::Exchanger)?;
        self.caller.claims_to_be(self.exchanger)?;
        let before = uow.get::<Exchanger>(&self.caller.user)?;
        let after = before.switch(self.online);
        if after != before {
            uow.save(after);
        }
        Ok(after)
    }
}
