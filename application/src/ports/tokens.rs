//! Tokens: signed statements that the market believes when they come back.

use p2p_domain::user::Caller;
use p2p_domain::{SessionId, Timestamp, UserId};

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
    /// Without an address: where they ask from is not the token's to say.
    pub caller: Caller,
    pub issued_at: Timestamp,
    /// From then on the token is good no more.
    pub expires_at: Timestamp,
}

/// What a refresh token says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refresh {
    pub session: SessionId,
    pub user: UserId,
    /// Which of the session's refresh tokens it is.
    pub generation: u32,
}

/// What a link in a mail is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkPurpose {
    VerifyEmail,
    ResetPassword,
}

/// What a link in a mail says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Link {
    pub purpose: LinkPurpose,
    pub user: UserId,
    /// When the password was last set. The next change of the password invalidates the link.
    pub password_set_at: Timestamp,
}

/// Why a token is not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// Not a token of ours, or not of this kind: malformed, another key, another algorithm.
    #[error("the access token is not valid")]
    Invalid,
    /// Ours, but no longer good.
    #[error("the access token has expired")]
    Expired,
    /// Ours, but its session was ended.
    #[error("the session is over")]
    Ended,
    /// Whether it is still good can't be found out just now.
    #[error("the access token can't be checked now")]
    Unknown,
}

/// Issues and verifies tokens. Pure computation; the time comes in. A token of one kind is never taken for one of another.
/// None is good before the time at which it was issued, but for the difference between two replicas' clocks.
pub trait Tokens: Send + Sync {
    /// A token for this caller, good from now on.
    fn issue(&self, caller: Caller, now: Timestamp) -> Result<AccessToken, TokenError>;

    /// Who the bearer of this token is, and until when.
    fn verify(&self, token: &str, now: Timestamp) -> Result<Bearer, TokenError>;

    /// The longest that an access token can be good for.
    fn lifetime(&self) -> std::time::Duration;

    /// A refresh token, good until then.
    fn issue_refresh(
        &self,
        refresh: Refresh,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<String, TokenError>;

    fn verify_refresh(&self, token: &str, now: Timestamp) -> Result<Refresh, TokenError>;

    /// The secret part of a link in a mail, good until then.
    fn issue_link(
        &self,
        link: Link,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<String, TokenError>;

    fn verify_link(&self, token: &str, now: Timestamp) -> Result<Link, TokenError>;
}
