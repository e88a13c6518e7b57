//! Leases on PostgreSQL: the rows are locked, and every other claim skips them. A process that dies releases its locks.

use async_trait::async_trait;
use p2p_application::ports::{Lease, OutboxMessage, StorageError};
use p2p_domain::EventId;
use sea_orm::sea_query::{LockBehavior, LockType};
use sea_orm::{DatabaseTransaction, QuerySelect, TransactionTrait};

use super::{oldest, remove};
use crate::database::Database;
use crate::error;
use crate::pools::finish;
use crate::row;
use crate::table::StatementLimit;

/// Dropped, the transaction is rolled back: the connection goes back to its pool, which speaks to it at once.
struct LockedRows {
    transaction: DatabaseTransaction,
    limit: StatementLimit,
    messages: Vec<OutboxMessage>,
}

/// Claims messages that are not leased. The transaction runs on a connection of the relay's pool: however long publishing
/// takes, no writer waits for it.
pub(super) async fn claim(database: &Database, limit: u32) -> Result<Box<dyn Lease>, StorageError> {
    let scan = database.scan_cursor().scan();
    let transaction = database.relay().begin().await.map_err(error::storage)?;
    let select = oldest(scan.from(), u64::from(limit))
        .lock_with_behavior(LockType::Update, LockBehavior::SkipLocked);
    let found = select.all(&transaction).await.map_err(error::storage);
    let found: Result<Vec<OutboxMessage>, _> = found.and_then(row::all);
    let messages = match found {
        Ok(messages) => messages,
        Err(error) => return finish(transaction, Err(error)).await,
    };
    scan.found(messages.first().map(|message| row::uuid(message.id)));
    if messages.is_empty() {
        transaction.rollback().await.map_err(error::storage)?;
        return Ok(Box::new(EmptyLease));
    }
    Ok(Box::new(LockedRows {
        transaction,
        limit: database.statement_limit(),
        messages,
    }))
}

#[async_trait]
impl Lease for LockedRows {
    fn messages(&self) -> &[OutboxMessage] {
        &self.messages
    }

    async fn ack(self: Box<Self>, arrived: &[EventId]) -> Result<(), StorageError> {
        let Self {
            transaction,
            limit,
            messages,
        } = *self;
        let removed = remove(&transaction, limit, &messages, arrived).await;
        finish(transaction, removed).await
    }
}

/// A lease of no messages, which keeps no connection.
struct EmptyLease;

#[async_trait]
impl Lease for EmptyLease {
    fn messages(&self) -> &[OutboxMessage] {
        &[]
    }

    async fn ack(self: Box<Self>, _: &[EventId]) -> Result<(), StorageError> {
        Ok(())
    }
}
