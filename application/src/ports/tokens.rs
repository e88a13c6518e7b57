//! Access tokens.

use domain::Timestamp;
use domain::user::Caller;

/// A signed statement of who the bearer is.
#[derive(Clone)]
pub struct AccessToken {
    /// What the bearer presents. A secret.
    pub token: String,
    pub expires_at: Timestamp,
}

impl std::fmt::Debug for AccessToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AccessToken")
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

/// What a token that is good says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bearer {
    pub caller: Caller,
    /// From then on the token is good no more.
    pub expires_at: Timestamp,
}

/// Why a token is not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// Not a token of ours: malformed, another key, another algorithm.
    #[error("the access token is not valid")]
    Invalid,
    /// Ours, but no longer good.
    #[error("the access token has expired")]
    Expired,
}

/// Issues and verifies access tokens. Pure computation; the time comes in.
pub trait Tokens: Send + Sync {
    /// A token for this caller, good from now on.
    fn issue(&self, caller: Caller, now: Timestamp) -> Result<AccessToken, TokenError>;

    /// Who the bearer of this token is, and until when.
    fn verify(&self, token: &str, now: Timestamp) -> Result<Bearer, TokenError>;
}
