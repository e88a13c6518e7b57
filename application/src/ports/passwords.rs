//! Password hashing.

use async_trait::async_trait;
use p2p_domain::user::PasswordHash;

/// A slow, salted hash. Implementations bound how many run at once and how many wait, and keep them off the threads that
/// serve requests.
#[async_trait]
pub trait Passwords: Send + Sync {
    /// Hashes a new password.
    async fn hash(&self, password: String) -> Result<PasswordHash, PasswordError>;

    /// Whether the password belongs to the hash. With `None` (no such user) it takes as long and is always wrong, so
    /// that nobody learns from the clock who has an account.
    async fn verify(
        &self,
        password: String,
        hash: Option<PasswordHash>,
    ) -> Result<Verdict, PasswordError>;

    /// Why this password is too easily guessed, if it is: known from breaches, or made of what is known of its owner.
    async fn weakness(
        &self,
        password: &str,
        known_of_owner: &[&str],
    ) -> Result<Option<&'static str>, PasswordError>;
}

/// What a password is that somebody offers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    Wrong,
    Right,
    /// Right; but its hash is cheaper to guess by than one of today, such as this.
    Outdated(PasswordHash),
}

impl Verdict {
    #[must_use]
    pub const fn is_right(&self) -> bool {
        matches!(self, Self::Right | Self::Outdated(_))
    }
}

/// The hasher did not do its work.
#[derive(Debug, thiserror::Error)]
pub enum PasswordError {
    /// Too many wait already.
    #[error("too many passwords are being checked")]
    Busy,
    #[error("password hashing failed: {0}")]
    Failed(String),
}
