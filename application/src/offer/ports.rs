//! How deals are read from storage.

use async_trait::async_trait;
use p2p_domain::offer::HistoryEntry;
use p2p_domain::{Actor, Offer, OfferId, Timestamp, UserId};

use crate::ports::StorageError;

/// Which deals to list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OfferFilter {
    /// Deals in which this user is a side.
    pub user: UserId,
    /// The user's side; `None`: either.
    pub side: Option<Actor>,
    /// Only active ones: not final, or FINISHED at this time or later.
    pub active_since: Option<Timestamp>,
    pub after: Option<OfferId>,
    pub limit: u32,
}

/// Deals.
#[async_trait]
pub trait OfferQueries: Send + Sync {
    async fn find_offer(&self, id: OfferId) -> Result<Option<Offer>, StorageError>;

    /// All transitions of a deal, in order.
    async fn offer_history(&self, id: OfferId) -> Result<Vec<HistoryEntry>, StorageError>;

    /// By id, newest first.
    async fn list_offers(&self, filter: &OfferFilter) -> Result<Vec<Offer>, StorageError>;
}
