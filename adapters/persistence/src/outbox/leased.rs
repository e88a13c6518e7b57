//! Leases on SQLite, which one process has to itself: their ids are remembered, and no transaction is open while the messages
//! are published.

use async_trait::async_trait;
use p2p_application::ports::{Lease, OutboxMessage, StorageError};
use p2p_domain::EventId;

use super::{oldest, remove};
use crate::database::Database;
use crate::error;
use crate::row;

/// Dropped, it releases its messages.
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

pub(super) async fn claim(database: &Database, limit: u32) -> Result<Box<dyn Lease>, StorageError> {
    let leases = database.leases();
    let _scanning = leases.no_scan().await;
    // As many more as may turn out to be leased.
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
        let _scanning = database.leases().no_scan().await;
        drop(self);
        Ok(())
    }
}
