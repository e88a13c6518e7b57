//! Consumers: each message of a queue becomes a command, which takes effect once however often it is delivered.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::notification::{Delivered, Hub, Notify};
use crate::order::SettleOrder;
use crate::payment::ChargeOrder;
use crate::payment_report::{ReceivePayment, ReportedPayment};
use crate::ports::{Broker, BrokerError, Delivery, Incoming, Queue};
use crate::{CommandError, DecodeError, Market};

/// How consumers are sized.
#[derive(Debug, Clone, Copy)]
pub struct ConsumerSettings {
    /// Messages of a queue in hand at a time.
    pub window: u16,
    /// How often a message may fail for reasons of its own before it is dead.
    pub attempts: u32,
    /// How long to wait after the first failure; each further time twice as long.
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

/// However often it was tried, nobody waits longer before the next time.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// What a consumer has done since it was started.
#[derive(Debug, Default)]
pub struct ConsumerStats {
    done: AtomicU64,
    dead: AtomicU64,
    failures: AtomicU64,
}

impl ConsumerStats {
    /// Messages that have taken effect, or had before.
    #[must_use]
    pub fn done(&self) -> u64 {
        self.done.load(Ordering::Relaxed)
    }

    /// Messages that were given up.
    #[must_use]
    pub fn dead(&self) -> u64 {
        self.dead.load(Ordering::Relaxed)
    }

    /// How often a message had to be tried again.
    #[must_use]
    pub fn failures(&self) -> u64 {
        self.failures.load(Ordering::Relaxed)
    }
}

/// Why a message has not taken effect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// It never will.
    Permanent(String),
    /// Something is wrong with it or with us.
    Failed(String),
    /// Not now: it is nobody's fault, and is tried again until it is done.
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
            // In doubt is no harm: if it has taken effect, the inbox knows.
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

/// What is done with the messages of a queue.
pub trait Handler: Clone + Send + Sync + 'static {
    /// The queue.
    const QUEUE: Queue;

    /// Lets a message take effect. Called again, it changes nothing more.
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
        sleep(LONGEST_PAUSE / 5).await;
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
    // Ended with this function: what is in hand then is delivered again.
    let mut unacked = JoinSet::new();
    loop {
        tokio::select! {
            delivery = deliveries.next() => {
                unacked.spawn(settle(delivery?, handler.clone(), settings, Arc::clone(stats)));
            }
            Some(_) = unacked.join_next() => {}
        }
    }
}

/// Sees to it that a message takes effect, or is declared dead.
async fn settle<H: Handler>(
    delivery: Delivery,
    handler: H,
    settings: ConsumerSettings,
    stats: Arc<ConsumerStats>,
) {
    let Delivery { message, acker } = delivery;
    let (mut attempt, mut pause) = (1, settings.pause);
    let (settled, count) = loop {
        let failure = match handler.handle(&message).await {
            Ok(()) => break (acker.done().await, &stats.done),
            Err(failure) => failure,
        };
        match failure {
            Failure::Transient(reason) => {
                tracing::debug!(
                    queue = H::QUEUE.name(),
                    id = message.id,
                    reason,
                    "a message must wait"
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
                    "a message is given up"
                );
                break (acker.dead(&reason).await, &stats.dead);
            }
        }
        stats.failures.fetch_add(1, Ordering::Relaxed);
        sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    };
    match settled {
        Ok(()) => {
            count.fetch_add(1, Ordering::Relaxed);
        }
        Err(error) => {
            tracing::debug!(id = message.id, %error, "what became of a message could not be said; it comes again");
        }
    }
}

/// Spreads the word of what has come into mailboxes.
#[derive(Clone)]
pub struct Broadcaster {
    hub: Hub,
    broker: Arc<dyn Broker>,
}

impl std::fmt::Debug for Broadcaster {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Spread")
    }
}

impl Broadcaster {
    #[must_use]
    pub fn new(hub: Hub, broker: Arc<dyn Broker>) -> Self {
        Self { hub, broker }
    }

    /// This replica at once, the others by the broker.
    async fn announce(&self, told: &Delivered) {
        if told.is_empty() {
            return;
        }
        self.hub.pass_on(told);
        let news = crate::notification::encode(told);
        if let Err(error) = self.broker.broadcast(&news).await {
            tracing::debug!(%error, "other replicas look for themselves");
        }
    }
}

/// Tells people of events.
#[derive(Debug, Clone)]
pub struct Notifier {
    pub market: Market,
    pub broadcaster: Broadcaster,
}

impl Handler for Notifier {
    const QUEUE: Queue = Queue::Notifications;

    async fn handle(&self, message: &Incoming) -> Result<(), Failure> {
        let command = Notify::try_from(message)?;
        if command.concerns_anybody() {
            let told = self.market.execute(command).await?;
            self.broadcaster.announce(&told).await;
        }
        Ok(())
    }
}

/// Pays orders.
#[derive(Debug, Clone)]
pub struct OrderPayments(pub Market);

impl Handler for OrderPayments {
    const QUEUE: Queue = Queue::OrderPaymentRequests;

    async fn handle(&self, message: &Incoming) -> Result<(), Failure> {
        let command = ChargeOrder::read(message, self.0.fresh())?;
        self.0.execute(command).await?;
        Ok(())
    }
}

/// Tells orders how their payments went, and those who wait for it.
#[derive(Debug, Clone)]
pub struct OrderResults {
    pub market: Market,
    pub broadcaster: Broadcaster,
}

impl Handler for OrderResults {
    const QUEUE: Queue = Queue::OrderPaymentResults;

    async fn handle(&self, message: &Incoming) -> Result<(), Failure> {
        let command = SettleOrder::try_from(message)?;
        let told = self.market.execute(command).await?;
        self.broadcaster.announce(&told).await;
        Ok(())
    }
}

/// As over HTTP.
const LARGEST_REPORT: usize = 64 * 1_024;

/// Takes payment reports in.
#[derive(Debug, Clone)]
pub struct PaymentReports(pub Market);

impl Handler for PaymentReports {
    const QUEUE: Queue = Queue::PaymentCallbacks;

    async fn handle(&self, message: &Incoming) -> Result<(), Failure> {
        if message.body.len() > LARGEST_REPORT {
            return Err(Failure::Permanent("it is too large".to_owned()));
        }
        let payment = ReportedPayment::read(&message.body, None)
            .map_err(|unreadable| Failure::Permanent(unreadable.to_string()))?;
        let command = ReceivePayment {
            report: self.0.fresh(),
            payment,
        };
        self.0.execute(command).await?;
        Ok(())
    }
}
