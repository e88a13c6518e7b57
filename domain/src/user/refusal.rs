//! Why a user is refused.

use std::fmt;

use super::role::Role;

/// Why the caller may not do this.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccessRefusal {
    /// The caller's account lacks the role.
    RoleRequired {
        role: Role,
    },
    /// The request names an author other than the caller.
    IdentityMismatch,
    NotOwner,
    /// A decision about the caller's own affairs.
    ConflictOfInterest,
    /// Administrators can't remove their own ADMIN role: without one the market can't be administered.
    OwnAdminRole,
    /// Both sides are the same user.
    SelfDeal,
}

impl AccessRefusal {
    /// The stable code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::RoleRequired { .. } => "ROLE_REQUIRED",
            Self::IdentityMismatch => "IDENTITY_MISMATCH",
            Self::NotOwner => "NOT_OWNER",
            Self::ConflictOfInterest => "CONFLICT_OF_INTEREST",
            Self::OwnAdminRole => "OWN_ADMIN_ROLE",
            Self::SelfDeal => "SELF_DEAL",
        }
    }
}

impl fmt::Display for AccessRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::RoleRequired { role } => write!(f, "this needs the role {role}"),
            Self::IdentityMismatch => {
                f.write_str("the request names an author other than the caller")
            }
            Self::NotOwner => f.write_str("only the owner may do this"),
            Self::ConflictOfInterest => {
                f.write_str("the decision concerns the caller, so another user has to make it")
            }
            Self::OwnAdminRole => f.write_str("administrators can't remove their own ADMIN role"),
            Self::SelfDeal => f.write_str("both sides are the same user"),
        }
    }
}

impl std::error::Error for AccessRefusal {}

/// Why an account or a password can't be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UserRefusal {
    EmailTaken,
    /// The account's e-mail address has to be verified first.
    EmailNotVerified,
    /// The link from a mail is invalid, used or expired.
    LinkSpent,
    /// The new password is too easily guessed.
    WeakPassword {
        reason: &'static str,
    },
}

impl UserRefusal {
    /// The stable code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::EmailTaken => "EMAIL_TAKEN",
            Self::EmailNotVerified => "EMAIL_NOT_VERIFIED",
            Self::LinkSpent => "LINK_SPENT",
            Self::WeakPassword { .. } => "WEAK_PASSWORD",
        }
    }
}

impl fmt::Display for UserRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::EmailTaken => f.write_str("this e-mail address already has an account"),
            Self::EmailNotVerified => {
                f.write_str("verify the e-mail address first: a mail has been sent to it")
            }
            Self::LinkSpent => f.write_str("the link is invalid, was used or has expired"),
            Self::WeakPassword { reason } => write!(f, "the password {reason}"),
        }
    }
}

impl std::error::Error for UserRefusal {}
