//! The outbox relay: committed messages are published, however long the broker is away and whichever process dies.
//!
//! Any number of replicas may relay at once: each message is leased to one of them at a time. It is removed once the broker has
//! confirmed it. If the process dies in between, it is published again with the same id.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::ports::{Broker, BrokerError, Outbox, StorageError};
use crate::timeout::{STORAGE, with_timeout};

/// The limits of the relay.
#[derive(Debug, Clone, Copy)]
pub struct RelaySettings {
    /// How many messages are published together, without waiting for one before the next.
    pub window: u32,
    /// How many windows are in flight: while one waits for the broker, another is read.
    pub workers: usize,
    /// A message is found within this time even if no commit announces it.
    pub poll: Duration,
}

impl Default for RelaySettings {
    fn default() -> Self {
        Self {
            window: 512,
            workers: 2,
            poll: Duration::from_secs(1),
        }
    }
}

/// The counters of the relay since its start.
#[derive(Debug, Default)]
pub struct RelayStats {
    published: AtomicU64,
    failures: AtomicU64,
    connected: AtomicBool,
}

impl RelayStats {
    /// Messages that the broker has confirmed.
    #[must_use]
    pub fn published(&self) -> u64 {
        self.published.load(Ordering::Relaxed)
    }

    /// Windows that were not published completely.
    #[must_use]
    pub fn failures(&self) -> u64 {
        self.failures.load(Ordering::Relaxed)
    }

    /// Whether the broker confirmed the last window.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        self.connected.load(Ordering::Relaxed)
    }
}

/// Why a window was not published.
#[derive(Debug, thiserror::Error)]
pub enum RelayError {
    #[error("the outbox can't be read")]
    Storage(#[from] StorageError),
    #[error("messages can't be published")]
    Broker(#[from] BrokerError),
    #[error("the broker did not confirm {missing} of {sent} messages")]
    Unconfirmed { missing: usize, sent: usize },
}

/// Publishes the messages of the outbox. Cheap to clone.
#[derive(Clone)]
pub struct Relay {
    outbox: Arc<dyn Outbox>,
    broker: Arc<dyn Broker>,
    /// Notified by commits.
    committed: Arc<Notify>,
    stats: Arc<RelayStats>,
    settings: RelaySettings,
}

impl std::fmt::Debug for Relay {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Relay")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

/// The wait after a first failure; it doubles each time.
const FIRST_RETRY_INTERVAL: Duration = Duration::from_millis(100);
const MAX_RETRY_INTERVAL: Duration = Duration::from_secs(5);

impl Relay {
    #[must_use]
    pub fn new(
        outbox: Arc<dyn Outbox>,
        broker: Arc<dyn Broker>,
        committed: Arc<Notify>,
        settings: RelaySettings,
    ) -> Self {
        Self {
            outbox,
            broker,
            committed,
            stats: Arc::default(),
            settings,
        }
    }

    /// Its counters.
    #[must_use]
    pub fn stats(&self) -> Arc<RelayStats> {
        Arc::clone(&self.stats)
    }

    /// Publishes one window; returns how many messages the broker has confirmed.
    pub async fn deliver(&self) -> Result<usize, RelayError> {
        let lease = with_timeout(self.outbox.claim(self.settings.window)).await?;
        let sent = lease.messages().len();
        if sent == 0 {
            return Ok(0);
        }
        let publishing = timeout(STORAGE, self.broker.publish(lease.messages())).await;
        let arrived = publishing.map_err(|elapsed| BrokerError::Unavailable {
            source: Box::new(elapsed),
        })??;
        with_timeout(lease.ack(&arrived)).await?;
        self.stats
            .published
            .fetch_add(arrived.len() as u64, Ordering::Relaxed);
        match sent - arrived.len().min(sent) {
            0 => Ok(sent),
            missing => Err(RelayError::Unconfirmed { missing, sent }),
        }
    }

    /// Publishes until the outbox is empty; returns how many messages.
    pub async fn drain(&self) -> Result<usize, RelayError> {
        let mut all = 0;
        loop {
            match self.deliver().await? {
                0 => return Ok(all),
                some => all += some,
            }
        }
    }

    /// Relays for ever.
    pub async fn run(self) {
        let mut workers = JoinSet::new();
        for _ in 0..self.settings.workers.max(1) {
            workers.spawn(self.clone().work());
        }
        while workers.join_next().await.is_some() {}
    }

    async fn work(self) {
        let mut pause = FIRST_RETRY_INTERVAL;
        loop {
            match self.deliver().await {
                Ok(sent) => {
                    pause = FIRST_RETRY_INTERVAL;
                    if sent > 0 {
                        self.stats.connected.store(true, Ordering::Relaxed);
                    } else {
                        // Woken by a commit, or by time: another replica may have died with a lease.
                        let _ = timeout(self.settings.poll, self.committed.notified()).await;
                    }
                }
                Err(error) => {
                    self.stats.failures.fetch_add(1, Ordering::Relaxed);
                    if self.stats.connected.swap(false, Ordering::Relaxed) {
                        tracing::warn!(
                            error = &error as &dyn std::error::Error,
                            "events can't be published; trying again until they are"
                        );
                    } else {
                        tracing::debug!(
                            error = &error as &dyn std::error::Error,
                            "events still can't be published"
                        );
                    }
                    sleep(pause).await;
                    pause = (pause * 2).min(MAX_RETRY_INTERVAL);
                }
            }
        }
    }
}
