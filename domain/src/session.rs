//! Sessions: from a log-in until it is over, and the validity of their refresh tokens.

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use crate::named::named;
use crate::policy::AccessRules;
use crate::user::Caller;
use crate::{Roles, SessionId, Timestamp, UserId};

named! {
    /// Why a session is over.
    SessionEnd {
        /// Its owner logged out.
        LoggedOut = "LOGGED_OUT",
        /// Its owner ended it from another one.
        Revoked = "REVOKED",
        /// A refresh token came a second time, so a copy exists.
        Reused = "REUSED",
        /// The password was changed.
        PasswordChanged = "PASSWORD_CHANGED",
        /// An administrator ended it.
        ByStaff = "BY_STAFF",
        /// Its owner has logged in too often since.
        Displaced = "DISPLACED",
    }
}

/// The origin of a request.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Origin {
    pub address: Option<IpAddr>,
    /// What their program calls itself; at most [`Origin::MAX_CLIENT`] characters.
    pub client: String,
}

impl Origin {
    /// The longest name of a program that is kept, in characters.
    pub const MAX_CLIENT: usize = 200;

    /// An origin with the program's name cut to size and without control characters.
    #[must_use]
    pub fn new(address: Option<IpAddr>, client: &str) -> Self {
        let shown = client.chars().filter(|letter| !letter.is_control());
        Self {
            address,
            client: shown.take(Self::MAX_CLIENT).collect(),
        }
    }
}

/// One log-in, and all that followed from it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    pub id: SessionId,
    pub user: UserId,
    pub origin: Origin,
    pub started_at: Timestamp,
    pub last_used_at: Timestamp,
    /// It is over then, however much it is used.
    pub expires_at: Timestamp,
    /// Which refresh token is the one that is good: each is good once.
    pub generation: u32,
    /// When the second factor was last shown.
    pub proved_at: Option<Timestamp>,
    pub ended: Option<(Timestamp, SessionEnd)>,
    pub version: u64,
}

/// What came of a refresh token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Renewal {
    /// The session goes on with its next token.
    Renewed(Session),
    /// The token was used before: the session is over.
    Reused(Session),
}

/// Why a log-in or a session is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionRefusal {
    /// The e-mail address and the password don't match.
    BadCredentials,
    /// Too many log-ins have failed; the next attempt is allowed after this time.
    TooManyAttempts { wait: Duration },
    /// The session has ended, or the refresh token is not its current one.
    Over,
}

impl SessionRefusal {
    /// The stable code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::BadCredentials => "BAD_CREDENTIALS",
            Self::TooManyAttempts { .. } => "TOO_MANY_ATTEMPTS",
            Self::Over => "SESSION_OVER",
        }
    }
}

impl fmt::Display for SessionRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BadCredentials => f.write_str("wrong e-mail address or password"),
            Self::TooManyAttempts { wait } => write!(
                f,
                "too many log-ins have failed: wait {} seconds, or reset the password",
                wait.as_millis().div_ceil(1_000)
            ),
            Self::Over => f.write_str("the session is over: log in again"),
        }
    }
}

impl std::error::Error for SessionRefusal {}

impl Session {
    /// How many open sessions a user may have.
    pub const MOST: usize = 50;

    /// A log-in.
    #[must_use]
    pub fn open(
        id: SessionId,
        user: UserId,
        origin: Origin,
        proved: bool,
        rules: &AccessRules,
        now: Timestamp,
    ) -> Self {
        Self {
            id,
            user,
            origin,
            started_at: now,
            last_used_at: now,
            expires_at: now.after(rules.session_lifetime),
            generation: 1,
            proved_at: proved.then_some(now),
            ended: None,
            version: 1,
        }
    }

    /// Whether it goes on: not ended, not too old, not left alone for too long.
    #[must_use]
    pub fn is_open(&self, rules: &AccessRules, now: Timestamp) -> bool {
        self.ended.is_none()
            && now < self.expires_at
            && now < self.last_used_at.after(rules.session_idle)
    }

    /// Takes a refresh token of this generation.
    pub fn renew(
        self,
        generation: u32,
        rules: &AccessRules,
        now: Timestamp,
    ) -> Result<Renewal, SessionRefusal> {
        if !self.is_open(rules, now) || generation > self.generation {
            return Err(SessionRefusal::Over);
        }
        if generation < self.generation {
            return Ok(Renewal::Reused(self.end(SessionEnd::Reused, now)));
        }
        Ok(Renewal::Renewed(self.changed(|session| {
            session.generation = session.generation.saturating_add(1);
            session.last_used_at = now;
        })))
    }

    /// Ends it; once.
    #[must_use]
    pub fn end(self, why: SessionEnd, now: Timestamp) -> Self {
        if self.ended.is_some() {
            return self;
        }
        self.changed(|session| session.ended = Some((now, why)))
    }

    /// The second factor was shown in it.
    #[must_use]
    pub fn prove(self, now: Timestamp) -> Self {
        self.changed(|session| {
            session.proved_at = Some(now);
            session.last_used_at = now;
        })
    }

    /// The caller of a request in this session, with these roles.
    #[must_use]
    pub const fn caller(&self, roles: Roles) -> Caller {
        Caller {
            user: self.user,
            roles,
            session: Some(self.id),
            proved_at: self.proved_at,
            address: self.origin.address,
        }
    }

    fn changed(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self.version += 1;
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::TypedId;

    const NOW: Timestamp = Timestamp::from_micros(1_000_000);

    fn session() -> Session {
        let (id, user) = (SessionId::from_u128(1), UserId::from_u128(2));
        let rules = AccessRules::default();
        Session::open(id, user, Origin::default(), false, &rules, NOW)
    }

    fn renew(session: Session, generation: u32, now: Timestamp) -> Result<Renewal, SessionRefusal> {
        session.renew(generation, &AccessRules::default(), now)
    }

    #[test]
    fn each_token_is_good_once_and_a_copy_ends_the_session() {
        let Ok(Renewal::Renewed(second)) = renew(session(), 1, NOW) else {
            panic!("the first token is good");
        };
        assert_eq!(second.generation, 2);
        assert_eq!(
            renew(second.clone(), 3, NOW),
            Err(SessionRefusal::Over),
            "not given out yet"
        );
        let Ok(Renewal::Reused(over)) = renew(second, 1, NOW) else {
            panic!("it was used before");
        };
        assert_eq!(over.ended, Some((NOW, SessionEnd::Reused)));
        assert_eq!(renew(over, 2, NOW), Err(SessionRefusal::Over));
    }

    #[test]
    fn a_session_ends_by_age_and_by_being_left_alone() {
        let rules = AccessRules::default();
        let idle = NOW.after(rules.session_idle);
        assert!(session().is_open(&rules, idle.before(Duration::from_micros(1))));
        assert!(!session().is_open(&rules, idle));
        let mut used = session();
        let mut now = NOW;
        while now.after(rules.session_idle) < used.expires_at {
            now = now.after(rules.session_idle / 2);
            let generation = used.generation;
            let Ok(Renewal::Renewed(next)) = renew(used, generation, now) else {
                panic!("it is in use");
            };
            used = next;
        }
        assert_eq!(used.expires_at, NOW.after(rules.session_lifetime));
        assert!(!used.is_open(&rules, used.expires_at));
    }

    #[test]
    fn what_a_program_calls_itself_is_cut_to_size() {
        let origin = Origin::new(None, &format!("a\r\nb\u{1b}[2J{}", "x".repeat(500)));
        assert!(origin.client.starts_with("ab[2Jx"));
        assert_eq!(origin.client.chars().count(), Origin::MAX_CLIENT);
    }
}
