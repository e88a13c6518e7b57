//! How sessions, second factors and failed attempts are read from storage.

use async_trait::async_trait;
use p2p_domain::{FailedAttempts, Roles, SecondFactor, Session, SessionId, Timestamp, UserId};

use crate::ports::StorageError;

/// Role changes and ended sessions.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AccessChanges {
    /// Users whose roles were changed, with their present roles and the time of the change.
    pub roles: Vec<(UserId, Roles, Timestamp)>,
    /// Ended sessions, with the time.
    pub ended: Vec<(SessionId, Timestamp)>,
}

/// Sessions, failed attempts and second factors.
#[async_trait]
pub trait AccessQueries: Send + Sync {
    async fn find_session(&self, id: SessionId) -> Result<Option<Session>, StorageError>;

    /// The sessions of a user that have not ended, by id, newest first. Some may have expired.
    async fn list_sessions(&self, user: UserId, limit: u32) -> Result<Vec<Session>, StorageError>;

    async fn find_attempts(&self, key: u128) -> Result<Option<FailedAttempts>, StorageError>;

    async fn find_second_factor(&self, user: UserId) -> Result<Option<SecondFactor>, StorageError>;

    /// All changes of access at this time or later.
    async fn access_changes(&self, since: Timestamp) -> Result<AccessChanges, StorageError>;
}
