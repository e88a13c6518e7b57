//! Another system at the same broker, which sees what passes and sends messages of its own.

use std::sync::Arc;
use std::time::Duration;

use crate::brokers::TestBroker;
use anyhow::{Context, Result};
use futures::StreamExt;
use lapin::options::{
    BasicConsumeOptions, BasicPublishOptions, ConfirmSelectOptions, QueueBindOptions,
    QueueDeclareOptions,
};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{BasicProperties, Channel, Connection, ConnectionProperties, Consumer};
use p2p_application::ports::{Broker, DeadLetter, Queue};

/// A guard, and no promise.
const HANGS: Duration = Duration::from_secs(60);

/// A message as it was on the wire.
#[derive(Debug)]
pub struct Seen {
    pub id: String,
    pub name: String,
    pub version: Option<i64>,
    pub body: String,
}

/// Sees every event.
#[derive(Debug)]
pub struct Observer {
    _connection: Connection,
    consumer: Consumer,
}

async fn connect(rabbit: &TestBroker) -> Result<(Connection, Channel)> {
    let connection = Connection::connect(rabbit.url(), ConnectionProperties::default()).await?;
    let channel = connection.create_channel().await?;
    Ok((connection, channel))
}

impl Observer {
    pub async fn bound(rabbit: &TestBroker) -> Result<Self> {
        let (connection, channel) = connect(rabbit).await?;
        let exclusive = QueueDeclareOptions {
            exclusive: true,
            ..QueueDeclareOptions::default()
        };
        let queue = channel
            .queue_declare("".into(), exclusive, FieldTable::default())
            .await?;
        let name = queue.name().clone();
        let exchange = format!("{}p2p.events", rabbit.namespace()).into();
        let bind = QueueBindOptions::default();
        channel
            .queue_bind(
                name.clone(),
                exchange,
                "#".into(),
                bind,
                FieldTable::default(),
            )
            .await?;
        let taken = BasicConsumeOptions {
            no_ack: true,
            ..BasicConsumeOptions::default()
        };
        let consumer = channel
            .basic_consume(name, "".into(), taken, FieldTable::default())
            .await?;
        Ok(Self {
            _connection: connection,
            consumer,
        })
    }

    /// The next so many.
    pub async fn take(&mut self, count: usize) -> Result<Vec<Seen>> {
        let mut all = Vec::new();
        while all.len() < count {
            let next = tokio::time::timeout(HANGS, self.consumer.next()).await;
            let next = next.with_context(|| format!("{} of {count} events came", all.len()))?;
            let delivery = next.context("the connection was lost")??;
            let headers = delivery.properties.headers().as_ref();
            let version = headers.and_then(|all| all.inner().get("x-version"));
            all.push(Seen {
                id: delivery
                    .properties
                    .message_id()
                    .clone()
                    .context("no id")?
                    .to_string(),
                name: delivery.routing_key.to_string(),
                version: match version {
                    Some(AMQPValue::LongLongInt(version)) => Some(*version),
                    _ => None,
                },
                body: String::from_utf8(delivery.data)?,
            });
        }
        Ok(all)
    }
}

/// Sends what another system would.
#[derive(Debug)]
pub struct Outside {
    _connection: Connection,
    channel: Channel,
    namespace: String,
}

impl Outside {
    pub async fn connect(rabbit: &TestBroker) -> Result<Self> {
        let (connection, channel) = connect(rabbit).await?;
        channel
            .confirm_select(ConfirmSelectOptions::default())
            .await?;
        Ok(Self {
            _connection: connection,
            channel,
            namespace: rabbit.namespace().to_owned(),
        })
    }

    /// How many messages of a queue are in nobody's hand, and how many consumers it has.
    pub async fn standing(&self, queue: Queue) -> Result<(u32, u32)> {
        let name = format!("{}{}", self.namespace, queue.name()).into();
        let only_look = QueueDeclareOptions {
            passive: true,
            ..QueueDeclareOptions::default()
        };
        let declared = self
            .channel
            .queue_declare(name, only_look, FieldTable::default())
            .await?;
        Ok((declared.message_count(), declared.consumer_count()))
    }

    pub async fn send(&self, queue: Queue, body: &str) -> Result<()> {
        let name = format!("{}{}", self.namespace, queue.name()).into();
        let options = BasicPublishOptions::default();
        let properties = BasicProperties::default();
        let sent =
            self.channel
                .basic_publish("".into(), name, options, body.as_bytes(), properties);
        sent.await?.await?;
        Ok(())
    }
}

/// Waits until there are so many dead letters.
pub async fn dead(broker: &Arc<dyn Broker>, count: usize) -> Result<Vec<DeadLetter>> {
    let enough = async {
        loop {
            let letters = broker.dead_letters(100).await?;
            if letters.len() >= count {
                return Ok(letters);
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(HANGS, enough)
        .await
        .context("not enough dead letters")?
}
