//! The schema of an open database, brought up and taken down.

use p2p_application::ports::StorageError;
use p2p_migration::{Migrator, MigratorTrait};
use sea_orm::{ConnectionTrait, DatabaseTransaction, DbBackend};

use crate::database::Database;
use crate::error;
use crate::pools::finish;

/// The advisory lock on PostgreSQL that lets one process migrate at a time. Its number is arbitrary; nothing else in this
/// database uses it.
const MIGRATION_LOCK: i64 = 0x7032_705f_6d69;

impl Database {
    /// Brings the schema up to date. Safe to call from many processes at once.
    pub async fn migrate(&self) -> Result<(), StorageError> {
        let transaction = self.begin_migration().await?;
        let done = Migrator::up(&transaction, None).await;
        finish(transaction, done.map_err(error::storage)).await
    }

    /// Reverts the latest migrations, and deletes what they stored.
    pub async fn migrate_down(&self, steps: u32) -> Result<(), StorageError> {
        let transaction = self.begin_migration().await?;
        let done = Migrator::down(&transaction, Some(steps)).await;
        finish(transaction, done.map_err(error::storage)).await
    }

    /// The names of the migrations that [`migrate`](Self::migrate) would run. Changes nothing.
    pub async fn pending_migrations(&self) -> Result<Vec<String>, StorageError> {
        let pending = Migrator::get_pending_migrations_read_only(self.reader()).await;
        let pending = pending.map_err(error::storage)?;
        Ok(pending
            .iter()
            .map(|migration| migration.name().to_owned())
            .collect())
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
