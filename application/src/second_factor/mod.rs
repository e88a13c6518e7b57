//! The second factor: enrolled with the password, confirmed by a first code, shown before what is dear.

mod enrol;
mod remove;
mod show;

pub use enrol::{BeginSecondFactor, ConfirmSecondFactor, Confirmed, confirm, enrol};
pub use remove::{RemoveSecondFactor, RenewRecoveryCodes, remove, renew_recovery_codes};
pub use show::{ShowSecondFactor, show};

use p2p_domain::audit_log::AuditAction;
use p2p_domain::second_factor::{PresentedCode, RecoveryCodes};
use p2p_domain::session::{Origin, Session};
use p2p_domain::user::Caller;
use p2p_domain::{Refusal, SecondFactor};

use crate::Market;
use crate::engine::UnitOfWork;
use crate::ports::SecondFactorError;
use crate::session::{AttemptKey, AuthOutcome, fail, look_at, reset_failures};

/// Recovery codes as their owner gets them, once. Secrets.
#[derive(Clone, PartialEq, Eq)]
pub struct FreshCodes(pub Vec<String>);

impl std::fmt::Debug for FreshCodes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("FreshCodes(…)")
    }
}

/// The session in which the caller asks: a token outlives it by a little.
pub(crate) fn open_session(uow: &UnitOfWork<'_>, caller: Caller) -> Result<Session, Refusal> {
    let session = caller.session.and_then(|id| uow.session(id).ok());
    let is_open = |session: &Session| {
        session.user == caller.user && session.is_open(&uow.policy().access, uow.now())
    };
    session.filter(is_open).ok_or(Refusal::SessionOver)
}

/// Takes what was shown of an active second factor, or denies; each code once. Answers how many recovery codes are left, if it
/// was one of them: nobody guesses those, so they are taken even while codes are not.
pub(crate) fn take<T>(
    uow: &mut UnitOfWork<'_>,
    factor: SecondFactor,
    shown: PresentedCode,
    origin: &Origin,
) -> Result<Result<Option<usize>, AuthOutcome<T>>, Refusal> {
    let user = factor.user;
    let key = AttemptKey::of_codes(user);
    let taken = factor.take(shown);
    let recovers = matches!(shown, PresentedCode::Recovery { .. }) && taken.is_ok();
    if !recovers && let Some(denied) = look_at(uow, key) {
        return Ok(Err(denied));
    }
    match taken {
        Ok(factor) => {
            reset_failures(uow, key);
            let left = recovers.then_some(factor.recovery.0.len());
            uow.save_second_factor(factor);
            Ok(Ok(left))
        }
        Err(refusal @ Refusal::SecondFactorWrong) => {
            let action = AuditAction::SecondFactorFailed;
            fail(uow, key, Some(user), origin, action, refusal).map(Err)
        }
        Err(refusal) => Err(refusal),
    }
}

/// Fresh recovery codes, and what is kept of them.
fn fresh_codes(market: &Market) -> Result<(FreshCodes, RecoveryCodes), SecondFactorError> {
    let codes = market.second_factors().recovery_codes()?;
    let (codes, digests) = codes.into_iter().unzip();
    Ok((FreshCodes(codes), RecoveryCodes(digests)))
}
