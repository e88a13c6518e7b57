//! Messages in hand on SQLite, which one process has to itself: their ids are remembered, and no transaction is open while
//! they are being published.

use std::collections::HashSet;
use std::sync::{Arc, Mutex as StdMutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use p2p_application::ports::{Lease, OutboxMessage, StorageError};
use p2p_domain::EventId;
use tokio::sync::Mutex;

use super::{oldest, remove};
use crate::database::Database;
use crate::error;
use crate::row;

/// What is in hand. Clones share it.
#[derive(Debug, Clone, Default)]
pub(crate) struct LeaseTable {
    /// Whoever looks for messages. What was delivered meanwhile is not taken out of hand before the look is over: it may
    /// have seen rows that are gone by now.
    scanning: Arc<Mutex<()>>,
    ids: Arc<StdMutex<HashSet<EventId>>>,
}

impl LeaseTable {
    // Nothing panics while it holds the lock.
    fn ids(&self) -> MutexGuard<'_, HashSet<EventId>> {
        self.ids.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Dropped, it gives its messages back.
struct Leased {
    database: Database,
    messages: Vec<OutboxMessage>,
}

impl Drop for Leased {
    fn drop(&mut self) {
        let mut ids = self.database.leases().ids();
        for message in &self.messages {
            ids.remove(&message.id);
        }
    }
}

pub(super) async fn take(database: &Database, limit: u32) -> Result<Box<dyn Lease>, StorageError> {
    let leases = database.leases();
    let _looking = leases.scanning.lock().await;
    // As many more as may turn out to be in hand.
    let leased = leases.ids().len();
    let select = oldest(None, u64::from(limit).saturating_add(leased as u64));
    let found = select.all(database.reader()).await.map_err(error::storage);
    let mut messages: Vec<OutboxMessage> = row::all(found?)?;
    let mut ids = leases.ids();
    messages.retain(|message| !ids.contains(&message.id));
    messages.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    ids.extend(messages.iter().map(|message| message.id));
    Ok(Box::new(Leased {
        database: database.clone(),
        messages,
    }))
}

#[async_trait]
impl Lease for Leased {
    fn messages(&self) -> &[OutboxMessage] {
        &self.messages
    }

    async fn ack(self: Box<Self>, arrived: &[EventId]) -> Result<(), StorageError> {
        let database = self.database.clone();
        remove(
            database.writer(),
            database.statement_limit(),
            &self.messages,
            arrived,
        )
        .await?;
        let _looking = database.leases().scanning.lock().await;
        drop(self);
        Ok(())
    }
}
