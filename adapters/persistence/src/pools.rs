//! The connections to one database, by what they are for.

use p2p_application::ports::StorageError;
use sea_orm::{
    DatabaseConnection, DatabaseTransaction, DbBackend, SqliteTransactionMode, TransactionOptions,
    TransactionTrait,
};

use crate::connection_cache::ConnectionCache;
use crate::error;
use crate::table::StatementLimit;

/// Handles of the pools. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Pools {
    pub(crate) writer: DatabaseConnection,
    pub(crate) reader: DatabaseConnection,
    /// For transactions that stay open while messages are published.
    pub(crate) relay: DatabaseConnection,
    /// How much one statement of the writer may carry.
    pub(crate) limit: StatementLimit,
    /// For statements that commit themselves; PostgreSQL only.
    pub(crate) cache: Option<ConnectionCache>,
}

impl Pools {
    pub(crate) fn backend(&self) -> DbBackend {
        self.writer.get_database_backend()
    }

    /// Begins a transaction that will write: on SQLite it takes the one write lock before it reads anything.
    pub(crate) async fn begin_write(&self) -> Result<DatabaseTransaction, StorageError> {
        let begun = match self.backend() {
            DbBackend::Sqlite => {
                self.writer
                    .begin_with_options(TransactionOptions {
                        sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
                        ..TransactionOptions::default()
                    })
                    .await
            }
            _ => self.writer.begin().await,
        };
        begun.map_err(error::storage)
    }

    /// Closes all connections once the work on them is done.
    pub(crate) async fn close(self) -> Result<(), StorageError> {
        if let Some(cache) = self.cache {
            cache.close().await;
        }
        let relay = self.relay.close().await;
        let reader = self.reader.close().await;
        let writer = self.writer.close().await;
        relay.and(reader).and(writer).map_err(error::storage)
    }
}

/// Ends a transaction as its work ended: committed, or rolled back explicitly.
pub(crate) async fn finish<T>(
    transaction: DatabaseTransaction,
    outcome: Result<T, StorageError>,
) -> Result<T, StorageError> {
    match outcome {
        Ok(value) => {
            transaction.commit().await.map_err(error::commit)?;
            Ok(value)
        }
        Err(error) => {
            if let Err(rollback) = transaction.rollback().await {
                tracing::debug!(error = %rollback, "rolling back failed");
            }
            Err(error)
        }
    }
}
