//! How mailboxes and notifications are read from storage.

use async_trait::async_trait;
use p2p_domain::{Mailbox, Notification, UserId};

use crate::ports::StorageError;

/// Which notifications to list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotificationFilter {
    pub user: UserId,
    /// Only unread ones with greater numbers. All notifications up to this number are read.
    pub unread_after: Option<u64>,
    /// Only those with smaller numbers.
    pub before: Option<u64>,
    pub limit: u32,
}

/// Mailboxes and notifications.
#[async_trait]
pub trait NotificationQueries: Send + Sync {
    /// `None`: there was no notification yet.
    async fn mailbox(&self, user: UserId) -> Result<Option<Mailbox>, StorageError>;

    /// By number, newest first.
    async fn list_notifications(
        &self,
        filter: &NotificationFilter,
    ) -> Result<Vec<Notification>, StorageError>;

    /// Those with greater numbers, oldest first.
    async fn notifications_after(
        &self,
        user: UserId,
        number: u64,
        limit: u32,
    ) -> Result<Vec<Notification>, StorageError>;

    /// How many with greater numbers are unread, counted up to `most`.
    async fn count_unread(&self, user: UserId, number: u64, most: u64)
    -> Result<u64, StorageError>;
}
