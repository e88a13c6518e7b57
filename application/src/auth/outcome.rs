//! The outcome of an attempt to authenticate.

use std::time::Duration;

use p2p_domain::session::Session;
use p2p_domain::{Refusal, User};

use super::{AccessError, AttemptKey, reset_token};
use crate::Market;
use crate::mail::MailTemplate;

/// How long the link in a mail about a lockout is valid.
const UNLOCK_LINK_LIFETIME: Duration = Duration::from_secs(24 * 60 * 60);

/// The outcome of an attempt. Its record is committed in either case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AuthOutcome<T> {
    Admitted(T),
    Denied(Denial),
}

/// A denied attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Denial {
    pub refusal: Refusal,
    /// The key that this failure has locked: the owner of the account is to be told.
    pub locks: Option<AttemptKey>,
}

impl Denial {
    /// A denial that leaves no record.
    pub(crate) const fn of(refusal: Refusal) -> Self {
        Self {
            refusal,
            locks: None,
        }
    }
}

impl<T> From<Denial> for AuthOutcome<T> {
    fn from(denial: Denial) -> Self {
        Self::Denied(denial)
    }
}

/// A user who has authenticated, with their session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Admitted {
    pub user: User,
    pub session: Session,
    /// How many recovery codes are left, if one was used.
    pub recovery_left: Option<usize>,
}

impl Admitted {
    /// Sends the owner a mail if a recovery code was used.
    pub(crate) fn notify_recovery_use(&self, market: &Market) {
        if let Some(left) = self.recovery_left {
            let template = MailTemplate::RecoveryCodeUsed { left };
            market.mail().enqueue(&self.user, &template);
        }
    }
}

/// The error for a denied user. If the denial locks the account, its owner gets a mail with the way out.
pub(crate) fn deny(market: &Market, user: &User, denial: Denial) -> AccessError {
    match denial.locks {
        Some(key) if key == AttemptKey::of_codes(user.id) => {
            market.mail().enqueue(user, &MailTemplate::CodesLocked);
        }
        Some(_) => match reset_token(market, user, UNLOCK_LINK_LIFETIME) {
            Ok(token) => market.mail().enqueue(user, &MailTemplate::Locked { token }),
            Err(error) => return error,
        },
        None => {}
    }
    denial.refusal.into()
}
