//! Somebody proves who they are and gets an access token.

use domain::Refusal;
use domain::user::{Caller, Email, User};

use crate::Market;
use crate::ports::{AccessToken, PasswordError, StorageError, TokenError};

/// Who logged in, and their token.
#[derive(Debug, Clone)]
pub struct LoggedIn {
    pub user: User,
    pub access: AccessToken,
}

/// Why nobody was logged in.
#[derive(Debug, thiserror::Error)]
pub enum LogInError {
    /// Unknown user and wrong password are not told apart.
    #[error("{0}")]
    Refused(Refusal),
    #[error(transparent)]
    Storage(#[from] StorageError),
    #[error(transparent)]
    Password(#[from] PasswordError),
    #[error(transparent)]
    Token(#[from] TokenError),
}

/// Checks the password, taking as long for an unknown user as for a known one.
pub async fn log_in(
    market: &Market,
    email: &Email,
    password: String,
) -> Result<LoggedIn, LogInError> {
    let user = market.queries().find_user_by_email(email).await?;
    let hash = user.as_ref().and_then(|user| user.password.clone());
    let genuine = market.passwords().verify(password, hash).await?;
    let user = user
        .filter(|_| genuine)
        .ok_or(LogInError::Refused(Refusal::BadCredentials))?;
    let caller = Caller {
        user: user.id,
        roles: user.roles,
    };
    let access = market.tokens().issue(caller, market.now())?;
    Ok(LoggedIn { user, access })
}
