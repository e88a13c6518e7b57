//! Failed attempts to authenticate. Failed log-ins are counted per claimed e-mail address, whether it has an account or not, and
//! per source address. Attempts that need a session or the right password are counted separately, so that a stranger can't
//! exhaust them.

use p2p_domain::audit_log::{AuditAction, AuditNote};
use p2p_domain::refusal::SessionRefusal;
use p2p_domain::session::Origin;
use p2p_domain::user::Email;
use p2p_domain::{FailedAttempts, Refusal, UserId};
use sha2::{Digest, Sha256};

use super::Denial;
use crate::engine::{Related, UnitOfWork};
use crate::ports::source_of;

/// The key under which failures are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AttemptKey(pub u128);

impl AttemptKey {
    /// Log-ins under an e-mail address.
    #[must_use]
    pub fn of_log_in(email: &Email) -> Self {
        Self::digest(&format!("log-ins as {}", email.as_str()))
    }

    /// Log-ins from a source address, if it is known.
    #[must_use]
    pub fn of_source(origin: &Origin) -> Option<Self> {
        let source = source_of(origin.address?);
        Some(Self::digest(&format!("log-ins from {source}")))
    }

    /// The password of a logged-in user, asked for again.
    #[must_use]
    pub fn of_password(user: UserId) -> Self {
        Self::digest(&format!("password of {user}"))
    }

    /// Codes of a user's second factor.
    #[must_use]
    pub fn of_codes(user: UserId) -> Self {
        Self::digest(&format!("codes of {user}"))
    }

    /// Each kind of key has a prefix of its own, so that no claimed address can collide with another kind.
    fn digest(text: &str) -> Self {
        let digest = Sha256::digest(text);
        let half = digest.first_chunk::<16>();
        Self(half.map_or(0, |bytes| u128::from_be_bytes(*bytes)))
    }
}

/// A denial while too many recent attempts have failed.
pub(crate) fn check_lockout(uow: &UnitOfWork<'_>, key: AttemptKey) -> Option<Denial> {
    let wait = uow
        .get_or_new::<FailedAttempts>(key.0)
        .wait(&uow.policy().access, uow.now())?;
    Some(Denial::of(Refusal::Session(
        SessionRefusal::TooManyAttempts { wait },
    )))
}

/// Forgets the failures after a success.
pub(crate) fn reset_failures(uow: &mut UnitOfWork<'_>, key: AttemptKey) {
    let attempts = uow.get_or_new::<FailedAttempts>(key.0);
    if attempts.failed > 0 {
        uow.save(attempts.reset());
    }
}

/// Counts a failure and denies. Only failures of an existing account go to the audit log: strangers could fill it with others.
pub(crate) fn record_failure(
    uow: &mut UnitOfWork<'_>,
    key: AttemptKey,
    account: Option<UserId>,
    origin: &Origin,
    action: AuditAction,
    refusal: Refusal,
) -> Result<Denial, Refusal> {
    let rules = uow.policy().access;
    let attempts = uow.get_or_new::<FailedAttempts>(key.0).one_more(uow.now());
    uow.save(attempts);
    // An attempt during a lockout never gets here, so a lock found here is a new one.
    let locks = attempts.is_locked(&rules);
    if let Some(user) = account {
        let note = |action| AuditNote {
            actor: None,
            session: None,
            address: origin.address,
            action,
            subject: user.to_string(),
            detail: serde_json::json!({ "failed_in_a_row": attempts.failed }).to_string(),
        };
        uow.note(note(action))?;
        if locks {
            uow.note(note(AuditAction::LogInLocked))?;
        }
    }
    Ok(Denial {
        refusal,
        locks: locks.then_some(key),
    })
}

impl Related for FailedAttempts {}

#[cfg(test)]
mod tests {
    use super::*;
    use p2p_domain::TypedId;

    #[test]
    fn no_claimed_address_collides_with_another_kind_of_key() {
        let user = UserId::from_u128(7);
        let origin = Origin::new("2001:db8::7".parse().ok(), "a test");
        let mut keys = vec![
            AttemptKey::of_codes(user).0,
            AttemptKey::of_password(user).0,
        ];
        keys.extend(AttemptKey::of_source(&origin).map(|key| key.0));
        for claimed in [
            format!("codes of {user}"),
            format!("password of {user}"),
            "log-ins from 2001:db8::".to_owned(),
            "anna@example.org".to_owned(),
        ] {
            keys.push(AttemptKey::of_log_in(&Email::new(&claimed)).0);
        }
        assert_eq!(keys.len(), 7);
        keys.sort_unstable();
        keys.dedup();
        assert_eq!(keys.len(), 7);
    }
}
