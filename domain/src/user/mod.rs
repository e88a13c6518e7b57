//! Users, their roles and what a request says about its caller.

mod caller;
mod language;
mod refusal;
mod role;

pub use caller::Caller;
pub use language::Language;
pub use refusal::{AccessRefusal, UserRefusal};
pub use role::{Role, Roles, UnknownRole};

use std::fmt;

use crate::{Timestamp, UserId};

/// An e-mail address in the one form under which it is stored and compared: lower case, trimmed.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Email(String);

impl Email {
    /// Brings an address into that form; that it is an address at all is checked where it comes in.
    #[must_use]
    pub fn new(address: &str) -> Self {
        Self(address.trim().to_lowercase())
    }

    /// The address.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A password as the hasher left it; never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(String);

impl PasswordHash {
    /// Wraps what the hasher made.
    #[must_use]
    pub const fn new(encoded: String) -> Self {
        Self(encoded)
    }

    /// The encoded hash, for storage and for verification only.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash(…)")
    }
}

/// Whether a name stays in its line, in which it does not turn or hide what is around it: it stands in texts that others read.
#[must_use]
pub fn is_one_line(name: &str) -> bool {
    let breaks = |letter: char| {
        letter.is_control()
            || matches!(letter, '\u{2028}' | '\u{2029}')
            // Directions of writing that go on behind it.
            || matches!(letter, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    !name.contains(breaks)
}

/// An account of a person or a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    pub id: UserId,
    pub email: Email,
    pub name: String,
    pub roles: Roles,
    /// `None`: this user can't log in.
    pub password: Option<PasswordHash>,
    /// When it was last set.
    pub password_changed_at: Timestamp,
    /// When they proved that mail to their address reaches them.
    pub email_verified_at: Option<Timestamp>,
    /// When their roles were last changed: what was said of them before is not true any more.
    pub roles_changed_at: Option<Timestamp>,
    /// In which they are told things.
    pub language: Language,
    pub created_at: Timestamp,
    pub version: u64,
}

impl User {
    /// A new account.
    #[must_use]
    pub const fn register(
        id: UserId,
        email: Email,
        name: String,
        roles: Roles,
        password: Option<PasswordHash>,
        now: Timestamp,
    ) -> Self {
        Self {
            id,
            email,
            name,
            roles,
            password,
            password_changed_at: now,
            email_verified_at: None,
            roles_changed_at: None,
            language: Language::English,
            created_at: now,
            version: 1,
        }
    }

    /// The same account, told things in this language.
    #[must_use]
    pub fn speaking(self, language: Language) -> Self {
        Self {
            language,
            version: self.version + 1,
            ..self
        }
    }

    /// The same account with exactly these roles. They never change twice at the same time, so that the last change is known by
    /// it, whatever the clocks say.
    #[must_use]
    pub fn with_roles(self, roles: Roles, now: Timestamp) -> Self {
        let next = self.roles_changed_at.map_or(now, |before| {
            now.max(before.after(std::time::Duration::from_micros(1)))
        });
        Self {
            roles,
            roles_changed_at: Some(next),
            version: self.version + 1,
            ..self
        }
    }

    /// The same account under another password. It never changes twice at the same time, so that the time names it.
    #[must_use]
    pub fn with_password(self, password: PasswordHash, now: Timestamp) -> Self {
        let next = self
            .password_changed_at
            .after(std::time::Duration::from_micros(1));
        Self {
            password: Some(password),
            password_changed_at: now.max(next),
            version: self.version + 1,
            ..self
        }
    }

    /// The same account and password, hashed anew: nothing has changed but what a guess costs.
    #[must_use]
    pub fn with_rehashed(self, password: PasswordHash) -> Self {
        Self {
            password: Some(password),
            version: self.version + 1,
            ..self
        }
    }

    /// The same account, whose mail reaches its owner.
    #[must_use]
    pub fn verified(self, now: Timestamp) -> Self {
        if self.email_verified_at.is_some() {
            return self;
        }
        Self {
            email_verified_at: Some(now),
            version: self.version + 1,
            ..self
        }
    }
}
