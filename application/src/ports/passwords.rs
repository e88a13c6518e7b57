//! Password hashing.

use async_trait::async_trait;
use domain::user::PasswordHash;

/// A slow, salted hash. Implementations bound how many run at once and keep them off the threads that serve requests.
#[async_trait]
pub trait Passwords: Send + Sync {
    /// Hashes a new password.
    async fn hash(&self, password: String) -> Result<PasswordHash, PasswordError>;

    /// Whether the password belongs to the hash. With `None` (no such user) it takes as long and is always false, so
    /// that nobody learns from the clock who has an account.
    async fn verify(
        &self,
        password: String,
        hash: Option<PasswordHash>,
    ) -> Result<bool, PasswordError>;
}

/// The hasher could not do its work.
#[derive(Debug, thiserror::Error)]
#[error("password hashing failed: {0}")]
pub struct PasswordError(pub String);
