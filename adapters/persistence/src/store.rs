//! The store: units of work, snapshots, and commits in one statement.

use async_trait::async_trait;
use p2p_application::ports::{
    ChangeSet, Snapshot, SnapshotQuery, StorageError, Store, Transaction,
};

use crate::database::Database;
use crate::error;
use crate::snapshot;
use crate::unit::{Unit, commit_at_once};

#[async_trait]
impl Store for Database {
    async fn begin(&self) -> Result<Box<dyn Transaction>, StorageError> {
        match self.begin_write().await {
            Ok(transaction) => Ok(Box::new(Unit::new(transaction, self.statement_limit()))),
            // Another process holds SQLite's one lock: the conflict concerns no command in particular.
            Err(StorageError::Conflict { what }) => Err(StorageError::Unavailable {
                source: what.into(),
            }),
            Err(error) => Err(error),
        }
    }

    async fn read_snapshot(
        &self,
        snapshot_query: &SnapshotQuery,
    ) -> Result<Option<Snapshot>, StorageError> {
        let Some(cache) = &self.pools().cache else {
            return Ok(None);
        };
        let connection = cache.take().await.map_err(error::storage)?;
        let snapshot = snapshot::read_snapshot(&connection, snapshot_query).await?;
        cache.put_back(connection);
        Ok(Some(snapshot))
    }

    async fn commit(&self, changes: &ChangeSet) -> Result<(), StorageError> {
        let Some(cache) = &self.pools().cache else {
            return self.begin().await?.commit(changes).await;
        };
        let connection = cache.take().await.map_err(error::storage)?;
        commit_at_once(&connection, changes).await?;
        cache.put_back(connection);
        Ok(())
    }
}
