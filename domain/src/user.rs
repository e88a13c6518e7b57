//! People and what they may do.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use crate::notification::Language;
use crate::policy::AccessRules;
use crate::{Refusal, SessionId, Timestamp, UserId};

/// What an account may do. One account may hold several.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Role {
    /// Browses listings and makes offers on them.
    Customer,
    /// Also publishes listings and answers offers.
    Exchanger,
    /// Decides disputes and unfreezes exchangers.
    Moderator,
    /// All of a moderator, and users, roles and deposits.
    Admin,
}

impl Role {
    /// Every role.
    pub const ALL: [Self; 4] = [
        Self::Customer,
        Self::Exchanger,
        Self::Moderator,
        Self::Admin,
    ];

    /// The name that interfaces use.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Customer => "CUSTOMER",
            Self::Exchanger => "EXCHANGER",
            Self::Moderator => "MODERATOR",
            Self::Admin => "ADMIN",
        }
    }

    const fn bit(self) -> u8 {
        match self {
            Self::Customer => 1,
            Self::Exchanger => 2,
            Self::Moderator => 4,
            Self::Admin => 8,
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// No role has this name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnknownRole;

impl fmt::Display for UnknownRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("unknown role")
    }
}

impl std::error::Error for UnknownRole {}

impl FromStr for Role {
    type Err = UnknownRole;
    fn from_str(name: &str) -> Result<Self, UnknownRole> {
        Self::ALL
            .into_iter()
            .find(|role| role.name() == name)
            .ok_or(UnknownRole)
    }
}

/// A set of roles.
#[derive(Clone, Copy, PartialEq, Eq, Default, Hash)]
pub struct Roles(u8);

impl Roles {
    /// Whether it holds the role itself or one that includes it: an ADMIN may do all that a MODERATOR may, an EXCHANGER
    /// all that a CUSTOMER may.
    #[must_use]
    pub const fn allow(self, role: Role) -> bool {
        self.contains(role)
            || match role {
                Role::Customer => self.contains(Role::Exchanger),
                Role::Moderator => self.contains(Role::Admin),
                Role::Exchanger | Role::Admin => false,
            }
    }

    /// Whether exactly this role is in the set.
    #[must_use]
    pub const fn contains(self, role: Role) -> bool {
        self.0 & role.bit() != 0
    }

    /// The roles in a fixed order.
    pub fn iter(self) -> impl Iterator<Item = Role> {
        Role::ALL
            .into_iter()
            .filter(move |role| self.contains(*role))
    }

    /// The set as bits, as it is stored: CUSTOMER 1, EXCHANGER 2, MODERATOR 4, ADMIN 8.
    #[must_use]
    pub const fn bits(self) -> u8 {
        self.0
    }

    /// From stored bits; `None` where a bit means nothing.
    #[must_use]
    pub const fn from_bits(bits: u8) -> Option<Self> {
        if bits < 16 { Some(Self(bits)) } else { None }
    }
}

impl FromIterator<Role> for Roles {
    fn from_iter<I: IntoIterator<Item = Role>>(roles: I) -> Self {
        Self(roles.into_iter().fold(0, |bits, role| bits | role.bit()))
    }
}

impl<const N: usize> From<[Role; N]> for Roles {
    fn from(roles: [Role; N]) -> Self {
        roles.into_iter().collect()
    }
}

impl fmt::Debug for Roles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

/// Who is asking: an account and its roles, as the access token says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Caller {
    pub user: UserId,
    pub roles: Roles,
    /// The session in which they ask; `None`: somebody else answers for who they are.
    pub session: Option<SessionId>,
    /// When they last showed their second factor.
    pub proved_at: Option<Timestamp>,
    /// Where they ask from, if that is known.
    pub address: Option<IpAddr>,
}

impl Caller {
    /// Somebody with these roles, and nothing more to say of them.
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
    pub fn require_proof(self, rules: &AccessRules, now: Timestamp) -> Result<(), Refusal> {
        match self.proved_at {
            Some(at) if now < at.after(rules.proof_lasts) => Ok(()),
            _ => Err(Refusal::SecondFactorRequired),
        }
    }

    /// Refused unless the caller holds the role.
    pub const fn require(self, role: Role) -> Result<(), Refusal> {
        if self.roles.allow(role) {
            Ok(())
        } else {
            Err(Refusal::RoleRequired { role })
        }
    }

    /// Refused where all roles were taken away: such an account looks, and ends what it has begun, but begins nothing.
    pub const fn require_any(self) -> Result<(), Refusal> {
        if self.roles.bits() == 0 {
            self.require(Role::Customer)
        } else {
            Ok(())
        }
    }

    /// Refused where the request names somebody else as its author.
    pub fn claims_to_be(self, user: UserId) -> Result<(), Refusal> {
        if self.user == user {
            Ok(())
        } else {
            Err(Refusal::IdentityMismatch)
        }
    }
}

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
    /// `None`: nobody can log in as this user.
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
