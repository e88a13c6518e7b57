//! Failed proofs of who somebody is: counted by the e-mail address that they claim, whether it has an account or not.

use domain::audit::{AuditAction, AuditNote};
use domain::session::Origin;
use domain::user::Email;
use domain::{Refusal, UserId};
use sha2::{Digest, Sha256};

use crate::pipeline::Desk;

/// Under which failed log-ins are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AttemptKey(pub u128);

impl From<&Email> for AttemptKey {
    fn from(email: &Email) -> Self {
        let digest = Sha256::digest(email.as_str());
        let half = digest.first_chunk::<16>();
        Self(half.map_or(0, |bytes| u128::from_be_bytes(*bytes)))
    }
}

/// What becomes of somebody who wants to prove who they are. What is remembered of it is committed, whatever it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate<T> {
    Admitted(T),
    Denied {
        refusal: Refusal,
        /// With this failure nobody is let in any more, and the owner is to be told.
        locks: bool,
    },
}

impl<T> Fate<T> {
    /// Not let in, and nothing is remembered of it.
    pub(crate) const fn denied(refusal: Refusal) -> Self {
        Self::Denied {
            refusal,
            locks: false,
        }
    }
}

/// Denied while too many attempts have failed of late.
pub(crate) fn look_at<T>(desk: &Desk<'_>, key: AttemptKey) -> Option<Fate<T>> {
    let wait = desk
        .attempts(key.0)
        .wait(&desk.policy().access, desk.now())?;
    Some(Fate::denied(Refusal::TooManyAttempts { wait }))
}

/// Counts a failure, writes it down, and denies.
pub(crate) fn fail<T>(
    desk: &mut Desk<'_>,
    key: AttemptKey,
    whose: Option<UserId>,
    origin: &Origin,
    action: AuditAction,
    refusal: Refusal,
) -> Result<Fate<T>, Refusal> {
    let rules = desk.policy().access;
    let before = desk.attempts(key.0);
    let after = before.one_more(desk.now());
    desk.save_attempts(after);
    let subject = whose.map(|user| user.to_string()).unwrap_or_default();
    let note = |action| AuditNote {
        actor: None,
        session: None,
        address: origin.address,
        action,
        subject: subject.clone(),
        detail: serde_json::json!({ "failed_in_a_row": after.failed }).to_string(),
    };
    desk.note(note(action))?;
    let locks = after.is_locked(&rules) && !before.is_locked(&rules);
    if locks {
        desk.note(note(AuditAction::LogInLocked))?;
    }
    Ok(Fate::Denied { refusal, locks })
}
