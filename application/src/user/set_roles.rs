//! An administrator says what somebody may do.

use domain::audit::{AuditAction, AuditNote};
use domain::user::Caller;
use domain::{Exchanger, Refusal, Role, Roles, User, UserId};

use crate::pipeline::{Command, Desk, Needs};

/// Gives a user exactly these roles. Who stops being an exchanger goes offline; running deals go on.
#[derive(Debug, Clone, Copy)]
pub struct SetRoles {
    pub caller: Caller,
    pub user: UserId,
    pub roles: Roles,
}

impl Command for SetRoles {
    type Outcome = User;

    fn needs(&self, needs: &mut Needs) {
        needs.caller(self.caller);
        needs.user(self.user);
        needs.exchanger(self.user);
        needs.trail();
    }

    fn is_background(&self) -> bool {
        true
    }

    fn decide(&self, desk: &mut Desk<'_>) -> Result<User, Refusal> {
        desk.require_staff(self.caller, Role::Admin)?;
        if self.caller.user == self.user && !self.roles.contains(Role::Admin) {
            return Err(Refusal::OwnAdminRole);
        }
        let user = desk.user(self.user)?;
        if user.roles == self.roles {
            return Ok(user);
        }
        let names = |roles: Roles| roles.iter().map(Role::name).collect::<Vec<_>>();
        let detail = serde_json::json!({ "before": names(user.roles), "after": names(self.roles) });
        let user = user.with_roles(self.roles, desk.now());
        match (
            desk.exchanger(self.user),
            self.roles.contains(Role::Exchanger),
        ) {
            (Err(_), true) => desk.save_exchanger(Exchanger::new(self.user)),
            (Ok(exchanger), false) if exchanger.online => {
                desk.save_exchanger(exchanger.switch(false));
            }
            _ => {}
        }
        let (action, subject) = (AuditAction::RolesChanged, self.user.to_string());
        desk.note(AuditNote::by(
            self.caller,
            action,
            subject,
            detail.to_string(),
        ))?;
        desk.save_user(user.clone());
        Ok(user)
    }
}
