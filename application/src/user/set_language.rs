//! Somebody says in which language they are told things.

use domain::user::Caller;
use domain::{Language, Refusal, User};

use crate::pipeline::{Command, Desk, Needs};

/// Chooses the caller's language.
#[derive(Debug, Clone, Copy)]
pub struct SetLanguage {
    pub caller: Caller,
    pub language: Language,
}

impl Command for SetLanguage {
    type Outcome = User;

    fn needs(&self, needs: &mut Needs) {
        needs.user(self.caller.user);
    }

    fn decide(&self, desk: &mut Desk<'_>) -> Result<User, Refusal> {
        let user = desk.user(self.caller.user)?;
        if user.language == self.language {
            return Ok(user);
        }
        let user = user.speaking(self.language);
        desk.save_user(user.clone());
        Ok(user)
    }
}
