//! The second factor: enrolled with the password, confirmed by a first code, shown before what is dear.

mod enrol;
mod remove;
mod show;

pub use enrol::{BeginSecondFactor, ConfirmSecondFactor, Confirmed, confirm, enrol};
pub use remove::{RemoveSecondFactor, RenewRecoveryCodes, remove, renew_recovery_codes};
pub use show::{ShowSecondFactor, show};

use domain::second_factor::RecoveryCodes;

use crate::Market;
use crate::ports::SecondFactorError;

/// Recovery codes as their owner gets them, once. Secrets.
#[derive(Clone, PartialEq, Eq)]
pub struct FreshCodes(pub Vec<String>);

impl std::fmt::Debug for FreshCodes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("FreshCodes(…)")
    }
}

/// Fresh recovery codes, and what is kept of them.
fn fresh_codes(market: &Market) -> Result<(FreshCodes, RecoveryCodes), SecondFactorError> {
    let codes = market.second_factors().recovery_codes()?;
    let (codes, digests) = codes.into_iter().unzip();
    Ok((FreshCodes(codes), RecoveryCodes(digests)))
}
