//! The user that makes a request.

use std::net::IpAddr;

use super::refusal::AccessRefusal;
use super::role::{Role, Roles};
use crate::policy::AccessRules;
use crate::second_factor::SecondFactorRefusal;
use crate::{SessionId, Timestamp, UserId};

/// The caller of a request: an account and its roles, by the access token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Caller {
    pub user: UserId,
    pub roles: Roles,
    /// The session of the request; `None`: a gateway vouches for the caller.
    pub session: Option<SessionId>,
    /// When they last showed their second factor.
    pub proved_at: Option<Timestamp>,
    /// Where they ask from, if that is known.
    pub address: Option<IpAddr>,
}

impl Caller {
    /// A caller with these roles, and nothing else.
    #[must_use]
    pub const fn new(user: UserId, roles: Roles) -> Self {
        Self {
            user,
            roles,
            session: None,
            proved_at: None,
            address: None,
        }
    }

    /// The same, having shown the second factor at this time.
    #[must_use]
    pub const fn proved(self, at: Timestamp) -> Self {
        Self {
            proved_at: Some(at),
            ..self
        }
    }

    /// Refused unless the second factor was shown not long ago.
    pub fn require_proof(
        self,
        rules: &AccessRules,
        now: Timestamp,
    ) -> Result<(), SecondFactorRefusal> {
        match self.proved_at {
            Some(at) if now < at.after(rules.proof_lasts) => Ok(()),
            _ => Err(SecondFactorRefusal::Required),
        }
    }

    /// Refused unless the caller holds the role.
    pub const fn require(self, role: Role) -> Result<(), AccessRefusal> {
        if self.roles.allow(role) {
            Ok(())
        } else {
            Err(AccessRefusal::RoleRequired { role })
        }
    }

    /// Refused where all roles were taken away: such an account looks, and ends what it has begun, but begins nothing.
    pub const fn require_any(self) -> Result<(), AccessRefusal> {
        if self.roles.bits() == 0 {
            self.require(Role::Customer)
        } else {
            Ok(())
        }
    }

    /// Refuses a request that names another user as its author.
    pub fn claims_to_be(self, user: UserId) -> Result<(), AccessRefusal> {
        if self.user == user {
            Ok(())
        } else {
            Err(AccessRefusal::IdentityMismatch)
        }
    }
}
