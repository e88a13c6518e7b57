//! The open database: what the ports are implemented on.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use p2p_application::ports::{
    ChangeSet, Snapshot, SnapshotQuery, StorageError, Store, Transaction,
};
use p2p_migration::{Migrator, MigratorTrait};
use sea_orm::{ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend};
use sea_orm::{SqliteTransactionMode, TransactionOptions, TransactionTrait};

use crate::connect::{self, OpenError};
use crate::connection_cache::ConnectionCache;
use crate::error;
use crate::outbox::{LeaseTable, ScanCursor};
use crate::snapshot;
use crate::table::StatementLimit;
use crate::unit::{Unit, commit_at_once};

/// Only one process migrates at a time: the number of the lock that says so, on PostgreSQL. Any number that nobody else
/// uses in this database.
const MIGRATION_LOCK: i64 = 0x7032_705f_6d69;

/// Which database, and how it is used.
#[derive(Clone)]
pub struct DatabaseSettings {
    /// `sqlite://path/of/file.db` (created if it is missing) or `postgres://user:password@host/database`.
    pub url: String,
    /// Connections at most.
    pub max_connections: u32,
    /// How long somebody may wait for a connection before being told that storage is unavailable.
    pub acquire_timeout: Duration,
}

/// Without the URL: it may hold a password.
impl fmt::Debug for DatabaseSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DatabaseSettings")
            .field("max_connections", &self.max_connections)
            .field("acquire_timeout", &self.acquire_timeout)
            .finish_non_exhaustive()
    }
}

/// An open database. Cheap to clone.
#[derive(Clone)]
pub struct Database {
    writer: DatabaseConnection,
    reader: DatabaseConnection,
    relay: DatabaseConnection,
    limit: StatementLimit,
    /// For statements that commit themselves, where there is such a way.
    cache: Option<ConnectionCache>,
    /// Messages in hand, on SQLite.
    leases: LeaseTable,
    /// Where messages are looked for, on PostgreSQL.
    scan_cursor: ScanCursor,
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Database")
            .field("backend", &self.backend())
            .finish_non_exhaustive()
    }
}

impl Database {
    /// Opens the database that the URL names.
    pub async fn open(settings: &DatabaseSettings) -> Result<Self, OpenError> {
        let connect::Opened {
            writer,
            reader,
            relay,
            limit,
            cache,
        } = connect::open(settings).await?;
        Ok(Self {
            writer,
            reader,
            relay,
            limit,
            cache,
            leases: LeaseTable::default(),
            scan_cursor: ScanCursor::default(),
        })
    }

    /// Brings the schema up to date. Safe to call from many processes at once.
    pub async fn migrate(&self) -> Result<(), StorageError> {
        let transaction = self.begin_migration().await?;
        let done = Migrator::up(&transaction, None).await;
        finish(transaction, done.map_err(error::storage)).await
    }

    /// Takes the latest changes of the schema back, and what they stored with them.
    pub async fn migrate_down(&self, steps: u32) -> Result<(), StorageError> {
        let transaction = self.begin_migration().await?;
        let done = Migrator::down(&transaction, Some(steps)).await;
        finish(transaction, done.map_err(error::storage)).await
    }

    /// The names of the changes that [`migrate`](Self::migrate) would make. Changes nothing.
    pub async fn pending_migrations(&self) -> Result<Vec<String>, StorageError> {
        let pending = Migrator::get_pending_migrations_read_only(&self.reader).await;
        let pending = pending.map_err(error::storage)?;
        Ok(pending
            .iter()
            .map(|migration| migration.name().to_owned())
            .collect())
    }

    /// Closes all connections, after the work that is under way.
    pub async fn close(self) -> Result<(), StorageError> {
        if let Some(cache) = self.cache {
            cache.close().await;
        }
        let relay = self.relay.close().await;
        let reader = self.reader.close().await;
        let writer = self.writer.close().await;
        relay.and(reader).and(writer).map_err(error::storage)
    }

    /// Where reads go.
    pub(crate) fn reader(&self) -> &DatabaseConnection {
        &self.reader
    }

    /// Where statements go that write and commit themselves.
    pub(crate) fn writer(&self) -> &DatabaseConnection {
        &self.writer
    }

    /// Where transactions go that last while messages are being published.
    pub(crate) fn relay(&self) -> &DatabaseConnection {
        &self.relay
    }

    pub(crate) fn statement_limit(&self) -> StatementLimit {
        self.limit
    }

    pub(crate) fn leases(&self) -> &LeaseTable {
        &self.leases
    }

    pub(crate) fn scan_cursor(&self) -> &ScanCursor {
        &self.scan_cursor
    }

    /// Both ways in.
    pub(crate) fn connections(&self) -> [&DatabaseConnection; 2] {
        [&self.reader, &self.writer]
    }

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

    async fn begin_migration(&self) -> Result<DatabaseTransaction, StorageError> {
        let transaction = self.begin_write().await?;
        if self.backend() == DbBackend::Postgres {
            let lock = format!(
                "SET LOCAL lock_timeout = 0; SELECT pg_advisory_xact_lock({MIGRATION_LOCK})"
            );
            transaction
                .execute_unprepared(&lock)
                .await
                .map_err(error::storage)?;
        }
        Ok(transaction)
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

#[async_trait]
impl Store for Database {
    async fn begin(&self) -> Result<Box<dyn Transaction>, StorageError> {
        match self.begin_write().await {
            Ok(transaction) => Ok(Box::new(Unit::new(transaction, self.limit))),
            // Another process holds SQLite's one lock: that is about no command in particular.
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
        let Some(cache) = &self.cache else {
            return Ok(None);
        };
        let connection = cache.take().await.map_err(error::storage)?;
        let seen = snapshot::read_snapshot(&connection, snapshot_query).await?;
        cache.put_back(connection);
        Ok(Some(seen))
    }

    async fn commit(&self, changes: &ChangeSet) -> Result<(), StorageError> {
        let Some(cache) = &self.cache else {
            return self.begin().await?.commit(changes).await;
        };
        let connection = cache.take().await.map_err(error::storage)?;
        commit_at_once(&connection, changes).await?;
        cache.put_back(connection);
        Ok(())
    }
}
