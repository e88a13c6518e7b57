//! A user enrols an authenticator.

use p2p_domain::audit_log::{AuditAction, AuditNote};
use p2p_domain::refusal::{SecondFactorRefusal, SessionRefusal};
use p2p_domain::second_factor::{PresentedCode, RecoveryCodes, SealedSecret, SecondFactor};
use p2p_domain::session::{Origin, Session, SessionEnd};
use p2p_domain::user::Caller;
use p2p_domain::{FailedAttempts, Refusal, User};

use super::{NewRecoveryCodes, new_recovery_codes, present_code};
use crate::Market;
use crate::auth::{
    AccessError, AttemptKey, AuthOutcome, CheckedPassword, check_lockout, deny,
    end_sessions_except, issue_access_token, record_failure, reset_failures,
};
use crate::engine::{Command, ReadSet, UnitOfWork};
use crate::mail::MailTemplate;
use crate::ports::{AccessToken, Enrolment};

/// Stores a secret that is inactive until it is confirmed. It replaces an earlier unconfirmed one.
#[derive(Debug, Clone)]
pub struct BeginSecondFactor {
    pub password: CheckedPassword,
    pub secret: SealedSecret,
}

impl Command for BeginSecondFactor {
    type Outcome = AuthOutcome<()>;

    fn read_set(&self, reads: &mut ReadSet) {
        self.password.read_set(reads);
        reads.lock::<SecondFactor>(self.password.caller.user);
    }

    fn is_background(&self) -> bool {
        true
    }

    fn decide(&self, uow: &mut UnitOfWork<'_>) -> Result<AuthOutcome<()>, Refusal> {
        let user = match self.password.admit(uow)? {
            AuthOutcome::Admitted(user) => user.id,
            AuthOutcome::Denied(denial) => return Ok(denial.into()),
        };
        let secret = self.secret.clone();
        let factor = match uow.find::<SecondFactor>(&user) {
            Some(known) => known.begin_again(secret)?,
            None => SecondFactor::begin(user, secret),
        };
        uow.save(factor);
        Ok(AuthOutcome::Admitted(()))
    }
}

/// Begins the enrolment: a caller who knows the password gets a secret for the authenticator.
pub async fn enrol(
    market: &Market,
    caller: Caller,
    password: String,
    origin: Origin,
) -> Result<Enrolment, AccessError> {
    let (user, password) = CheckedPassword::check(market, caller, password, origin).await?;
    let enrolment = market.second_factors().enrol(user.id, &user.email)?;
    let secret = enrolment.sealed.clone();
    match market
        .execute(BeginSecondFactor { password, secret })
        .await?
    {
        AuthOutcome::Admitted(()) => Ok(enrolment),
        AuthOutcome::Denied(denial) => Err(deny(market, &user, denial)),
    }
}

/// Activates the second factor by its first code. The caller is logged out everywhere else.
#[derive(Debug, Clone)]
pub struct ConfirmSecondFactor {
    pub caller: Caller,
    pub code: PresentedCode,
    pub recovery: RecoveryCodes,
    pub origin: Origin,
}

impl Command for ConfirmSecondFactor {
    type Outcome = AuthOutcome<(User, Session)>;

    fn read_set(&self, reads: &mut ReadSet) {
        reads.lock::<User>(self.caller.user);
        reads.lock::<FailedAttempts>(AttemptKey::of_codes(self.caller.user).0);
        reads.lock::<SecondFactor>(self.caller.user);
        reads.lock_of::<Session>(self.caller.user);
        reads.audit_head();
    }

    fn is_background(&self) -> bool {
        true
    }

    fn decide(&self, uow: &mut UnitOfWork<'_>) -> Result<Self::Outcome, Refusal> {
        let key = AttemptKey::of_codes(self.caller.user);
        if let Some(denial) = check_lockout(uow, key) {
            return Ok(denial.into());
        }
        let user = uow.get::<User>(&self.caller.user)?;
        let id = self
            .caller
            .session
            .ok_or(Refusal::Session(SessionRefusal::Over))?;
        let mut sessions = uow
            .find_all::<Session>(|session| session.user == user.id && session.ended.is_none())
            .into_iter();
        let session = sessions.find(|session| session.id == id);
        let session = session.ok_or(Refusal::Session(SessionRefusal::Over))?;
        let factor = uow
            .find::<SecondFactor>(&user.id)
            .ok_or(Refusal::SecondFactor(SecondFactorRefusal::NotEnrolled))?;
        let (recovery, now) = (self.recovery.clone(), uow.now());
        let factor = match factor.confirm(self.code, recovery, now) {
            Ok(factor) => factor,
            Err(refusal @ SecondFactorRefusal::Wrong) => {
                let action = AuditAction::SecondFactorFailed;
                let account = Some(user.id);
                let denial =
                    record_failure(uow, key, account, &self.origin, action, refusal.into())?;
                return Ok(denial.into());
            }
            Err(refusal) => return Err(refusal.into()),
        };
        reset_failures(uow, key);
        uow.save(factor);
        end_sessions_except(uow, user.id, Some(id), SessionEnd::Revoked);
        let session = session.prove(now);
        uow.save(session.clone());
        let action = AuditAction::SecondFactorActivated;
        let note = AuditNote::by(self.caller, action, user.id.to_string(), "{}".into());
        uow.note(note)?;
        Ok(AuthOutcome::Admitted((user, session)))
    }
}

/// The result of an enrolment.
#[derive(Debug, Clone)]
pub struct Confirmed {
    pub codes: NewRecoveryCodes,
    /// For the session, whose second factor is verified now. The caller's refresh token stays valid.
    pub access: AccessToken,
}

/// Confirms the enrolment by the first code.
pub async fn confirm(
    market: &Market,
    caller: Caller,
    code: &str,
    origin: Origin,
) -> Result<Confirmed, AccessError> {
    let user = market.queries().find_user(caller.user).await?;
    let user = user.ok_or(Refusal::Session(SessionRefusal::Over))?;
    let code = present_code(market, caller.user, code).await?;
    let (codes, recovery) = new_recovery_codes(market)?;
    let command = ConfirmSecondFactor {
        caller,
        code: code.ok_or(Refusal::SecondFactor(SecondFactorRefusal::NotEnrolled))?,
        recovery,
        origin,
    };
    match market.execute(command).await? {
        AuthOutcome::Admitted((user, session)) => {
            market
                .mail()
                .enqueue(&user, &MailTemplate::SecondFactorActivated);
            let access = issue_access_token(market, &user, &session)?;
            Ok(Confirmed { codes, access })
        }
        AuthOutcome::Denied(denial) => Err(deny(market, &user, denial)),
    }
}
