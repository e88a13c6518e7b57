//! The broker carries messages between this market, its replicas and other systems.
//!
//! Delivery is at least once in both directions. Outbox and inbox make sure that every effect happens once.

use async_trait::async_trait;
use p2p_domain::EventId;
use p2p_domain::event::FactName;

use super::OutboxMessage;

type Source = Box<dyn std::error::Error + Send + Sync>;

/// What can go wrong with a broker.
#[derive(Debug, thiserror::Error)]
pub enum BrokerError {
    /// It can't be reached, or the connection was lost. Unconfirmed messages may or may not have arrived.
    #[error("the broker is not available")]
    Unavailable {
        #[source]
        source: Source,
    },
    /// It refuses the operation: a queue exists with other properties, or a permission is missing.
    #[error("the broker refuses: {what}")]
    Refused { what: String },
}

/// A queue that this system consumes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Queue {
    /// All events, for notifications.
    Notifications,
    /// Reports of payment providers; other systems write to it.
    PaymentCallbacks,
    /// Orders to be paid.
    OrderPaymentRequests,
    /// Results of their payments.
    OrderPaymentResults,
}

impl Queue {
    /// All queues.
    pub const ALL: [Self; 4] = [
        Self::Notifications,
        Self::PaymentCallbacks,
        Self::OrderPaymentRequests,
        Self::OrderPaymentResults,
    ];

    /// Its name at the broker.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Notifications => "p2p.notifications",
            Self::PaymentCallbacks => "p2p.payment-callbacks",
            Self::OrderPaymentRequests => "order-payment-requests",
            Self::OrderPaymentResults => "order-payment-results",
        }
    }

    /// The queue of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|queue| queue.name() == name)
    }

    /// The events that the broker routes to it.
    #[must_use]
    pub const fn subscription(self) -> Subscription {
        match self {
            Self::Notifications => Subscription::AllEvents,
            Self::PaymentCallbacks => Subscription::None,
            Self::OrderPaymentRequests => Subscription::Events(&[FactName::OrderPaymentRequested]),
            Self::OrderPaymentResults => {
                Subscription::Events(&[FactName::PaymentProcessed, FactName::PaymentRefunded])
            }
        }
    }
}

/// Which events reach a queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subscription {
    AllEvents,
    /// Only these.
    Events(&'static [FactName]),
    /// None: other systems write to the queue directly.
    None,
}

impl Subscription {
    /// Whether an event of this name reaches the queue.
    #[must_use]
    pub fn includes(self, event: &str) -> bool {
        match self {
            Self::AllEvents => true,
            Self::Events(names) => names.iter().any(|name| name.name() == event),
            Self::None => false,
        }
    }
}

/// A received message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Incoming {
    /// The sender's id, the same at each delivery. Empty if the sender gave none.
    pub id: String,
    /// The event's name.
    pub name: String,
    /// The version of the aggregate after the event.
    pub version: Option<u64>,
    pub body: Vec<u8>,
}

/// An unacknowledged message. Dropped unsettled, it is delivered again.
pub struct Delivery {
    pub message: Incoming,
    pub acker: Box<dyn Acker>,
}

impl std::fmt::Debug for Delivery {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Delivery")
            .field("id", &self.message.id)
            .field("name", &self.message.name)
            .finish_non_exhaustive()
    }
}

/// Settles a delivered message.
#[async_trait]
pub trait Acker: Send {
    /// It has taken effect, durably; it is not delivered again, unless this word is lost.
    async fn ack(self: Box<Self>) -> Result<(), BrokerError>;

    /// It never will: it goes to the dead letters, with the reason.
    async fn dead_letter(self: Box<Self>, reason: &str) -> Result<(), BrokerError>;
}

/// The messages of one queue, as they come.
#[async_trait]
pub trait Deliveries: Send {
    /// The next one. An error ends it: consume again. Cancel safe.
    async fn next(&mut self) -> Result<Delivery, BrokerError>;
}

/// Short news for all replicas, as they come. Some may be lost: they say that something is to be seen, not what.
#[async_trait]
pub trait Broadcasts: Send {
    /// The next one. An error ends it: listen again. Cancel safe.
    async fn next(&mut self) -> Result<Vec<u8>, BrokerError>;
}

/// A message that could not take effect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetter {
    pub message: Incoming,
    /// Where it was to be consumed.
    pub queue: String,
    pub reason: String,
}

/// The broker.
#[async_trait]
pub trait Broker: Send + Sync {
    /// Publishes events, in this order, without waiting for one before the next is sent. Answers which of them have
    /// arrived: each is stored durably in every queue that it is for. The others are to be published again, later.
    async fn publish(&self, messages: &[OutboxMessage]) -> Result<Vec<EventId>, BrokerError>;

    /// Consumes a queue, with at most `window` unacknowledged messages. Several consumers share a queue.
    async fn consume(&self, queue: Queue, window: u16) -> Result<Box<dyn Deliveries>, BrokerError>;

    /// Tells all replicas, this one too.
    async fn broadcast(&self, news: &[u8]) -> Result<(), BrokerError>;

    /// Subscribes to broadcasts from now on.
    async fn subscribe(&self) -> Result<Box<dyn Broadcasts>, BrokerError>;

    /// The oldest dead letters, which stay where they are.
    async fn dead_letters(&self, limit: u32) -> Result<Vec<DeadLetter>, BrokerError>;

    /// Sends dead letters back to the queues where they were to be consumed: the one with this id, or the oldest `limit`.
    /// Answers how many.
    async fn replay(&self, id: Option<&str>, limit: u32) -> Result<u32, BrokerError>;
}
