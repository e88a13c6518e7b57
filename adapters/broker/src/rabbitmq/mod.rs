//! RabbitMQ, by AMQP 0-9-1.
//!
//! Connections are made on demand, and lost ones by their next user, so a market starts and
//! runs while the broker is unavailable. One connection publishes and one consumes, so that a broker that throttles publishers
//! still receives acknowledgements.

mod broadcast;
mod connection;
mod consumer;
mod dead_letters;
mod error;
mod message;
mod publisher;
mod topology;

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use lapin::uri::{AMQPScheme, AMQPUri};
use p2p_application::ports::{
    Broadcasts, Broker, BrokerError, DeadLetter, Deliveries, OutboxMessage, Queue,
};
use p2p_domain::EventId;

use connection::Link;
use publisher::Publication;
use topology::Names;

/// The default heartbeat in seconds, unless the URL sets one.
const HEARTBEAT: u16 = 10;

/// A RabbitMQ server. Cheap to clone.
#[derive(Clone)]
pub struct RabbitMq {
    names: Names,
    publishing: Arc<Link>,
    consuming: Arc<Link>,
}

/// Without the URL, which has a password.
impl fmt::Debug for RabbitMq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RabbitMq")
            .field("names", &self.names)
            .finish_non_exhaustive()
    }
}

impl RabbitMq {
    /// The server at this URL (`amqp://user:password@host:port/vhost`, or `amqps`), without connecting yet. All names begin
    /// with `namespace`, so that several markets can share a server; usually it is empty.
    pub fn new(url: &str, namespace: &str) -> Result<Self, BrokerError> {
        let names = Names::new(namespace)?;
        let uri = parse(url)?;
        let link = |purpose| Arc::new(Link::new(uri.clone(), names.clone(), purpose));
        Ok(Self {
            publishing: link("publishing"),
            consuming: link("consuming"),
            names,
        })
    }

    /// Deletes the exchanges and queues of this namespace with their messages. For tests: refused without a namespace.
    pub async fn delete_everything(&self) -> Result<(), BrokerError> {
        if self.names.is_bare() {
            return Err(refused("without a namespace, nothing is deleted"));
        }
        // Present connections assume that the topology is declared.
        self.publishing.retire();
        self.consuming.retire();
        let connection = self.publishing.connect().await?;
        topology::delete(&connection, &self.names).await?;
        error::answer(connection.close(200, "".into())).await
    }
}

/// Hides the parser's own errors, since they quote the URL.
fn parse(url: &str) -> Result<AMQPUri, BrokerError> {
    let parsed = url.parse::<AMQPUri>().ok();
    let mut uri = parsed.ok_or_else(|| refused("this is no URL of an AMQP server"))?;
    if url.contains("//[") || url.contains("@[") {
        // The parser would take it for a missing host.
        return Err(refused(
            "name the host of an IPv6 address instead of the address",
        ));
    }
    if uri.scheme == AMQPScheme::AMQPS && !cfg!(feature = "amqps") {
        return Err(refused("this program was built without TLS for AMQP"));
    }
    uri.query.heartbeat.get_or_insert(HEARTBEAT);
    Ok(uri)
}

fn refused(what: &str) -> BrokerError {
    BrokerError::Refused {
        what: what.to_owned(),
    }
}

#[async_trait]
impl Broker for RabbitMq {
    async fn publish(&self, messages: &[OutboxMessage]) -> Result<Vec<EventId>, BrokerError> {
        let letters: Result<Vec<Publication<'_>>, BrokerError> = messages
            .iter()
            .map(|message| message::letter(message, &self.names))
            .collect();
        let arrived = publisher::send(&self.publishing, &letters?).await?;
        Ok(messages
            .iter()
            .zip(arrived)
            .filter_map(|(message, arrived)| arrived.then_some(message.id))
            .collect())
    }

    async fn consume(&self, queue: Queue, window: u16) -> Result<Box<dyn Deliveries>, BrokerError> {
        consumer::start(self, queue, window).await
    }

    async fn broadcast(&self, news: &[u8]) -> Result<(), BrokerError> {
        broadcast::broadcast(self, news).await
    }

    async fn subscribe(&self) -> Result<Box<dyn Broadcasts>, BrokerError> {
        broadcast::subscribe(self).await
    }

    async fn dead_letters(&self, limit: u32) -> Result<Vec<DeadLetter>, BrokerError> {
        dead_letters::list(self, limit).await
    }

    async fn replay(&self, id: Option<&str>, limit: u32) -> Result<u32, BrokerError> {
        dead_letters::replay(self, id, limit).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_that_is_none_is_refused_without_being_quoted() {
        for url in [
            "",
            "amqp",
            "mailto:s3cret@host",
            "http://me:s3cret@host/",
            "amqp://me:s3cret@host:99999/",
            "amqp://me:s3cret@[::1]/",
            "amqp://me:s3cret@host/?heartbeat=s3cret",
        ] {
            let error = RabbitMq::new(url, "").unwrap_err();
            assert!(matches!(error, BrokerError::Refused { .. }), "{url}");
            assert!(!format!("{error} {error:?}").contains("s3cret"), "{url}");
        }
    }

    #[test]
    fn nothing_shows_the_password() {
        let broker = RabbitMq::new("amqp://me:s3cret@host/%2f", "test-").unwrap();
        assert!(!format!("{broker:?}").contains("s3cret"));
    }
}
