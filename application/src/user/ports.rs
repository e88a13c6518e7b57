//! How users are read from storage.

use async_trait::async_trait;
use p2p_domain::UserId;
use p2p_domain::user::{Email, User};

use crate::ports::StorageError;

/// Users.
#[async_trait]
pub trait UserQueries: Send + Sync {
    async fn find_user(&self, id: UserId) -> Result<Option<User>, StorageError>;

    async fn find_user_by_email(&self, email: &Email) -> Result<Option<User>, StorageError>;
}
