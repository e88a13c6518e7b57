//! Messages in hand on PostgreSQL: their rows are locked, and everybody else passes them by. A process that dies takes its
//! locks with it.

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

/// What nobody has in hand. The transaction has a connection of its own kind: however long publishing takes, nobody who
/// writes waits for it.
pub(super) async fn claim(
    database: &Database,
    limit: u32,
) -> Result<Box<dyn Lease>, StorageError> {
    let snapshot = database.scan_cursor().scan();
    let transaction = database.relay().begin().await.map_err(error::storage)?;
    let select = oldest(snapshot.from(), u64::from(limit))
        .lock_with_behavior(LockType::Update, LockBehavior::SkipLocked);
    let found = select.all(&transaction).await.map_err(error::storage);
    let found: Result<Vec<OutboxMessage>, _> = found.and_then(row::all);
    let messages = match found {
        Ok(messages) => messages,
        Err(error) => return finish(transaction, Err(error)).await,
    };
    snapshot.found(messages.first().map(|message| row::uuid(message.id)));
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

/// A parcel that keeps no connection.
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
