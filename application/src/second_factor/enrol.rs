//! Somebody connects an authenticator with their account.

use p2p_domain::audit_log::{AuditAction, AuditNote};
use p2p_domain::second_factor::{PresentedCode, RecoveryCodes, SealedSecret, SecondFactor};
use p2p_domain::session::{Origin, Session, SessionEnd};
use p2p_domain::user::Caller;
use p2p_domain::{Refusal, User};

use super::{FreshCodes, fresh_codes};
use crate::Market;
use crate::engine::{Command, ReadSet, UnitOfWork};
use crate::mail::MailTemplate;
use crate::ports::{AccessToken, Enrolment};
use crate::session::{
    AccessError, AttemptKey, AuthOutcome, access_of, deny, end_all, fail, look_at, reset_failures,
    shown,
};
use crate::user::OfferedPassword;

/// Keeps a secret that is not asked for yet. Begun anew, the one before is worth nothing.
#[derive(Debug, Clone)]
pub struct BeginSecondFactor {
    pub password: OfferedPassword,
    pub secret: SealedSecret,
}

impl Command for BeginSecondFactor {
    type Outcome = AuthOutcome<()>;

    fn read_set(&self, reads: &mut ReadSet) {
        self.password.read_set(reads);
        reads.second_factor(self.password.caller.user);
    }

    fn is_background(&self) -> bool {
        true
    }

    fn decide(&self, uow: &mut UnitOfWork<'_>) -> Result<AuthOutcome<()>, Refusal> {
        let user = match self.password.take(uow)? {
            Ok(user) => user.id,
            Err(denied) => return Ok(denied),
        };
        let secret = self.secret.clone();
        let factor = match uow.second_factor(user) {
            Some(known) => known.begin_again(secret)?,
            None => SecondFactor::begin(user, secret),
        };
        uow.save_second_factor(factor);
        Ok(AuthOutcome::Admitted(()))
    }
}

/// Begins: the caller, who knows the password, gets a secret for the authenticator.
pub async fn enrol(
    market: &Market,
    caller: Caller,
    password: String,
    origin: Origin,
) -> Result<Enrolment, AccessError> {
    let (user, password) = OfferedPassword::look_at(market, caller, password, origin).await?;
    let enrolment = market.second_factors().enrol(user.id, &user.email)?;
    let secret = enrolment.sealed.clone();
    match market
        .execute(BeginSecondFactor { password, secret })
        .await?
    {
        AuthOutcome::Admitted(()) => Ok(enrolment),
        AuthOutcome::Denied { refusal, locks } => Err(deny(market, &user, refusal, locks)),
    }
}

/// Takes the first code: from now on codes are asked for. Everywhere else the caller is logged out.
#[derive(Debug, Clone)]
pub struct ConfirmSecondFactor {
    pub caller: Caller,
    pub shown: PresentedCode,
    pub recovery: RecoveryCodes,
    pub origin: Origin,
}

impl Command for ConfirmSecondFactor {
    type Outcome = AuthOutcome<(User, Session)>;

    fn read_set(&self, reads: &mut ReadSet) {
        reads.user(self.caller.user);
        reads.attempts(AttemptKey::of_codes(self.caller.user).0);
        reads.second_factor(self.caller.user);
        reads.sessions_of(self.caller.user);
        reads.trail();
    }

    fn is_background(&self) -> bool {
        true
    }

    fn decide(&self, uow: &mut UnitOfWork<'_>) -> Result<Self::Outcome, Refusal> {
        let key = AttemptKey::of_codes(self.caller.user);
        if let Some(denied) = look_at(uow, key) {
            return Ok(denied);
        }
        let user = uow.user(self.caller.user)?;
        let id = self.caller.session.ok_or(Refusal::SessionOver)?;
        let mut sessions = uow.sessions_of(user.id).into_iter();
        let session = sessions.find(|session| session.id == id);
        let session = session.ok_or(Refusal::SessionOver)?;
        let factor = uow
            .second_factor(user.id)
            .ok_or(Refusal::SecondFactorMissing)?;
        let (recovery, now) = (self.recovery.clone(), uow.now());
        let factor = match factor.confirm(self.shown, recovery, now) {
            Ok(factor) => factor,
            Err(refusal @ Refusal::SecondFactorWrong) => {
                let action = AuditAction::SecondFactorFailed;
                return fail(uow, key, Some(user.id), &self.origin, action, refusal);
            }
            Err(refusal) => return Err(refusal),
        };
        reset_failures(uow, key);
        uow.save_second_factor(factor);
        end_all(uow, user.id, Some(id), SessionEnd::Revoked);
        let session = session.prove(now);
        uow.save_session(session.clone());
        let action = AuditAction::SecondFactorActivated;
        let note = AuditNote::by(self.caller, action, user.id.to_string(), "{}".into());
        uow.note(note)?;
        Ok(AuthOutcome::Admitted((user, session)))
    }
}

/// What somebody gets who has enrolled.
#[derive(Debug, Clone)]
pub struct Confirmed {
    /// Shown once, and never again.
    pub codes: FreshCodes,
    /// Of the session, which is proved now. The refresh token that the caller has stays good.
    pub access: AccessToken,
}

/// Confirms by the first code.
pub async fn confirm(
    market: &Market,
    caller: Caller,
    code: &str,
    origin: Origin,
) -> Result<Confirmed, AccessError> {
    let user = market.queries().find_user(caller.user).await?;
    let user = user.ok_or(Refusal::SessionOver)?;
    let shown = shown(market, caller.user, code).await?;
    let (codes, recovery) = fresh_codes(market)?;
    let command = ConfirmSecondFactor {
        caller,
        shown: shown.ok_or(Refusal::SecondFactorMissing)?,
        recovery,
        origin,
    };
    match market.execute(command).await? {
        AuthOutcome::Admitted((user, session)) => {
            market
                .mail()
                .enqueue(&user, &MailTemplate::SecondFactorActivated);
            let access = access_of(market, &user, &session)?;
            Ok(Confirmed { codes, access })
        }
        AuthOutcome::Denied { refusal, locks } => Err(deny(market, &user, refusal, locks)),
    }
}
