//! Somebody connects an authenticator with their account.

use domain::audit::{AuditAction, AuditNote};
use domain::second_factor::{RecoveryCodes, SealedSecret, SecondFactor, Shown};
use domain::session::{Origin, Session, SessionEnd};
use domain::user::Caller;
use domain::{Refusal, User};

use super::{FreshCodes, fresh_codes};
use crate::Market;
use crate::mail::Letter;
use crate::pipeline::{Command, Desk, Needs};
use crate::ports::{AccessToken, Enrolment};
use crate::session::{
    AccessError, AttemptKey, Fate, access_of, end_all, fail, forgive, look_at, shown, turn_away,
};
use crate::user::OfferedPassword;

/// Keeps a secret that is not asked for yet. Begun anew, the one before is worth nothing.
#[derive(Debug, Clone)]
pub struct BeginSecondFactor {
    pub password: OfferedPassword,
    pub secret: SealedSecret,
}

impl Command for BeginSecondFactor {
    type Outcome = Fate<()>;

    fn needs(&self, needs: &mut Needs) {
        self.password.needs(needs);
        needs.second_factor(self.password.caller.user);
    }

    fn is_background(&self) -> bool {
        true
    }

    fn decide(&self, desk: &mut Desk<'_>) -> Result<Fate<()>, Refusal> {
        let user = match self.password.take(desk)? {
            Ok(user) => user.id,
            Err(denied) => return Ok(denied),
        };
        let secret = self.secret.clone();
        let factor = match desk.second_factor(user) {
            Some(known) => known.begin_again(secret)?,
            None => SecondFactor::begin(user, secret),
        };
        desk.save_second_factor(factor);
        Ok(Fate::Admitted(()))
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
        Fate::Admitted(()) => Ok(enrolment),
        Fate::Denied { refusal, locks } => Err(turn_away(market, &user, refusal, locks)),
    }
}

/// Takes the first code: from now on codes are asked for. Everywhere else the caller is logged out.
#[derive(Debug, Clone)]
pub struct ConfirmSecondFactor {
    pub caller: Caller,
    pub shown: Shown,
    pub recovery: RecoveryCodes,
    pub origin: Origin,
}

impl Command for ConfirmSecondFactor {
    type Outcome = Fate<(User, Session)>;

    fn needs(&self, needs: &mut Needs) {
        needs.user(self.caller.user);
        needs.attempts(AttemptKey::of_codes(self.caller.user).0);
        needs.second_factor(self.caller.user);
        needs.sessions_of(self.caller.user);
        needs.trail();
    }

    fn is_background(&self) -> bool {
        true
    }

    fn decide(&self, desk: &mut Desk<'_>) -> Result<Self::Outcome, Refusal> {
        let key = AttemptKey::of_codes(self.caller.user);
        if let Some(denied) = look_at(desk, key) {
            return Ok(denied);
        }
        let user = desk.user(self.caller.user)?;
        let id = self.caller.session.ok_or(Refusal::SessionOver)?;
        let mut sessions = desk.sessions_of(user.id).into_iter();
        let session = sessions.find(|session| session.id == id);
        let session = session.ok_or(Refusal::SessionOver)?;
        let factor = desk
            .second_factor(user.id)
            .ok_or(Refusal::SecondFactorMissing)?;
        let (recovery, now) = (self.recovery.clone(), desk.now());
        let factor = match factor.confirm(self.shown, recovery, now) {
            Ok(factor) => factor,
            Err(refusal @ Refusal::SecondFactorWrong) => {
                let action = AuditAction::SecondFactorFailed;
                return fail(desk, key, Some(user.id), &self.origin, action, refusal);
            }
            Err(refusal) => return Err(refusal),
        };
        forgive(desk, key);
        desk.save_second_factor(factor);
        end_all(desk, user.id, Some(id), SessionEnd::Revoked);
        let session = session.prove(now);
        desk.save_session(session.clone());
        let action = AuditAction::SecondFactorActivated;
        let note = AuditNote::by(self.caller, action, user.id.to_string(), "{}".into());
        desk.note(note)?;
        Ok(Fate::Admitted((user, session)))
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
        Fate::Admitted((user, session)) => {
            market.mail().leave(&user, &Letter::SecondFactorActivated);
            let access = access_of(market, &user, &session)?;
            Ok(Confirmed { codes, access })
        }
        Fate::Denied { refusal, locks } => Err(turn_away(market, &user, refusal, locks)),
    }
}
