//! A connection that is made on demand, and made anew when it is lost.
//!
//! The driver could reconnect by itself; but it gives up after a number of attempts, and hides which of the pending messages
//! were confirmed. Here the first caller without a connection makes one, and all others wait for the same one.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::FutureExt;
use futures::future::{BoxFuture, Shared};
use lapin::options::ConfirmSelectOptions;
use lapin::uri::AMQPUri;
use lapin::{Channel, Connection, ConnectionProperties};
use p2p_application::ports::BrokerError;
use tokio::time::{Instant, timeout};

use super::error::{REPLY_TIMEOUT, TimedOut, answer, explain, unavailable};
use super::topology::{self, Names};

/// The time-out of an attempt. Callers wait for it no longer than for a reply, but no second attempt starts before it ends: so
/// a server that accepts connections and does not respond is not flooded with them.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(30);

/// The minimum time from the start of a failed attempt to the next.
const CONNECT_INTERVAL: Duration = Duration::from_millis(250);

/// Publishing channels that are kept for reuse.
const MAX_IDLE_CHANNELS: usize = 8;

/// Why an attempt failed, for all callers that waited for it.
#[derive(Debug, Clone)]
enum Failure {
    Refused(String),
    Unavailable(Arc<BrokerError>),
}

impl From<BrokerError> for Failure {
    fn from(error: BrokerError) -> Self {
        match error {
            BrokerError::Refused { what } => Self::Refused(what),
            other @ BrokerError::Unavailable { .. } => Self::Unavailable(Arc::new(other)),
        }
    }
}

impl From<Failure> for BrokerError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Refused(what) => Self::Refused { what },
            Failure::Unavailable(error) => unavailable(error),
        }
    }
}

type Outcome = Shared<BoxFuture<'static, Result<Arc<Linked>, Failure>>>;

/// A shared, lazily made connection.
pub(super) struct Link {
    uri: AMQPUri,
    names: Names,
    purpose: &'static str,
    last: Mutex<Option<Attempt>>,
}

struct Attempt {
    outcome: Outcome,
    began: Instant,
}

impl Attempt {
    /// Whether the attempt is pending, usable, or too recent to be repeated.
    fn is_good(&self) -> bool {
        match self.outcome.peek() {
            None => true,
            Some(Ok(linked)) => linked.is_usable(),
            Some(Err(_)) => self.began.elapsed() < CONNECT_INTERVAL,
        }
    }
}

impl Link {
    pub(super) fn new(uri: AMQPUri, names: Names, purpose: &'static str) -> Self {
        Self {
            uri,
            names,
            purpose,
            last: Mutex::new(None),
        }
    }

    /// A connection with the topology declared.
    pub(super) async fn linked(&self) -> Result<Arc<Linked>, BrokerError> {
        let outcome = self.outcome();
        match timeout(REPLY_TIMEOUT, outcome).await {
            Ok(outcome) => Ok(outcome?),
            Err(_) => Err(TimedOut.into()),
        }
    }

    /// A new connection for the caller alone, without declarations.
    pub(super) async fn connect(&self) -> Result<Connection, BrokerError> {
        answer(connect(self.uri.clone(), self.purpose)).await
    }

    /// Makes the next caller connect anew.
    pub(super) fn retire(&self) {
        if let Some(Ok(linked)) = locked(&self.last).as_ref().and_then(|a| a.outcome.peek()) {
            linked.retire();
        }
    }

    fn outcome(&self) -> Outcome {
        let mut last = locked(&self.last);
        if let Some(attempt) = last.as_ref().filter(|attempt| attempt.is_good()) {
            return attempt.outcome.clone();
        }
        let attempt = Attempt {
            outcome: self.attempt(),
            began: Instant::now(),
        };
        last.insert(attempt).outcome.clone()
    }

    /// Continues without a waiting caller, since the next caller can't use half a connection.
    fn attempt(&self) -> Outcome {
        let (uri, names, purpose) = (self.uri.clone(), self.names.clone(), self.purpose);
        let attempt = tokio::spawn(timeout(CONNECT_TIMEOUT, Linked::make(uri, names, purpose)));
        let outcome = async move {
            match attempt.await {
                Ok(Ok(outcome)) => outcome.map(Arc::new).map_err(Failure::from),
                Ok(Err(_)) => Err(Failure::from(BrokerError::from(TimedOut))),
                Err(ended) => Err(Failure::from(unavailable(ended))),
            }
        };
        outcome.boxed().shared()
    }
}

async fn connect(uri: AMQPUri, purpose: &str) -> lapin::Result<Connection> {
    let name = format!("p2p-market {purpose}");
    let properties = ConnectionProperties::default().with_connection_name(name.into());
    Connection::connect_uri(uri, properties).await
}

/// A connection with the topology declared.
pub(super) struct Linked {
    connection: Connection,
    retired: AtomicBool,
    idle: Mutex<Vec<Channel>>,
    news: Mutex<Option<Channel>>,
}

impl Linked {
    async fn make(uri: AMQPUri, names: Names, purpose: &str) -> Result<Self, BrokerError> {
        let connection = connect(uri, purpose).await.map_err(explain)?;
        topology::declare(&connection, &names).await?;
        tracing::debug!(purpose, "connected to RabbitMQ");
        Ok(Self {
            connection,
            retired: AtomicBool::new(false),
            idle: Mutex::default(),
            news: Mutex::default(),
        })
    }

    fn is_usable(&self) -> bool {
        !self.retired.load(Ordering::Relaxed) && self.connection.status().connected()
    }

    /// Whether the broker has blocked publishing (memory or disk are short). Another connection would be blocked, too, and a
    /// blocked one is not lost.
    pub(super) fn is_blocked(&self) -> bool {
        self.connection.status().blocked()
    }

    /// Stops new use after a failure of the connection or of the topology; present users may finish.
    pub(super) fn retire(&self) {
        self.retired.store(true, Ordering::Relaxed);
    }

    /// A new channel for the caller alone.
    pub(super) async fn channel(&self) -> Result<Channel, BrokerError> {
        answer(self.connection.create_channel()).await
    }

    /// A channel with publisher confirms, to be [given back](Self::give_back).
    pub(super) async fn publisher(&self) -> Result<Channel, BrokerError> {
        while let Some(channel) = self.pop_idle() {
            if channel.status().connected() {
                return Ok(channel);
            }
        }
        let channel = self.channel().await?;
        answer(channel.confirm_select(ConfirmSelectOptions::default())).await?;
        Ok(channel)
    }

    fn pop_idle(&self) -> Option<Channel> {
        locked(&self.idle).pop()
    }

    /// Takes a channel back whose messages are all confirmed.
    pub(super) fn give_back(&self, channel: Channel) {
        let mut idle = locked(&self.idle);
        if idle.len() < MAX_IDLE_CHANNELS {
            idle.push(channel);
        }
    }

    /// The channel for broadcasts, without confirms.
    pub(super) async fn news(&self) -> Result<Channel, BrokerError> {
        let kept = locked(&self.news).clone();
        if let Some(channel) = kept.filter(|channel| channel.status().connected()) {
            return Ok(channel);
        }
        let channel = self.channel().await?;
        *locked(&self.news) = Some(channel.clone());
        Ok(channel)
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
