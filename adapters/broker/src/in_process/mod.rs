//! An in-process broker, for markets without a server.
//!
//! It stores nothing, and a message's outbox row is deleted once the broker confirms the message. So it confirms a message
//! when every queue that the message is for has settled it; until then the outbox has it. A message that is
//! published again while it waits or is unacknowledged is not delivered twice.

mod queues;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures::StreamExt;
use futures::stream::FuturesUnordered;
use p2p_application::ports::{
    Acker, Broadcasts, Broker, BrokerError, Clock, DeadLetter, DeadLetters, Deliveries, Delivery,
    Incoming, OutboxMessage, Queue, StorageError,
};
use p2p_domain::EventId;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, broadcast};
use tokio::time::{Instant, timeout_at};

use queues::{Queues, Settled};

/// `publish` waits for settlements: this long for the next one, and this long in total. Later settlements are confirmed
/// by the next `publish`.
const NEXT_SETTLEMENT_TIMEOUT: Duration = Duration::from_secs(1);
const SETTLEMENT_TIMEOUT: Duration = Duration::from_secs(8);

/// Broadcasts that a subscriber may lag behind; it loses older ones.
const BROADCAST_CAPACITY: usize = 1_024;

/// The broker of one process. Cheap to clone.
#[derive(Clone)]
pub struct InProcess {
    queues: Arc<Queues>,
    broadcasts: broadcast::Sender<Arc<[u8]>>,
    dead_letters: Arc<dyn DeadLetters>,
    clock: Arc<dyn Clock>,
}

impl fmt::Debug for InProcess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InProcess").finish_non_exhaustive()
    }
}

impl InProcess {
    /// Dead letters are stored in `dead_letters`.
    #[must_use]
    pub fn new(dead_letters: Arc<dyn DeadLetters>, clock: Arc<dyn Clock>) -> Self {
        Self {
            queues: Arc::default(),
            broadcasts: broadcast::Sender::new(BROADCAST_CAPACITY),
            dead_letters,
            clock,
        }
    }
}

/// The queues that a message is for.
fn addressees(message: &OutboxMessage) -> Vec<Queue> {
    match message.only {
        Some(queue) => vec![queue],
        None => Queue::ALL
            .into_iter()
            .filter(|queue| queue.subscription().includes(&message.name))
            .collect(),
    }
}

/// Resolves when all of them have settled the message.
async fn all_settled(message: EventId, queues: Vec<Settled>) -> Option<EventId> {
    for queue in queues {
        // A closed queue settles nothing.
        queue.await.ok()?;
    }
    Some(message)
}

#[async_trait]
impl Broker for InProcess {
    async fn publish(&self, messages: &[OutboxMessage]) -> Result<Vec<EventId>, BrokerError> {
        let mut under_way = FuturesUnordered::new();
        for message in messages {
            let queues = addressees(message);
            if queues.is_empty() {
                continue;
            }
            let shared = Arc::new(message.clone());
            let settled: Option<Vec<Settled>> = queues
                .into_iter()
                .map(|queue| self.queues.add(queue, &shared))
                .collect();
            // One of its queues has no consumer, so it is not confirmed.
            under_way.extend(settled.map(|settled| all_settled(message.id, settled)));
        }
        let mut arrived = Vec::with_capacity(under_way.len());
        let latest = Instant::now() + SETTLEMENT_TIMEOUT;
        loop {
            let deadline = latest.min(Instant::now() + NEXT_SETTLEMENT_TIMEOUT);
            match timeout_at(deadline, under_way.next()).await {
                Ok(Some(settled)) => arrived.extend(settled),
                Ok(None) | Err(_) => return Ok(arrived),
            }
        }
    }

    async fn consume(&self, queue: Queue, window: u16) -> Result<Box<dyn Deliveries>, BrokerError> {
        self.queues.open(queue);
        Ok(Box::new(Consuming {
            broker: self.clone(),
            queue,
            window: Arc::new(Semaphore::new(usize::from(window.max(1)))),
        }))
    }

    async fn broadcast(&self, broadcasts: &[u8]) -> Result<(), BrokerError> {
        // Without subscribers sending fails, which is fine.
        let _ = self.broadcasts.send(broadcasts.into());
        Ok(())
    }

    async fn subscribe(&self) -> Result<Box<dyn Broadcasts>, BrokerError> {
        Ok(Box::new(Subscription(self.broadcasts.subscribe())))
    }

    async fn dead_letters(&self, limit: u32) -> Result<Vec<DeadLetter>, BrokerError> {
        let listed = self.dead_letters.list_dead_letters(limit).await;
        listed.map_err(unavailable)
    }

    async fn replay(&self, id: Option<&str>, limit: u32) -> Result<u32, BrokerError> {
        let message = match id.map(str::parse::<EventId>) {
            None => None,
            Some(Ok(message)) => Some(message),
            // No message has such an id.
            Some(Err(_)) => return Ok(0),
        };
        let requeued = self.dead_letters.requeue(message, limit).await;
        requeued.map_err(unavailable)
    }
}

fn unavailable(error: StorageError) -> BrokerError {
    BrokerError::Unavailable {
        source: Box::new(error),
    }
}

struct Consuming {
    broker: InProcess,
    queue: Queue,
    window: Arc<Semaphore>,
}

#[async_trait]
impl Deliveries for Consuming {
    async fn next(&mut self) -> Result<Delivery, BrokerError> {
        let place = Arc::clone(&self.window).acquire_owned().await;
        let place = place.map_err(|closed| BrokerError::Unavailable {
            source: Box::new(closed),
        })?;
        // Nothing is awaited after the message is taken.
        let message = self.broker.queues.take(self.queue).await;
        Ok(Delivery {
            message: incoming(&message),
            acker: Box::new(Unacked {
                broker: self.broker.clone(),
                queue: self.queue,
                message,
                settled: false,
                _place: place,
            }),
        })
    }
}

impl Drop for Consuming {
    fn drop(&mut self) {
        self.broker.queues.close(self.queue);
    }
}

fn incoming(message: &OutboxMessage) -> Incoming {
    Incoming {
        id: message.id.to_string(),
        name: message.name.clone().into_owned(),
        version: Some(message.version),
        body: message.body.clone().into_bytes(),
    }
}

/// An unsettled message. Dropped, it is delivered again.
struct Unacked {
    broker: InProcess,
    queue: Queue,
    message: Arc<OutboxMessage>,
    settled: bool,
    _place: OwnedSemaphorePermit,
}

impl Unacked {
    fn settle(&mut self) {
        self.settled = true;
        self.broker.queues.settle(self.queue, self.message.id);
    }
}

#[async_trait]
impl Acker for Unacked {
    async fn ack(mut self: Box<Self>) -> Result<(), BrokerError> {
        self.settle();
        Ok(())
    }

    async fn dead_letter(mut self: Box<Self>, reason: &str) -> Result<(), BrokerError> {
        let now = self.broker.clock.now();
        let dead_letters = Arc::clone(&self.broker.dead_letters);
        let stored = dead_letters
            .store(&self.message, self.queue, reason, now)
            .await;
        stored.map_err(unavailable)?;
        self.settle();
        Ok(())
    }
}

impl Drop for Unacked {
    fn drop(&mut self) {
        if !self.settled {
            let message = Arc::clone(&self.message);
            self.broker.queues.give_back(self.queue, message);
        }
    }
}

struct Subscription(broadcast::Receiver<Arc<[u8]>>);

#[async_trait]
impl Broadcasts for Subscription {
    async fn next(&mut self) -> Result<Vec<u8>, BrokerError> {
        loop {
            match self.0.recv().await {
                Ok(broadcasts) => return Ok(broadcasts.to_vec()),
                // A slow subscriber loses some.
                Err(RecvError::Lagged(_)) => {}
                Err(closed @ RecvError::Closed) => {
                    return Err(BrokerError::Unavailable {
                        source: Box::new(closed),
                    });
                }
            }
        }
    }
}
