//! The second factor: enrolled with the password, confirmed by a first code, verified again before sensitive changes.

mod enrol;
mod remove;
mod verify;

pub use enrol::{BeginSecondFactor, ConfirmSecondFactor, Confirmed, confirm, enrol};
pub use remove::{RemoveSecondFactor, RenewRecoveryCodes, remove, renew_recovery_codes};
pub use verify::{VerifySecondFactor, verify};

use p2p_domain::audit_log::AuditAction;
use p2p_domain::refusal::{SecondFactorRefusal, SessionRefusal};
use p2p_domain::second_factor::{PresentedCode, RecoveryCodes};
use p2p_domain::session::{Origin, Session};
use p2p_domain::user::Caller;
use p2p_domain::{Refusal, SecondFactor, UserId};

use crate::Market;
use crate::auth::{
    AccessError, AttemptKey, AuthOutcome, check_lockout, record_failure, reset_failures,
};
use crate::engine::{Related, UnitOfWork};
use crate::ports::SecondFactorError;

/// New recovery codes in plain text, given to their owner once. Secrets.
#[derive(Clone, PartialEq, Eq)]
pub struct NewRecoveryCodes(pub Vec<String>);

impl std::fmt::Debug for NewRecoveryCodes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("NewRecoveryCodes(…)")
    }
}

/// The caller's session, if it is still open: an access token outlives it for a short time.
fn open_session(uow: &UnitOfWork<'_>, caller: Caller) -> Result<Session, Refusal> {
    let session = caller.session.and_then(|id| uow.get::<Session>(&id).ok());
    let is_open = |session: &Session| {
        session.user == caller.user && session.is_open(&uow.policy().access, uow.now())
    };
    session
        .filter(is_open)
        .ok_or(Refusal::Session(SessionRefusal::Over))
}

/// What a code text is, by the user's second factor; `None` if the user has none.
pub(crate) async fn present_code(
    market: &Market,
    user: UserId,
    text: &str,
) -> Result<Option<PresentedCode>, AccessError> {
    let factor = market.queries().find_second_factor(user).await?;
    let code = factor.map(|factor| market.second_factors().present(&factor, text, market.now()));
    Ok(code.transpose()?)
}

/// Uses up a code of an active second factor, or denies. Admits with the number of recovery codes left, if it was one of them:
/// those can't be guessed, so they are accepted even during a lockout.
pub(crate) fn accept_code(
    uow: &mut UnitOfWork<'_>,
    factor: SecondFactor,
    code: PresentedCode,
    origin: &Origin,
) -> Result<AuthOutcome<Option<usize>>, Refusal> {
    let user = factor.user;
    let key = AttemptKey::of_codes(user);
    let accepted = factor.take(code);
    let recovers = matches!(code, PresentedCode::Recovery { .. }) && accepted.is_ok();
    if !recovers && let Some(denial) = check_lockout(uow, key) {
        return Ok(denial.into());
    }
    match accepted {
        Ok(factor) => {
            reset_failures(uow, key);
            let left = recovers.then_some(factor.recovery.0.len());
            uow.save(factor);
            Ok(AuthOutcome::Admitted(left))
        }
        Err(refusal @ SecondFactorRefusal::Wrong) => {
            let action = AuditAction::SecondFactorFailed;
            let denial = record_failure(uow, key, Some(user), origin, action, refusal.into())?;
            Ok(denial.into())
        }
        Err(refusal) => Err(refusal.into()),
    }
}

/// New recovery codes, and their digests for storage.
fn new_recovery_codes(
    market: &Market,
) -> Result<(NewRecoveryCodes, RecoveryCodes), SecondFactorError> {
    let codes = market.second_factors().recovery_codes()?;
    let (codes, digests) = codes.into_iter().unzip();
    Ok((NewRecoveryCodes(codes), RecoveryCodes(digests)))
}

impl Related for SecondFactor {}
