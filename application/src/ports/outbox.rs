//! The outbox: messages committed together with their facts, until the broker has confirmed them.

use async_trait::async_trait;
use p2p_domain::{EventId, Timestamp};

use super::{DeadLetter, OutboxMessage, Queue, StorageError};

/// Messages on their way out.
#[async_trait]
pub trait Outbox: Send + Sync {
    /// Claims the oldest messages that are not leased, in the order of their ids. They stay leased until the lease is
    /// dropped or acknowledged; a process that dies gives its leases back.
    async fn claim(&self, limit: u32) -> Result<Box<dyn Lease>, StorageError>;

    /// How much there is to deliver.
    async fn backlog(&self) -> Result<Backlog, StorageError>;
}

/// Leased messages. Dropping the lease gives them back, if not in the same moment.
#[async_trait]
pub trait Lease: Send {
    fn messages(&self) -> &[OutboxMessage];

    /// Removes those that have arrived and gives the others back.
    async fn ack(self: Box<Self>, arrived: &[EventId]) -> Result<(), StorageError>;
}

/// What waits to be delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Backlog {
    /// How many messages, at most [`Backlog::MAX_DEPTH`].
    pub depth: u64,
    /// When the oldest of them was written.
    pub oldest: Option<Timestamp>,
}

impl Backlog {
    /// The count stops here.
    pub const MAX_DEPTH: u64 = 100_000;
}

/// Messages that could not take effect, for a broker that has no place of its own for them.
#[async_trait]
pub trait DeadLetters: Send + Sync {
    /// Keeps a message that came to nothing at a queue. A second time changes nothing.
    async fn store(
        &self,
        message: &OutboxMessage,
        queue: Queue,
        reason: &str,
        at: Timestamp,
    ) -> Result<(), StorageError>;

    /// The ones that died first, which stay where they are.
    async fn list_dead_letters(&self, limit: u32) -> Result<Vec<DeadLetter>, StorageError>;

    /// Puts dead letters back into the outbox, each for its queue only: those of this message, or the oldest `limit`.
    /// Answers how many. One whose message is in the outbox already stays where it is.
    async fn requeue(&self, message: Option<EventId>, limit: u32) -> Result<u32, StorageError>;
}
