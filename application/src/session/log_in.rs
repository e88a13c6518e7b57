//! A user logs in, and a session begins.

use std::time::Duration;

use p2p_domain::audit_log::{AuditAction, AuditNote};
use p2p_domain::failed_attempts::FailedAttempts;
use p2p_domain::policy::AccessRules;
use p2p_domain::refusal::{SecondFactorRefusal, SessionRefusal, UserRefusal};
use p2p_domain::second_factor::PresentedCode;
use p2p_domain::session::{Origin, Session, SessionEnd};
use p2p_domain::user::{Email, PasswordHash};
use p2p_domain::{Refusal, SecondFactor, SessionId, Timestamp, User, UserId};

use super::{LoggedIn, issue_tokens};
use crate::Market;
use crate::auth::{
    AccessError, Admitted, AttemptKey, AuthOutcome, Denial, deny, record_failure, reset_failures,
    send_verification_link,
};
use crate::engine::{Command, ReadSet, UnitOfWork};
use crate::ports::Verdict;
use crate::second_factor::{accept_code, present_code};

/// What a user presents to log in.
#[derive(Clone)]
pub struct Credentials {
    pub email: Email,
    pub password: String,
    /// A code of the authenticator or a recovery code, if the account has a second factor.
    pub code: Option<String>,
    pub origin: Origin,
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Credentials(…)")
    }
}

/// Opens a session, or counts the failure.
#[derive(Debug, Clone)]
pub struct LogIn {
    /// Of the new session.
    pub id: SessionId,
    pub key: AttemptKey,
    /// The key of the source address, if failures per source are counted.
    pub source: Option<AttemptKey>,
    /// The owner of the e-mail address; an unused id if there is none, so that both cases take the same steps.
    pub user: UserId,
    /// When the matching password was set; `None`: the password does not match.
    pub password_set_at: Option<Timestamp>,
    /// A new hash of the same password, if the stored one is cheaper than today's cost.
    pub rehashed: Option<PasswordHash>,
    pub code: Option<PresentedCode>,
    pub origin: Origin,
}

impl Command for LogIn {
    type Outcome = AuthOutcome<Admitted>;

    fn read_set(&self, reads: &mut ReadSet) {
        reads.lock::<FailedAttempts>(self.key.0);
        reads.lock::<FailedAttempts>(AttemptKey::of_codes(self.user).0);
        if let Some(source) = self.source {
            reads.lock::<FailedAttempts>(source.0);
        }
        reads.lock::<User>(self.user);
        reads.lock::<SecondFactor>(self.user);
        reads.lock_of::<Session>(self.user);
        reads.audit_head();
    }

    fn is_background(&self) -> bool {
        true
    }

    fn decide(&self, uow: &mut UnitOfWork<'_>) -> Result<Self::Outcome, Refusal> {
        let (rules, now) = (uow.policy().access, uow.now());
        let own = uow.get_or_new::<FailedAttempts>(self.key.0);
        let source = self
            .source
            .map(|source| uow.get_or_new::<FailedAttempts>(source.0));
        if let Some(wait) = lockout(Some(own), source, &rules, now) {
            return Ok(
                Denial::of(Refusal::Session(SessionRefusal::TooManyAttempts { wait })).into(),
            );
        }
        let user = uow.get::<User>(&self.user).ok();
        // The match does not count if the password was changed in between.
        let matches = |user: &User| self.password_set_at == Some(user.password_changed_at);
        let Some(user) = user.clone().filter(matches) else {
            let account = user.map(|user| user.id);
            self.count_source_failure(uow);
            let (action, refusal) = (
                AuditAction::LogInFailed,
                Refusal::Session(SessionRefusal::BadCredentials),
            );
            let denial = record_failure(uow, self.key, account, &self.origin, action, refusal)?;
            return Ok(denial.into());
        };
        if rules.verified_email && user.email_verified_at.is_none() {
            return Ok(Denial::of(Refusal::User(UserRefusal::EmailNotVerified)).into());
        }
        let factor = uow
            .find::<SecondFactor>(&user.id)
            .filter(|one| one.is_active());
        let proved = factor.is_some();
        let mut recovery_left = None;
        if let Some(factor) = factor {
            let Some(code) = self.code else {
                return Ok(Denial::of(Refusal::SecondFactor(SecondFactorRefusal::Required)).into());
            };
            recovery_left = match accept_code(uow, factor, code, &self.origin)? {
                AuthOutcome::Admitted(left) => left,
                AuthOutcome::Denied(denial) => {
                    if denial.refusal == Refusal::SecondFactor(SecondFactorRefusal::Wrong) {
                        self.count_source_failure(uow);
                    }
                    return Ok(denial.into());
                }
            };
        }
        reset_failures(uow, self.key);
        if let Some(source) = source.filter(|source| own.failed > 0 && source.failed > 0) {
            uow.save(source.less(own.failed));
        }
        let user = match &self.rehashed {
            Some(hash) => {
                let user = user.with_rehashed(hash.clone());
                uow.save(user.clone());
                user
            }
            None => user,
        };
        end_surplus_sessions(uow, user.id);
        let origin = self.origin.clone();
        let session = Session::open(self.id, user.id, origin, proved, &rules, uow.now());
        let caller = session.caller(user.roles);
        let detail = serde_json::json!({
            "client": self.origin.client,
            "second_factor": proved,
        });
        let note = |action| AuditNote::by(caller, action, user.id.to_string(), detail.to_string());
        uow.note(note(AuditAction::LoggedIn))?;
        if recovery_left.is_some() {
            uow.note(note(AuditAction::RecoveryCodeUsed))?;
        }
        uow.save(session.clone());
        Ok(AuthOutcome::Admitted(Admitted {
            user,
            session,
            recovery_left,
        }))
    }
}

impl LogIn {
    /// Counts a failure under the source address.
    fn count_source_failure(&self, uow: &mut UnitOfWork<'_>) {
        if let Some(source) = self.source {
            let attempts = uow.get_or_new::<FailedAttempts>(source.0);
            uow.save(attempts.one_more_from_source(uow.now()));
        }
    }
}

/// How long log-ins stay locked after the failures of an e-mail address and of a source.
fn lockout(
    own: Option<FailedAttempts>,
    source: Option<FailedAttempts>,
    rules: &AccessRules,
    now: Timestamp,
) -> Option<Duration> {
    let own = own.and_then(|attempts| attempts.wait(rules, now));
    own.max(source.and_then(|attempts| attempts.wait_of_source(rules, now)))
}

/// Ends the least recently used sessions if the user has as many as allowed.
fn end_surplus_sessions(uow: &mut UnitOfWork<'_>, user: UserId) {
    let mut sessions =
        uow.find_all::<Session>(|session| session.user == user && session.ended.is_none());
    sessions.sort_by_key(|session| session.last_used_at);
    let beyond = (sessions.len() + 1).saturating_sub(Session::MOST);
    for session in sessions.into_iter().take(beyond) {
        uow.save(session.end(SessionEnd::Displaced, uow.now()));
    }
}

/// Checks the password and opens a session. An unknown user takes as long as a known one.
pub async fn log_in(market: &Market, credentials: Credentials) -> Result<LoggedIn, AccessError> {
    let Credentials {
        email,
        password,
        code,
        origin,
    } = credentials;
    let key = AttemptKey::of_log_in(&email);
    let rules = market.policy().access;
    // No password is hashed during a lockout: hashing is expensive.
    let own = market.queries().find_attempts(key.0).await?;
    let source = AttemptKey::of_source(&origin).filter(|_| rules.free_failures_per_source > 0);
    let from_source = match source {
        Some(source) => market.queries().find_attempts(source.0).await?,
        None => None,
    };
    if let Some(wait) = lockout(own, from_source, &rules, market.now()) {
        return Err(Refusal::Session(SessionRefusal::TooManyAttempts { wait }).into());
    }
    let user = market.queries().find_user_by_email(&email).await?;
    let hash = user.as_ref().and_then(|user| user.password.clone());
    let verdict = market.passwords().verify(password, hash).await?;
    let matches = verdict.is_right();
    let code = match (&user, code) {
        (Some(user), Some(code)) if matches => present_code(market, user.id, &code).await?,
        _ => None,
    };
    let command = LogIn {
        id: market.fresh(),
        key,
        source,
        user: user.as_ref().map_or_else(|| market.fresh(), |user| user.id),
        password_set_at: user
            .as_ref()
            .filter(|_| matches)
            .map(|user| user.password_changed_at),
        rehashed: match verdict {
            Verdict::Outdated(hash) => Some(hash),
            Verdict::Right | Verdict::Wrong => None,
        },
        code,
        origin,
    };
    match market.execute(command).await? {
        AuthOutcome::Admitted(admitted) => {
            admitted.notify_recovery_use(market);
            issue_tokens(market, admitted.user, admitted.session)
        }
        AuthOutcome::Denied(denial) => {
            if denial.refusal == Refusal::User(UserRefusal::EmailNotVerified) {
                send_verification_link(market, &email).await?;
            }
            match &user {
                Some(user) => Err(deny(market, user, denial)),
                None => Err(denial.refusal.into()),
            }
        }
    }
}
