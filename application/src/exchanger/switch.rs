//! An exchanger goes online or offline.

use domain::user::Caller;
use domain::{Exchanger, Refusal, Role, UserId};

use crate::pipeline::{Command, Desk, Needs};

/// Turns the caller's own switch. Turned to where it is, it stays there.
#[derive(Debug, Clone, Copy)]
pub struct SwitchOnline {
    pub caller: Caller,
    /// Whose switch the request names; only one's own can be turned.
    pub exchanger: UserId,
    pub online: bool,
}

impl Command for SwitchOnline {
    type Outcome = Exchanger;

    fn needs(&self, needs: &mut Needs) {
        needs.caller(self.caller);
        needs.exchanger(self.caller.user);
    }

    fn decide(&self, desk: &mut Desk<'_>) -> Result<Exchanger, Refusal> {
        desk.require(self.caller, Role::Exchanger)?;
        self.caller.claims_to_be(self.exchanger)?;
        let before = desk.exchanger(self.caller.user)?;
        let after = before.switch(self.online);
        if after != before {
            desk.save_exchanger(after);
        }
        Ok(after)
    }
}
