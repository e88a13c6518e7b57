//! A user chooses the language of their mails and notifications.

use p2p_domain::user::Caller;
use p2p_domain::{Language, Refusal, User};

use crate::engine::{Command, ReadSet, UnitOfWork};

/// Chooses the caller's language.
#[derive(Debug, Clone, Copy)]
pub struct SetLanguage {
    pub caller: Caller,
    pub language: Language,
}

impl Command for SetLanguage {
    type Outcome = User;

    fn read_set(&self, reads: &mut ReadSet) {
        reads.lock::<User>(self.caller.user);
    }

    fn decide(&self, uow: &mut UnitOfWork<'_>) -> Result<User, Refusal> {
        let user = uow.get::<User>(&self.caller.user)?;
        if user.language == self.language {
            return Ok(user);
        }
        let user = user.speaking(self.language);
        uow.save(user.clone());
        Ok(user)
    }
}
