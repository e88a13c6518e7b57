//! The store: where units of work begin.

use async_trait::async_trait;

use super::changes::ChangeSet;
use super::error::StorageError;
use super::snapshot::{Snapshot, SnapshotQuery};
use super::transaction::Transaction;

/// Stores the market.
#[async_trait]
pub trait Store: Send + Sync {
    /// Begins a unit of work.
    async fn begin(&self) -> Result<Box<dyn Transaction>, StorageError>;

    /// Reads what offers and their moves need, as last committed, without locking: faster where other units of work rarely
    /// change the same rows. `None`: this store has no faster way than a unit of work.
    async fn read_snapshot(&self, _: &SnapshotQuery) -> Result<Option<Snapshot>, StorageError> {
        Ok(None)
    }

    /// Writes what was decided over a snapshot, and commits it, all or nothing. If a changed row has another version by now,
    /// that is a [`StorageError::Conflict`].
    async fn commit(&self, changes: &ChangeSet) -> Result<(), StorageError> {
        self.begin().await?.commit(changes).await
    }
}
