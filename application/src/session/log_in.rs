//! Somebody proves who they are, and a session begins.

use std::time::Duration;

use p2p_domain::audit_log::{AuditAction, AuditNote};
use p2p_domain::failed_attempts::FailedAttempts;
use p2p_domain::policy::AccessRules;
use p2p_domain::second_factor::PresentedCode;
use p2p_domain::session::{Origin, Session, SessionEnd};
use p2p_domain::user::{Email, PasswordHash};
use p2p_domain::{Refusal, SessionId, Timestamp, User, UserId};

use super::{AccessError, AttemptKey, AuthOutcome, LoggedIn, fail, reset_failures, tokens_of};
use crate::Market;
use crate::engine::{Command, ReadSet, UnitOfWork};
use crate::mail::MailTemplate;
use crate::ports::Verdict;
use crate::second_factor::take;
use crate::user::{request_verification, reset_token};

/// What somebody offers as proof.
#[derive(Clone)]
pub struct Credentials {
    pub email: Email,
    pub password: String,
    /// A code of the authenticator or a recovery code, where the account has a second factor.
    pub code: Option<String>,
    pub origin: Origin,
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Credentials(…)")
    }
}

/// Lets somebody in, or remembers that they were not.
#[derive(Debug, Clone)]
pub struct LogIn {
    /// Of the session that begins.
    pub id: SessionId,
    pub key: AttemptKey,
    /// Where it comes from, if that is counted.
    pub source: Option<AttemptKey>,
    /// Whose address it is; nobody's id if it is nobody's, so that the same is done for both.
    pub user: UserId,
    /// When the password was set that was found to be the right one; `None`: it was wrong.
    pub password_of: Option<Timestamp>,
    /// The same password at today's cost, if what is stored is cheaper.
    pub rehashed: Option<PasswordHash>,
    pub shown: Option<PresentedCode>,
    pub origin: Origin,
}

impl Command for LogIn {
    type Outcome = AuthOutcome<Admitted>;

    fn read_set(&self, reads: &mut ReadSet) {
        reads.attempts(self.key.0);
        reads.attempts(AttemptKey::of_codes(self.user).0);
        if let Some(source) = self.source {
            reads.attempts(source.0);
        }
        reads.user(self.user);
        reads.second_factor(self.user);
        reads.sessions_of(self.user);
        reads.trail();
    }

    fn is_background(&self) -> bool {
        true
    }

    fn decide(&self, uow: &mut UnitOfWork<'_>) -> Result<Self::Outcome, Refusal> {
        let (rules, now) = (uow.policy().access, uow.now());
        let own = uow.attempts(self.key.0);
        let source = self.source.map(|source| uow.attempts(source.0));
        if let Some(wait) = wait(Some(own), source, &rules, now) {
            return Ok(AuthOutcome::denied(Refusal::TooManyAttempts { wait }));
        }
        let user = uow.user(self.user).ok();
        // A password that was changed in between is not the right one any more.
        let genuine = |user: &User| self.password_of == Some(user.password_changed_at);
        let Some(user) = user.clone().filter(genuine) else {
            let whose = user.map(|user| user.id);
            self.fail_from(uow);
            let (action, refusal) = (AuditAction::LogInFailed, Refusal::BadCredentials);
            return fail(uow, self.key, whose, &self.origin, action, refusal);
        };
        if rules.verified_email && user.email_verified_at.is_none() {
            return Ok(AuthOutcome::denied(Refusal::EmailNotVerified));
        }
        let factor = uow.second_factor(user.id).filter(|one| one.is_active());
        let proved = factor.is_some();
        let mut recovery_left = None;
        if let Some(factor) = factor {
            let Some(shown) = self.shown else {
                return Ok(AuthOutcome::denied(Refusal::SecondFactorRequired));
            };
            recovery_left = match take(uow, factor, shown, &self.origin)? {
                Ok(left) => left,
                Err(denied) => {
                    if denied.is(&Refusal::SecondFactorWrong) {
                        self.fail_from(uow);
                    }
                    return Ok(denied);
                }
            };
        }
        reset_failures(uow, self.key);
        if let Some(source) = source.filter(|source| own.failed > 0 && source.failed > 0) {
            uow.save_attempts(source.less(own.failed));
        }
        let user = match &self.rehashed {
            Some(hash) => {
                let user = user.with_rehashed(hash.clone());
                uow.save_user(user.clone());
                user
            }
            None => user,
        };
        make_room(uow, user.id);
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
        uow.save_session(session.clone());
        Ok(AuthOutcome::Admitted(Admitted {
            user,
            session,
            recovery_left,
        }))
    }
}

impl LogIn {
    /// Counts a failure against where it comes from.
    fn fail_from(&self, uow: &mut UnitOfWork<'_>) {
        if let Some(source) = self.source {
            let attempts = uow.attempts(source.0);
            uow.save_attempts(attempts.one_more_from_source(uow.now()));
        }
    }
}

/// How long to wait for what has failed under an address and from a source.
fn wait(
    own: Option<FailedAttempts>,
    source: Option<FailedAttempts>,
    rules: &AccessRules,
    now: Timestamp,
) -> Option<Duration> {
    let own = own.and_then(|attempts| attempts.wait(rules, now));
    own.max(source.and_then(|attempts| attempts.wait_of_source(rules, now)))
}

/// Ends the sessions that were left alone for longest, where there are as many as there may be.
fn make_room(uow: &mut UnitOfWork<'_>, user: UserId) {
    let mut sessions = uow.sessions_of(user);
    sessions.sort_by_key(|session| session.last_used_at);
    let beyond = (sessions.len() + 1).saturating_sub(Session::MOST);
    for session in sessions.into_iter().take(beyond) {
        uow.save_session(session.end(SessionEnd::Displaced, uow.now()));
    }
}

/// Somebody who has proved who they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Admitted {
    pub user: User,
    pub session: Session,
    /// How many recovery codes are left, if one was used.
    pub recovery_left: Option<usize>,
}

impl Admitted {
    /// Tells the owner that a recovery code was used, if one was.
    pub(crate) fn tell_recovery(&self, market: &Market) {
        if let Some(left) = self.recovery_left {
            let template = MailTemplate::RecoveryCodeUsed { left };
            market.mail().enqueue(&self.user, &template);
        }
    }
}

/// Checks the password, taking as long for an unknown user as for a known one, and begins a session.
pub async fn log_in(market: &Market, credentials: Credentials) -> Result<LoggedIn, AccessError> {
    let Credentials {
        email,
        password,
        code,
        origin,
    } = credentials;
    let key = AttemptKey::of_log_in(&email);
    let rules = market.policy().access;
    // While the door is closed no password is looked at: that would only cost time.
    let own = market.queries().find_attempts(key.0).await?;
    let source = AttemptKey::of_source(&origin).filter(|_| rules.free_failures_per_source > 0);
    let from_there = match source {
        Some(source) => market.queries().find_attempts(source.0).await?,
        None => None,
    };
    if let Some(wait) = wait(own, from_there, &rules, market.now()) {
        return Err(Refusal::TooManyAttempts { wait }.into());
    }
    let user = market.queries().find_user_by_email(&email).await?;
    let hash = user.as_ref().and_then(|user| user.password.clone());
    let verdict = market.passwords().verify(password, hash).await?;
    let genuine = verdict.is_right();
    let shown = match (&user, code) {
        (Some(user), Some(code)) if genuine => shown(market, user.id, &code).await?,
        _ => None,
    };
    let command = LogIn {
        id: market.fresh(),
        key,
        source,
        user: user.as_ref().map_or_else(|| market.fresh(), |user| user.id),
        password_of: user
            .as_ref()
            .filter(|_| genuine)
            .map(|user| user.password_changed_at),
        rehashed: match verdict {
            Verdict::Outdated(hash) => Some(hash),
            Verdict::Right | Verdict::Wrong => None,
        },
        shown,
        origin,
    };
    match market.execute(command).await? {
        AuthOutcome::Admitted(admitted) => {
            admitted.tell_recovery(market);
            tokens_of(market, admitted.user, admitted.session)
        }
        AuthOutcome::Denied { refusal, locks } => {
            if refusal == Refusal::EmailNotVerified {
                request_verification(market, &email).await?;
            }
            match &user {
                Some(user) => Err(deny(market, user, refusal, locks)),
                None => Err(refusal.into()),
            }
        }
    }
}

/// What a code is worth; `None`: nobody asks for one.
pub(crate) async fn shown(
    market: &Market,
    user: UserId,
    code: &str,
) -> Result<Option<PresentedCode>, AccessError> {
    let factor = market.queries().find_second_factor(user).await?;
    let shown = factor.map(|factor| market.second_factors().shown(&factor, code, market.now()));
    Ok(shown.transpose()?)
}

/// What is answered to somebody who was denied. Where that locks the account its owner gets a mail with the way out.
pub(crate) fn deny(
    market: &Market,
    user: &User,
    refusal: Refusal,
    locks: Option<AttemptKey>,
) -> AccessError {
    const GOOD_FOR: Duration = Duration::from_secs(24 * 60 * 60);
    match locks {
        Some(key) if key == AttemptKey::of_codes(user.id) => {
            market.mail().enqueue(user, &MailTemplate::CodesLocked);
        }
        Some(_) => match reset_token(market, user, GOOD_FOR) {
            Ok(token) => market.mail().enqueue(user, &MailTemplate::Locked { token }),
            Err(error) => return error,
        },
        None => {}
    }
    refusal.into()
}
