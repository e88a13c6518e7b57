//! The open database: the handle on which each noun implements its ports. It knows no noun.

use std::fmt;

use p2p_application::ports::StorageError;
use sea_orm::{DatabaseConnection, DatabaseTransaction, DbBackend};

use crate::claims::{LeaseTable, ScanCursor};
use crate::connect::{self, DatabaseSettings, OpenError};
use crate::pools::Pools;
use crate::table::StatementLimit;

/// An open database. Cheap to clone.
#[derive(Clone)]
pub struct Database {
    pools: Pools,
    /// Outbox messages under lease, on SQLite.
    leases: LeaseTable,
    /// Where the next scan of the outbox begins, on PostgreSQL.
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
        Ok(Self {
            pools: connect::open(settings).await?,
            leases: LeaseTable::default(),
            scan_cursor: ScanCursor::default(),
        })
    }

    /// Closes all connections once the work on them is done.
    pub async fn close(self) -> Result<(), StorageError> {
        self.pools.close().await
    }

    pub(crate) const fn pools(&self) -> &Pools {
        &self.pools
    }

    /// The connection for reads.
    pub(crate) const fn reader(&self) -> &DatabaseConnection {
        &self.pools.reader
    }

    /// The connection for statements that write and commit themselves.
    pub(crate) const fn writer(&self) -> &DatabaseConnection {
        &self.pools.writer
    }

    /// The connection for transactions that stay open while messages are published.
    pub(crate) const fn relay(&self) -> &DatabaseConnection {
        &self.pools.relay
    }

    pub(crate) const fn statement_limit(&self) -> StatementLimit {
        self.pools.limit
    }

    pub(crate) const fn leases(&self) -> &LeaseTable {
        &self.leases
    }

    pub(crate) const fn scan_cursor(&self) -> &ScanCursor {
        &self.scan_cursor
    }

    pub(crate) fn backend(&self) -> DbBackend {
        self.pools.backend()
    }

    /// Begins a transaction that will write.
    pub(crate) async fn begin_write(&self) -> Result<DatabaseTransaction, StorageError> {
        self.pools.begin_write().await
    }
}
