//! Consumers: each message of a queue becomes a command, which takes effect once however often it is delivered. The handlers
//! are beside their nouns.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::ports::{Broker, BrokerError, Delivery, Incoming, Queue};
use crate::{CommandError, DecodeError};

/// The limits of a consumer.
#[derive(Debug, Clone, Copy)]
pub struct ConsumerSettings {
    /// Messages of a queue handled at a time.
    pub window: u16,
    /// How often a message is tried before it becomes a dead letter, transient failures not counted.
    pub attempts: u32,
    /// The wait after the first failure; it doubles each time.
    pub pause: Duration,
}

impl Default for ConsumerSettings {
    fn default() -> Self {
        Self {
            window: 256,
            attempts: 5,
            pause: Duration::from_millis(100),
        }
    }
}

/// The longest wait before a message is tried again.
const MAX_RETRY_INTERVAL: Duration = Duration::from_secs(5);

/// The wait before a queue whose connection was lost is consumed again.
const RECONNECT_INTERVAL: Duration = Duration::from_secs(1);

/// The counters of a consumer since its start.
#[derive(Debug, Default)]
pub struct ConsumerStats {
    done: AtomicU64,
    dead: AtomicU64,
    failures: AtomicU64,
}

impl ConsumerStats {
    /// Messages that took effect, now or earlier.
    #[must_use]
    pub fn done(&self) -> u64 {
        self.done.load(Ordering::Relaxed)
    }

    /// Messages that became dead letters.
    #[must_use]
    pub fn dead(&self) -> u64 {
        self.dead.load(Ordering::Relaxed)
    }

    /// How often a message was tried again.
    #[must_use]
    pub fn failures(&self) -> u64 {
        self.failures.load(Ordering::Relaxed)
    }
}

/// Why a message did not take effect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// It never will: it becomes a dead letter at once.
    Permanent(String),
    /// The message or the market is faulty: tried a few times.
    Failed(String),
    /// The market is busy or storage is away: tried until it succeeds.
    Transient(String),
}

impl From<CommandError> for Failure {
    fn from(error: CommandError) -> Self {
        let reason = error.to_string();
        match error {
            CommandError::Refused(refusal) => {
                Self::Failed(format!("{}: {refusal}", refusal.code()))
            }
            CommandError::Internal => Self::Failed(reason),
            // Safe to retry when in doubt: the inbox knows whether it took effect.
            CommandError::Busy | CommandError::Unavailable | CommandError::InDoubt => {
                Self::Transient(reason)
            }
        }
    }
}

impl From<DecodeError> for Failure {
    fn from(unreadable: DecodeError) -> Self {
        Self::Permanent(unreadable.to_string())
    }
}

/// Handles the messages of a queue.
pub trait Handler: Clone + Send + Sync + 'static {
    const QUEUE: Queue;

    /// Applies a message. Applying it again changes nothing.
    fn handle(&self, message: &Incoming) -> impl Future<Output = Result<(), Failure>> + Send;
}

/// Consumes for ever.
pub async fn consume<H: Handler>(
    broker: Arc<dyn Broker>,
    handler: H,
    settings: ConsumerSettings,
    stats: Arc<ConsumerStats>,
) {
    loop {
        if let Err(error) = consume_once(broker.as_ref(), &handler, settings, &stats).await {
            tracing::warn!(
                queue = H::QUEUE.name(),
                error = &error as &dyn std::error::Error,
                "a queue can't be consumed; trying again"
            );
        }
        sleep(RECONNECT_INTERVAL).await;
    }
}

/// Consumes until the connection is lost.
async fn consume_once<H: Handler>(
    broker: &dyn Broker,
    handler: &H,
    settings: ConsumerSettings,
    stats: &Arc<ConsumerStats>,
) -> Result<(), BrokerError> {
    let mut deliveries = broker.consume(H::QUEUE, settings.window).await?;
    // Aborted when this function returns: unacknowledged messages are delivered again.
    let mut in_progress = JoinSet::new();
    loop {
        tokio::select! {
            delivery = deliveries.next() => {
                in_progress.spawn(process(delivery?, handler.clone(), settings, Arc::clone(stats)));
            }
            Some(_) = in_progress.join_next() => {}
        }
    }
}

/// Applies a message and acknowledges it, or turns it into a dead letter.
async fn process<H: Handler>(
    delivery: Delivery,
    handler: H,
    settings: ConsumerSettings,
    stats: Arc<ConsumerStats>,
) {
    let Delivery { message, acker } = delivery;
    let (mut attempt, mut pause) = (1, settings.pause);
    let (acknowledged, count) = loop {
        let failure = match handler.handle(&message).await {
            Ok(()) => break (acker.ack().await, &stats.done),
            Err(failure) => failure,
        };
        match failure {
            Failure::Transient(reason) => {
                tracing::debug!(
                    queue = H::QUEUE.name(),
                    id = message.id,
                    reason,
                    "a message has to wait"
                );
            }
            Failure::Failed(reason) if attempt < settings.attempts => {
                tracing::debug!(
                    queue = H::QUEUE.name(),
                    id = message.id,
                    reason,
                    attempt,
                    "a message failed"
                );
                attempt += 1;
            }
            Failure::Failed(reason) | Failure::Permanent(reason) => {
                tracing::error!(
                    queue = H::QUEUE.name(),
                    id = message.id,
                    reason,
                    attempt,
                    "a message becomes a dead letter"
                );
                break (acker.dead_letter(&reason).await, &stats.dead);
            }
        }
        stats.failures.fetch_add(1, Ordering::Relaxed);
        sleep(pause).await;
        pause = (pause * 2).min(MAX_RETRY_INTERVAL);
    };
    match acknowledged {
        Ok(()) => {
            count.fetch_add(1, Ordering::Relaxed);
        }
        Err(error) => {
            tracing::debug!(id = message.id, %error, "a message could not be acknowledged; it will be delivered again");
        }
    }
}
