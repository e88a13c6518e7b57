//! How disputes are read from storage.

use async_trait::async_trait;
use p2p_domain::dispute::Comment;
use p2p_domain::{Dispute, DisputeId, OfferId, UserId};

use crate::ports::StorageError;

/// Which disputes to list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DisputeFilter {
    /// Only disputes of deals in which this user is a side.
    pub side: Option<UserId>,
    /// Only open, or only resolved ones.
    pub open: Option<bool>,
    pub after: Option<DisputeId>,
    pub limit: u32,
}

/// Disputes.
#[async_trait]
pub trait DisputeQueries: Send + Sync {
    async fn find_dispute(&self, id: DisputeId) -> Result<Option<Dispute>, StorageError>;

    /// All disputes of a deal, oldest first.
    async fn disputes_of(&self, offer: OfferId) -> Result<Vec<Dispute>, StorageError>;

    /// Oldest first.
    async fn list_disputes(&self, filter: &DisputeFilter) -> Result<Vec<Dispute>, StorageError>;

    /// Oldest first.
    async fn dispute_comments(&self, id: DisputeId) -> Result<Vec<Comment>, StorageError>;
}
