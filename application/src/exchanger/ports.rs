//! How exchangers are read from storage.

use async_trait::async_trait;
use p2p_domain::{Exchanger, UserId};

use crate::ports::StorageError;

/// Exchangers.
#[async_trait]
pub trait ExchangerQueries: Send + Sync {
    async fn find_exchanger(&self, id: UserId) -> Result<Option<Exchanger>, StorageError>;

    /// Frozen exchangers, longest frozen first.
    async fn frozen_exchangers(&self, limit: u32) -> Result<Vec<Exchanger>, StorageError>;
}
