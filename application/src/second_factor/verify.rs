//! A user presents their second factor again before a sensitive change.

use p2p_domain::audit_log::{AuditAction, AuditNote};
use p2p_domain::refusal::{SecondFactorRefusal, SessionRefusal};
use p2p_domain::second_factor::PresentedCode;
use p2p_domain::session::Origin;
use p2p_domain::user::Caller;
use p2p_domain::{FailedAttempts, Refusal, SecondFactor, Session, User};

use super::{accept_code, open_session, present_code};
use crate::Market;
use crate::auth::{AccessError, Admitted, AttemptKey, AuthOutcome, deny, issue_access_token};
use crate::engine::{Command, ReadSet, UnitOfWork};
use crate::ports::AccessToken;

/// Records in the session that the second factor was verified, or counts the failure.
#[derive(Debug, Clone)]
pub struct VerifySecondFactor {
    pub caller: Caller,
    pub code: PresentedCode,
    pub origin: Origin,
}

impl Command for VerifySecondFactor {
    type Outcome = AuthOutcome<Admitted>;

    fn read_set(&self, reads: &mut ReadSet) {
        reads.lock::<User>(self.caller.user);
        reads.lock::<FailedAttempts>(AttemptKey::of_codes(self.caller.user).0);
        reads.lock::<SecondFactor>(self.caller.user);
        if let Some(session) = self.caller.session {
            reads.lock::<Session>(session);
        }
        reads.audit_head();
    }

    fn is_background(&self) -> bool {
        true
    }

    fn decide(&self, uow: &mut UnitOfWork<'_>) -> Result<Self::Outcome, Refusal> {
        let user = uow.get::<User>(&self.caller.user)?;
        let session = open_session(uow, self.caller)?;
        let factor = uow
            .find::<SecondFactor>(&user.id)
            .ok_or(Refusal::SecondFactor(SecondFactorRefusal::NotEnrolled))?;
        let recovery_left = match accept_code(uow, factor, self.code, &self.origin)? {
            AuthOutcome::Admitted(left) => left,
            AuthOutcome::Denied(denial) => return Ok(denial.into()),
        };
        let session = session.prove(uow.now());
        uow.save(session.clone());
        let note = |action| AuditNote::by(self.caller, action, user.id.to_string(), "{}".into());
        uow.note(note(AuditAction::SecondFactorShown))?;
        if recovery_left.is_some() {
            uow.note(note(AuditAction::RecoveryCodeUsed))?;
        }
        Ok(AuthOutcome::Admitted(Admitted {
            user,
            session,
            recovery_left,
        }))
    }
}

/// Verifies a code; returns an access token that says so. The caller's refresh token stays valid.
pub async fn verify(
    market: &Market,
    caller: Caller,
    code: &str,
    origin: Origin,
) -> Result<AccessToken, AccessError> {
    let user = market.queries().find_user(caller.user).await?;
    let user = user.ok_or(Refusal::Session(SessionRefusal::Over))?;
    let code = present_code(market, caller.user, code).await?;
    let code = code.ok_or(Refusal::SecondFactor(SecondFactorRefusal::NotEnrolled))?;
    let command = VerifySecondFactor {
        caller,
        code,
        origin,
    };
    match market.execute(command).await? {
        AuthOutcome::Admitted(admitted) => {
            admitted.notify_recovery_use(market);
            issue_access_token(market, &admitted.user, &admitted.session)
        }
        AuthOutcome::Denied(denial) => Err(deny(market, &user, denial)),
    }
}
