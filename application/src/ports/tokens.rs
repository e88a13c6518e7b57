//! Tokens: signed statements that the market trusts when they are presented.

use p2p_domain::user::Caller;
use p2p_domain::{SessionId, Timestamp, UserId};

/// A signed statement of the bearer's identity.
#[derive(Clone)]
pub struct AccessToken {
    /// The text that the bearer presents. A secret.
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

/// The content of a valid access token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bearer {
    /// Without an address, which the token does not contain.
    pub caller: Caller,
    pub issued_at: Timestamp,
    /// The token is invalid from then on.
    pub expires_at: Timestamp,
}

/// The content of a refresh token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refresh {
    pub session: SessionId,
    pub user: UserId,
    /// The number of this refresh token within the session.
    pub generation: u32,
}

/// The purpose of a link in a mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkPurpose {
    VerifyEmail,
    ResetPassword,
}

/// The content of a link in a mail.
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
    /// Ours, but expired.
    #[error("the access token has expired")]
    Expired,
    /// Ours, but its session was ended.
    #[error("the session is over")]
    Ended,
    /// Its validity can't be checked at the moment.
    #[error("the access token can't be checked now")]
    Unknown,
}

/// Issues and verifies tokens. Pure computation; the time is passed in. A token of one kind is never accepted as another kind.
/// A token is invalid before the time at which it was issued, apart from the difference between the clocks of two replicas.
pub trait Tokens: Send + Sync {
    /// A token for this caller, valid from now on.
    fn issue(&self, caller: Caller, now: Timestamp) -> Result<AccessToken, TokenError>;

    /// The bearer of this token.
    fn verify(&self, token: &str, now: Timestamp) -> Result<Bearer, TokenError>;

    /// The longest lifetime of an access token.
    fn lifetime(&self) -> std::time::Duration;

    /// A refresh token, valid until then.
    fn issue_refresh(
        &self,
        refresh: Refresh,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<String, TokenError>;

    fn verify_refresh(&self, token: &str, now: Timestamp) -> Result<Refresh, TokenError>;

    /// The secret part of a link in a mail, valid until then.
    fn issue_link(
        &self,
        link: Link,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<String, TokenError>;

    fn verify_link(&self, token: &str, now: Timestamp) -> Result<Link, TokenError>;
}
