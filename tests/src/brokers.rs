//! Brokers for tests: each has a namespace of its own on the RabbitMQ server of `AMQP_URL`, by default the one on this
//! machine, and is gone afterwards.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Context, Result};
use p2p_application::ports::Broker;
use p2p_broker::RabbitMq;

const SERVER: &str = "amqp://guest:guest@127.0.0.1:5672/%2f";

/// A namespace of a test's own.
#[derive(Debug)]
pub struct TestBroker {
    url: String,
    namespace: String,
}

impl TestBroker {
    /// On the RabbitMQ server, with everything declared.
    pub async fn rabbitmq() -> Result<Self> {
        let broker = Self {
            url: server(),
            namespace: unique_name(),
        };
        let declared = broker.open()?.dead_letters(1).await;
        declared.context("is RabbitMQ running? `cargo xtask test` provides it")?;
        Ok(broker)
    }

    /// Where the server is.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// What all names begin with.
    #[must_use]
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// Opens it for one more replica.
    pub fn open(&self) -> Result<RabbitMq> {
        self.open_by(&self.url)
    }

    /// Opens it by another way, for example a proxy.
    pub fn open_by(&self, url: &str) -> Result<RabbitMq> {
        Ok(RabbitMq::new(url, &self.namespace)?)
    }
}

/// In a thread of its own: the test's runtime may be what is ending.
impl Drop for TestBroker {
    fn drop(&mut self) {
        let broker = self.open();
        let deleting = std::thread::spawn(move || -> Result<()> {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()?;
            Ok(runtime.block_on(broker?.delete_everything())?)
        });
        // Nobody is left to be told of a failure.
        let _ = deleting.join();
    }
}

/// The server that tests use.
#[must_use]
pub fn server() -> String {
    std::env::var("AMQP_URL").unwrap_or_else(|_| SERVER.to_owned())
}

fn unique_name() -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let random = RandomState::new().hash_one(count);
    format!("test-{}-{count}-{random:016x}.", std::process::id())
}
