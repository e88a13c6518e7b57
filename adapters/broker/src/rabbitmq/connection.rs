//! A connection that is made when somebody needs it, and made anew when it is lost.
//!
//! The driver could reconnect by itself; it then gives up after a number of attempts, and hides which of the messages on their
//! way were confirmed. Here whoever needs a connection and finds none makes one, and everybody else waits for the same one.

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

use super::error::{ANSWER, TimedOut, answer, explain, unavailable};
use super::topology::{self, Names};

/// An attempt may take this long. Nobody waits for it longer than for an answer, but until it is over there is no other: a
/// server that accepts connections and says nothing is not buried under them.
const ATTEMPT: Duration = Duration::from_secs(30);

/// This long after an attempt was begun that failed, there is no other.
const PAUSE: Duration = Duration::from_millis(250);

/// Publishing channels that are kept for the next who needs one.
const IDLE: usize = 8;

/// Why an attempt failed; told to all who waited for it.
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

/// A way to the server.
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
    /// Whether to wait for it, or to go by it.
    fn is_good(&self) -> bool {
        match self.outcome.peek() {
            None => true,
            Some(Ok(linked)) => linked.is_usable(),
            Some(Err(_)) => self.began.elapsed() < PAUSE,
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

    /// A connection, with everything declared.
    pub(super) async fn linked(&self) -> Result<Arc<Linked>, BrokerError> {
        let outcome = self.outcome();
        match timeout(ANSWER, outcome).await {
            Ok(outcome) => Ok(outcome?),
            Err(_) => Err(TimedOut.into()),
        }
    }

    /// A connection of the caller's own, at which nothing is declared.
    pub(super) async fn connect(&self) -> Result<Connection, BrokerError> {
        answer(connect(self.uri.clone(), self.purpose)).await
    }

    /// The next one who needs a connection makes a new one.
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

    /// Goes on even if nobody waits for it any more: half a connection is no use to the next one.
    fn attempt(&self) -> Outcome {
        let (uri, names, purpose) = (self.uri.clone(), self.names.clone(), self.purpose);
        let attempt = tokio::spawn(timeout(ATTEMPT, Linked::make(uri, names, purpose)));
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

/// A connection at which everything is declared.
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

    /// The broker takes nothing just now (memory or disk are short), and says so: no other connection would fare better, and
    /// none that is left alone is lost.
    pub(super) fn is_blocked(&self) -> bool {
        self.connection.status().blocked()
    }

    /// Whoever uses it may go on; nobody else begins. Something is wrong with it, or with what is declared.
    pub(super) fn retire(&self) {
        self.retired.store(true, Ordering::Relaxed);
    }

    /// A channel of the caller's own.
    pub(super) async fn channel(&self) -> Result<Channel, BrokerError> {
        answer(self.connection.create_channel()).await
    }

    /// A channel that confirms what is published on it; to be given [`back`](Self::give_back).
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

    /// Only with everything on it confirmed.
    pub(super) fn give_back(&self, channel: Channel) {
        let mut idle = locked(&self.idle);
        if idle.len() < IDLE {
            idle.push(channel);
        }
    }

    /// The channel for news, which nobody confirms.
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
