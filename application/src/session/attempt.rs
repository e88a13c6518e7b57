//! Failed proofs of who somebody is. Log-ins are counted by the e-mail address that is claimed, whether it has an account or
//! not, and by where they come from, whatever is claimed. Whatever takes a password or a session to be tried at all is counted
//! apart: no stranger can use it up.

use p2p_domain::audit_log::{AuditAction, AuditNote};
use p2p_domain::session::Origin;
use p2p_domain::user::Email;
use p2p_domain::{Refusal, UserId};
use sha2::{Digest, Sha256};

use crate::engine::UnitOfWork;
use crate::ports::source_of;

/// Under which failures are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AttemptKey(pub u128);

impl AttemptKey {
    /// Log-ins under an e-mail address.
    #[must_use]
    pub fn of_log_in(email: &Email) -> Self {
        Self::digest(&format!("log-ins as {}", email.as_str()))
    }

    /// Log-ins from where somebody is, if that is known.
    #[must_use]
    pub fn of_source(origin: &Origin) -> Option<Self> {
        let source = source_of(origin.address?);
        Some(Self::digest(&format!("log-ins from {source}")))
    }

    /// The password of somebody who has logged in, asked for once more.
    #[must_use]
    pub fn of_password(user: UserId) -> Self {
        Self::digest(&format!("password of {user}"))
    }

    /// Codes of somebody's second factor.
    #[must_use]
    pub fn of_codes(user: UserId) -> Self {
        Self::digest(&format!("codes of {user}"))
    }

    /// Each kind has words of its own before what anybody may write: none can be taken for another.
    fn digest(text: &str) -> Self {
        let digest = Sha256::digest(text);
        let half = digest.first_chunk::<16>();
        Self(half.map_or(0, |bytes| u128::from_be_bytes(*bytes)))
    }
}

/// What becomes of somebody who wants to prove who they are. What is remembered of it is committed, whatever it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AuthOutcome<T> {
    Admitted(T),
    Denied {
        refusal: Refusal,
        /// With this failure nobody is let in for long, and the owner is to be told.
        locks: Option<AttemptKey>,
    },
}

impl<T> AuthOutcome<T> {
    /// Not let in, and nothing is remembered of it.
    pub(crate) const fn denied(refusal: Refusal) -> Self {
        Self::Denied {
            refusal,
            locks: None,
        }
    }

    /// Whether it is denied for this reason.
    pub(crate) fn is(&self, reason: &Refusal) -> bool {
        matches!(self, Self::Denied { refusal, .. } if refusal == reason)
    }
}

/// Denied while too many attempts have failed of late.
pub(crate) fn look_at<T>(uow: &UnitOfWork<'_>, key: AttemptKey) -> Option<AuthOutcome<T>> {
    let wait = uow.attempts(key.0).wait(&uow.policy().access, uow.now())?;
    Some(AuthOutcome::denied(Refusal::TooManyAttempts { wait }))
}

/// Somebody has proved who they are.
pub(crate) fn reset_failures(uow: &mut UnitOfWork<'_>, key: AttemptKey) {
    let attempts = uow.attempts(key.0);
    if attempts.failed > 0 {
        uow.save_attempts(attempts.forgiven());
    }
}

/// Counts a failure and denies. It is written down where it is somebody's account: strangers could fill the trail with others.
pub(crate) fn fail<T>(
    uow: &mut UnitOfWork<'_>,
    key: AttemptKey,
    whose: Option<UserId>,
    origin: &Origin,
    action: AuditAction,
    refusal: Refusal,
) -> Result<AuthOutcome<T>, Refusal> {
    let rules = uow.policy().access;
    let attempts = uow.attempts(key.0).one_more(uow.now());
    uow.save_attempts(attempts);
    // Nobody gets here while a lock is in force: this one begins one.
    let locks = attempts.is_locked(&rules);
    if let Some(user) = whose {
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
    Ok(AuthOutcome::Denied {
        refusal,
        locks: locks.then_some(key),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use p2p_domain::TypedId;

    #[test]
    fn nobody_counts_against_another_by_what_they_claim_to_be() {
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
