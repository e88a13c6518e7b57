//! Messages on their way out, and those that came to nothing.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use p2p_application::ports::{
    Backlog, DeadLetter, DeadLetters, Incoming, Lease, Outbox, OutboxMessage, Queue, StorageError,
};
use p2p_domain::{EventId, Timestamp};

use crate::faults::Point;
use crate::queries::take;
use crate::store::Memory;
use crate::tables::StoredDeadLetter;

/// Messages that somebody is delivering. Clones share it.
#[derive(Debug, Clone, Default)]
pub(crate) struct LeaseTable(Arc<Mutex<BTreeSet<EventId>>>);

impl LeaseTable {
    // Nothing panics while it holds the lock.
    fn ids(&self) -> MutexGuard<'_, BTreeSet<EventId>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Dropped, it gives its messages back.
struct Leased {
    memory: Memory,
    messages: Vec<OutboxMessage>,
}

impl Drop for Leased {
    fn drop(&mut self) {
        let mut ids = self.memory.leases().ids();
        for message in &self.messages {
            ids.remove(&message.id);
        }
    }
}

#[async_trait]
impl Outbox for Memory {
    async fn claim(&self, limit: u32) -> Result<Box<dyn Lease>, StorageError> {
        self.faults().visit(Point::Query).await?;
        let mut ids = self.leases().ids();
        let tables = self.read();
        let waiting = tables.outbox.values();
        let free = waiting.filter(|message| !ids.contains(&message.id));
        let messages = take(free.cloned(), limit);
        ids.extend(messages.iter().map(|message| message.id));
        Ok(Box::new(Leased {
            memory: self.clone(),
            messages,
        }))
    }

    async fn backlog(&self) -> Result<Backlog, StorageError> {
        self.faults().visit(Point::Query).await?;
        let tables = self.read();
        Ok(Backlog {
            depth: Backlog::MAX_DEPTH.min(tables.outbox.len() as u64),
            oldest: tables.outbox.values().next().map(|message| message.at),
        })
    }
}

#[async_trait]
impl Lease for Leased {
    fn messages(&self) -> &[OutboxMessage] {
        &self.messages
    }

    async fn ack(self: Box<Self>, arrived: &[EventId]) -> Result<(), StorageError> {
        self.memory.faults().visit(Point::Commit).await?;
        let mut tables = self.memory.write();
        for message in &self.messages {
            if arrived.contains(&message.id) {
                tables.outbox.remove(&message.id);
            }
        }
        drop(tables);
        // Out of hand only now that it is gone.
        drop(self);
        Ok(())
    }
}

#[async_trait]
impl DeadLetters for Memory {
    async fn store(
        &self,
        message: &OutboxMessage,
        queue: Queue,
        reason: &str,
        at: Timestamp,
    ) -> Result<(), StorageError> {
        self.faults().visit(Point::Commit).await?;
        let mut tables = self.write();
        let place = tables.dead_letters.entry((message.id, queue));
        place.or_insert_with(|| StoredDeadLetter {
            message: message.clone(),
            reason: reason.to_owned(),
            at,
        });
        Ok(())
    }

    async fn list_dead_letters(&self, limit: u32) -> Result<Vec<DeadLetter>, StorageError> {
        self.faults().visit(Point::Query).await?;
        let tables = self.read();
        let keys = tables.dead_in_order().into_iter();
        let letters = keys.filter_map(|key| {
            let StoredDeadLetter {
                message, reason, ..
            } = tables.dead_letters.get(&key)?;
            Some(DeadLetter {
                message: Incoming {
                    id: message.id.to_string(),
                    name: message.name.clone().into_owned(),
                    version: Some(message.version),
                    body: message.body.clone().into_bytes(),
                },
                queue: key.1.name().to_owned(),
                reason: reason.clone(),
            })
        });
        Ok(take(letters, limit))
    }

    async fn requeue(&self, message: Option<EventId>, limit: u32) -> Result<u32, StorageError> {
        self.faults().visit(Point::Commit).await?;
        let mut tables = self.write();
        let mut keys = tables.dead_in_order();
        keys.retain(|(id, _)| message.is_none_or(|wanted| wanted == *id));
        let mut revived = 0;
        for (id, queue) in keys {
            if revived == limit {
                break;
            }
            if tables.outbox.contains_key(&id) {
                continue;
            }
            if let Some(buried) = tables.dead_letters.remove(&(id, queue)) {
                let only = Some(queue);
                let message = buried.message;
                tables.outbox.insert(id, OutboxMessage { only, ..message });
                revived += 1;
            }
        }
        Ok(revived)
    }
}
