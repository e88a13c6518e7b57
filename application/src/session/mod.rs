//! Log-ins, and what follows from them until they are over.
//!
//! Whether somebody is let in is decided in one commit with what has to be remembered of it: the failed attempt, the session,
//! the record in the audit trail. A log-in that is denied is therefore a value, not a refusal.

mod attempt;
mod end;
mod log_in;
mod queries;
mod refresh;

pub use attempt::AttemptKey;
pub(crate) use attempt::{AuthOutcome, fail, look_at, reset_failures};
pub(crate) use end::end_all;
pub use end::{EndOtherSessions, EndSession};
pub use log_in::{Admitted, Credentials, LogIn, log_in};
pub(crate) use log_in::{deny, shown};
pub use queries::list_sessions;
pub use refresh::{RenewSession, refresh};

use p2p_domain::session::Session;
use p2p_domain::{Refusal, User};

use crate::ports::{
    AccessToken, PasswordError, Refresh, SecondFactorError, StorageError, TokenError,
};
use crate::{CommandError, Market};

/// Who is let in, and their tokens.
#[derive(Debug, Clone)]
pub struct LoggedIn {
    pub user: User,
    pub session: Session,
    pub access: AccessToken,
    pub refresh: RefreshToken,
}

/// Good once, for the next access token. A secret.
#[derive(Clone, PartialEq, Eq)]
pub struct RefreshToken(pub String);

impl std::fmt::Debug for RefreshToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RefreshToken(…)")
    }
}

/// Why somebody is not let in, or can't prove who they are.
#[derive(Debug, thiserror::Error)]
pub enum AccessError {
    /// Unknown user and wrong password are not told apart.
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

/// An access token of a session as it stands.
pub(crate) fn access_of(
    market: &Market,
    user: &User,
    session: &Session,
) -> Result<AccessToken, AccessError> {
    let caller = session.caller(user.roles);
    Ok(market.tokens().issue(caller, market.now())?)
}

/// The tokens of a session as it stands.
pub(crate) fn tokens_of(
    market: &Market,
    user: User,
    session: Session,
) -> Result<LoggedIn, AccessError> {
    let now = market.now();
    let access = access_of(market, &user, &session)?;
    let refresh = Refresh {
        session: session.id,
        user: user.id,
        generation: session.generation,
    };
    let until = session.expires_at;
    let refresh = market.tokens().issue_refresh(refresh, now, until)?;
    Ok(LoggedIn {
        user,
        session,
        access,
        refresh: RefreshToken(refresh),
    })
}
