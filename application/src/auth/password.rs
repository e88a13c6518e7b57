//! The password of a logged-in user, asked for again before a sensitive change.

use p2p_domain::audit_log::AuditAction;
use p2p_domain::refusal::SessionRefusal;
use p2p_domain::session::Origin;
use p2p_domain::user::Caller;
use p2p_domain::{FailedAttempts, Refusal, Timestamp, User};

use super::{AccessError, AttemptKey, AuthOutcome, check_lockout, record_failure, reset_failures};
use crate::Market;
use crate::engine::{ReadSet, UnitOfWork};

/// A password that was compared with the stored hash, the result not yet counted.
#[derive(Debug, Clone)]
pub struct CheckedPassword {
    pub caller: Caller,
    /// When the matching password was set; `None`: it does not match.
    pub password_set_at: Option<Timestamp>,
    pub origin: Origin,
}

impl CheckedPassword {
    /// Refuses while too many wrong passwords lock the account. To be called before hashing, which is expensive.
    pub(crate) async fn check_lockout(market: &Market, caller: Caller) -> Result<(), AccessError> {
        let key = AttemptKey::of_password(caller.user);
        let attempts = market.queries().find_attempts(key.0).await?;
        let rules = market.policy().access;
        match attempts.and_then(|attempts| attempts.wait(&rules, market.now())) {
            Some(wait) => Err(Refusal::Session(SessionRefusal::TooManyAttempts { wait }).into()),
            None => Ok(()),
        }
    }

    /// Compares a password with the stored hash. The commit decides on the result, so that parallel guesses are all counted.
    pub(crate) async fn check(
        market: &Market,
        caller: Caller,
        password: String,
        origin: Origin,
    ) -> Result<(User, Self), AccessError> {
        let user = market.queries().find_user(caller.user).await?;
        let user = user.ok_or(Refusal::Session(SessionRefusal::BadCredentials))?;
        Self::check_lockout(market, caller).await?;
        let hash = user.password.clone();
        let verdict = market.passwords().verify(password, hash).await?;
        let checked = Self {
            caller,
            password_set_at: verdict.is_right().then_some(user.password_changed_at),
            origin,
        };
        Ok((user, checked))
    }

    pub(crate) fn read_set(&self, reads: &mut ReadSet) {
        reads.lock::<User>(self.caller.user);
        reads.lock::<FailedAttempts>(AttemptKey::of_password(self.caller.user).0);
        reads.audit_head();
    }

    /// Admits the caller if the password matches, and records a failure otherwise.
    pub(crate) fn admit(&self, uow: &mut UnitOfWork<'_>) -> Result<AuthOutcome<User>, Refusal> {
        let key = AttemptKey::of_password(self.caller.user);
        if let Some(denial) = check_lockout(uow, key) {
            return Ok(denial.into());
        }
        let user = uow.get::<User>(&self.caller.user)?;
        if self.password_set_at == Some(user.password_changed_at) {
            reset_failures(uow, key);
            return Ok(AuthOutcome::Admitted(user));
        }
        let (action, refusal) = (
            AuditAction::LogInFailed,
            Refusal::Session(SessionRefusal::BadCredentials),
        );
        let denial = record_failure(uow, key, Some(user.id), &self.origin, action, refusal)?;
        Ok(denial.into())
    }
}
