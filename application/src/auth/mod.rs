//! Authentication: what log-ins, second factors and passwords have in common.
//!
//! An attempt and the record of it (the failure, the session, the audit log) are decided in one commit. A denied attempt is
//! therefore a value, not a refusal, which would discard the record.

mod attempts;
mod links;
mod outcome;
mod password;
mod sessions;

pub use attempts::AttemptKey;
pub(crate) use attempts::{check_lockout, record_failure, reset_failures};
pub(crate) use links::{open_link, reset_token, send_verification_link};
pub(crate) use outcome::{Admitted, AuthOutcome, Denial, deny};
pub use password::CheckedPassword;
pub(crate) use sessions::{end_sessions_except, issue_access_token};

use p2p_domain::Refusal;

use crate::CommandError;
use crate::ports::{PasswordError, SecondFactorError, StorageError, TokenError};

/// Why a user is not admitted.
#[derive(Debug, thiserror::Error)]
pub enum AccessError {
    /// An unknown user and a wrong password are refused alike.
    #[error("{0}")]
    Refused(Refusal),
    #[error(transparent)]
    Command(CommandError),
    #[error(transparent)]
    Storage(#[from] StorageError),
    #[error(transparent)]
    Password(#[from] PasswordError),
    #[error(transparent)]
    SecondFactor(#[from] SecondFactorError),
    #[error(transparent)]
    Token(#[from] TokenError),
}

impl From<Refusal> for AccessError {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<CommandError> for AccessError {
    fn from(error: CommandError) -> Self {
        match error {
            CommandError::Refused(refusal) => Self::Refused(refusal),
            other => Self::Command(other),
        }
    }
}
