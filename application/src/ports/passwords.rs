//! Password hashing.

use async_trait::async_trait;
use p2p_domain::user::PasswordHash;

/// A slow, salted hash. Implementations bound the hashes that run and that wait, and keep them off the threads that serve
/// requests.
#[async_trait]
pub trait Passwords: Send + Sync {
    /// Hashes a new password.
    async fn hash(&self, password: String) -> Result<PasswordHash, PasswordError>;

    /// Whether the password matches the hash. `None` (no such user) never matches and takes as long, so that timing does not
    /// reveal who has an account.
    async fn verify(
        &self,
        password: String,
        hash: Option<PasswordHash>,
    ) -> Result<Verdict, PasswordError>;

    /// The reason why this password is too easily guessed, if any: it was in a breach, or resembles data of its owner.
    async fn weakness(
        &self,
        password: &str,
        known_of_owner: &[&str],
    ) -> Result<Option<&'static str>, PasswordError>;
}

/// The result of a comparison.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    Wrong,
    Right,
    /// Right, but hashed at a lower cost than today's. This is the new hash.
    Outdated(PasswordHash),
}

impl Verdict {
    #[must_use]
    pub const fn is_right(&self) -> bool {
        matches!(self, Self::Right | Self::Outdated(_))
    }
}

/// A password was not hashed.
#[derive(Debug, thiserror::Error)]
pub enum PasswordError {
    /// Too many hashes are waiting.
    #[error("too many passwords are being checked")]
    Busy,
    #[error("password hashing failed: {0}")]
    Failed(String),
}
