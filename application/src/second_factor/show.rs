//! Somebody shows their second factor again, before they do something dear.

use p2p_domain::Refusal;
use p2p_domain::audit_log::{AuditAction, AuditNote};
use p2p_domain::second_factor::PresentedCode;
use p2p_domain::session::Origin;
use p2p_domain::user::Caller;

use super::{open_session, take};
use crate::Market;
use crate::engine::{Command, ReadSet, UnitOfWork};
use crate::ports::AccessToken;
use crate::session::{AccessError, Admitted, AttemptKey, AuthOutcome, access_of, deny, shown};

/// Notes in the session that the second factor was shown, or remembers that it was not.
#[derive(Debug, Clone)]
pub struct ShowSecondFactor {
    pub caller: Caller,
    pub shown: PresentedCode,
    pub origin: Origin,
}

impl Command for ShowSecondFactor {
    type Outcome = AuthOutcome<Admitted>;

    fn read_set(&self, reads: &mut ReadSet) {
        reads.user(self.caller.user);
        reads.attempts(AttemptKey::of_codes(self.caller.user).0);
        reads.second_factor(self.caller.user);
        if let Some(session) = self.caller.session {
            reads.session(session);
        }
        reads.trail();
    }

    fn is_background(&self) -> bool {
        true
    }

    fn decide(&self, uow: &mut UnitOfWork<'_>) -> Result<Self::Outcome, Refusal> {
        let user = uow.user(self.caller.user)?;
        let session = open_session(uow, self.caller)?;
        let factor = uow
            .second_factor(user.id)
            .ok_or(Refusal::SecondFactorMissing)?;
        let recovery_left = match take(uow, factor, self.shown, &self.origin)? {
            Ok(left) => left,
            Err(denied) => return Ok(denied),
        };
        let session = session.prove(uow.now());
        uow.save_session(session.clone());
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

/// Shows a code; the answer is an access token that says so. The refresh token that the caller has stays good.
pub async fn show(
    market: &Market,
    caller: Caller,
    code: &str,
    origin: Origin,
) -> Result<AccessToken, AccessError> {
    let user = market.queries().find_user(caller.user).await?;
    let user = user.ok_or(Refusal::SessionOver)?;
    let shown = shown(market, caller.user, code).await?;
    let shown = shown.ok_or(Refusal::SecondFactorMissing)?;
    let command = ShowSecondFactor {
        caller,
        shown,
        origin,
    };
    match market.execute(command).await? {
        AuthOutcome::Admitted(admitted) => {
            admitted.tell_recovery(market);
            access_of(market, &admitted.user, &admitted.session)
        }
        AuthOutcome::Denied { refusal, locks } => Err(deny(market, &user, refusal, locks)),
    }
}
