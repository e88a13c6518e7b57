//! Somebody shows their second factor again, before they do something dear.

use domain::Refusal;
use domain::audit::{AuditAction, AuditNote};
use domain::second_factor::Shown;
use domain::session::Origin;
use domain::user::Caller;

use super::{open_session, take};
use crate::Market;
use crate::pipeline::{Command, Desk, Needs};
use crate::ports::AccessToken;
use crate::session::{AccessError, Admitted, AttemptKey, Fate, access_of, shown, turn_away};

/// Notes in the session that the second factor was shown, or remembers that it was not.
#[derive(Debug, Clone)]
pub struct ShowSecondFactor {
    pub caller: Caller,
    pub shown: Shown,
    pub origin: Origin,
}

impl Command for ShowSecondFactor {
    type Outcome = Fate<Admitted>;

    fn needs(&self, needs: &mut Needs) {
        needs.user(self.caller.user);
        needs.attempts(AttemptKey::of_codes(self.caller.user).0);
        needs.second_factor(self.caller.user);
        if let Some(session) = self.caller.session {
            needs.session(session);
        }
        needs.trail();
    }

    fn is_background(&self) -> bool {
        true
    }

    fn decide(&self, desk: &mut Desk<'_>) -> Result<Self::Outcome, Refusal> {
        let user = desk.user(self.caller.user)?;
        let session = open_session(desk, self.caller)?;
        let factor = desk
            .second_factor(user.id)
            .ok_or(Refusal::SecondFactorMissing)?;
        let recovery_left = match take(desk, factor, self.shown, &self.origin)? {
            Ok(left) => left,
            Err(denied) => return Ok(denied),
        };
        let session = session.prove(desk.now());
        desk.save_session(session.clone());
        let note = |action| AuditNote::by(self.caller, action, user.id.to_string(), "{}".into());
        desk.note(note(AuditAction::SecondFactorShown))?;
        if recovery_left.is_some() {
            desk.note(note(AuditAction::RecoveryCodeUsed))?;
        }
        Ok(Fate::Admitted(Admitted {
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
        Fate::Admitted(admitted) => {
            admitted.tell_recovery(market);
            access_of(market, &admitted.user, &admitted.session)
        }
        Fate::Denied { refusal, locks } => Err(turn_away(market, &user, refusal, locks)),
    }
}
