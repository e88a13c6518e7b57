//! An administrator changes the roles of a user.

use p2p_domain::audit_log::{AuditAction, AuditNote};
use p2p_domain::refusal::AccessRefusal;
use p2p_domain::user::Caller;
use p2p_domain::{Exchanger, Refusal, Role, Roles, User, UserId};

use crate::engine::{Command, ReadSet, UnitOfWork};

/// Gives a user exactly these roles. A user who loses EXCHANGER goes offline; their open deals continue.
#[derive(Debug, Clone, Copy)]
pub struct SetRoles {
    pub caller: Caller,
    pub user: UserId,
    pub roles: Roles,
}

impl Command for SetRoles {
    type Outcome = User;

    fn read_set(&self, reads: &mut ReadSet) {
        reads.caller(self.caller);
        reads.lock::<User>(self.user);
        reads.lock::<Exchanger>(self.user);
        reads.audit_head();
    }

    fn is_background(&self) -> bool {
        true
    }

    fn decide(&self, uow: &mut UnitOfWork<'_>) -> Result<User, Refusal> {
        uow.require_staff(self.caller, Role::Admin)?;
        if self.caller.user == self.user && !self.roles.contains(Role::Admin) {
            return Err(Refusal::Access(AccessRefusal::OwnAdminRole));
        }
        let user = uow.get::<User>(&self.user)?;
        if user.roles == self.roles {
            return Ok(user);
        }
        let names = |roles: Roles| roles.iter().map(Role::name).collect::<Vec<_>>();
        let detail = serde_json::json!({ "before": names(user.roles), "after": names(self.roles) });
        let user = user.with_roles(self.roles, uow.now());
        match (
            uow.get::<Exchanger>(&self.user),
            self.roles.contains(Role::Exchanger),
        ) {
            (Err(_), true) => uow.save(Exchanger::new(self.user)),
            (Ok(exchanger), false) if exchanger.online => {
                uow.save(exchanger.switch(false));
            }
            _ => {}
        }
        let (action, subject) = (AuditAction::RolesChanged, self.user.to_string());
        uow.note(AuditNote::by(
            self.caller,
            action,
            subject,
            detail.to_string(),
        ))?;
        uow.save(user.clone());
        Ok(user)
    }
}
