//! Somebody shows their second factor again, before they do something dear.

use domain::audit::{AuditAction, AuditNote};
use domain::second_factor::Shown;
use domain::session::{Origin, Session};
use domain::user::Caller;
use domain::{Refusal, User};

use crate::Market;
use crate::pipeline::{Command, Desk, Needs};
use crate::session::{
    AccessError, AttemptKey, Fate, LoggedIn, fail, look_at, shown, turn_away, tell_recovery,
    tokens_of,
};

/// Notes in the session that the second factor was shown, or remembers that it was not.
#[derive(Debug, Clone)]
pub struct ShowSecondFactor {
    pub caller: Caller,
    pub key: AttemptKey,
    pub shown: Shown,
    pub origin: Origin,
}

impl Command for ShowSecondFactor {
    type Outcome = Fate<(User, Session)>;

    fn needs(&self, needs: &mut Needs) {
        needs.user(self.caller.user);
        needs.attempts(self.key.0);
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
        if let Some(denied) = look_at(desk, self.key) {
            return Ok(denied);
        }
        let user = desk.user(self.caller.user)?;
        let session = self.caller.session.ok_or(Refusal::SessionOver)?;
        let session = desk.session(session).map_err(|_| Refusal::SessionOver)?;
        let rules = desk.policy().access;
        if session.user != user.id || !session.is_open(&rules, desk.now()) {
            return Err(Refusal::SessionOver);
        }
        let factor = desk
            .second_factor(user.id)
            .ok_or(Refusal::SecondFactorMissing)?;
        let factor = match factor.take(self.shown) {
            Ok(factor) => factor,
            Err(refusal @ Refusal::SecondFactorWrong) => {
                let action = AuditAction::SecondFactorFailed;
                return fail(desk, self.key, Some(user.id), &self.origin, action, refusal);
            }
            Err(refusal) => return Err(refusal),
        };
        desk.save_second_factor(factor);
        let attempts = desk.attempts(self.key.0);
        if attempts.failed > 0 {
            desk.save_attempts(attempts.forgiven());
        }
        let session = session.prove(desk.now());
        desk.save_session(session.clone());
        let note = |action| AuditNote::by(self.caller, action, user.id.to_string(), "{}".into());
        desk.note(note(AuditAction::SecondFactorShown))?;
        if matches!(self.shown, Shown::Recovery { .. }) {
            desk.note(note(AuditAction::RecoveryCodeUsed))?;
        }
        Ok(Fate::Admitted((user, session)))
    }
}

/// Shows a code; the answer is an access token that says so.
pub async fn show(
    market: &Market,
    caller: Caller,
    code: &str,
    origin: Origin,
) -> Result<LoggedIn, AccessError> {
    let user = market.queries().find_user(caller.user).await?;
    let user = user.ok_or(Refusal::SessionOver)?;
    let shown = shown(market, caller.user, code).await?;
    let shown = shown.ok_or(Refusal::SecondFactorMissing)?;
    let command = ShowSecondFactor {
        caller,
        key: AttemptKey::from(&user.email),
        shown,
        origin,
    };
    match market.execute(command).await? {
        Fate::Admitted((user, session)) => {
            if matches!(shown, Shown::Recovery { .. }) {
                tell_recovery(market, &user).await?;
            }
            tokens_of(market, user, session)
        }
        Fate::Denied { refusal, locks } => Err(turn_away(market, &user, refusal, locks)),
    }
}
