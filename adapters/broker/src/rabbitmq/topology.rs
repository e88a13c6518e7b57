//! The exchanges and queues, declared with each connection. Declaring an existing one changes nothing.

use std::fmt;
use std::sync::Arc;

use lapin::options::{
    ExchangeDeclareOptions, ExchangeDeleteOptions, QueueBindOptions, QueueDeclareOptions,
    QueueDeleteOptions,
};
use lapin::types::{AMQPValue, FieldTable, LongString, ShortString};
use lapin::{Channel, Connection, ExchangeKind};
use p2p_application::ports::{BrokerError, Queue, Subscription};

use super::error::answer;
use super::refused;

/// A message that was delivered this often and never settled becomes a dead letter: it may be killing its consumers.
const DELIVERIES: i64 = 50;

/// Listing dead letters delivers them, so deliveries are not limited there.
const LOOKS: i64 = i32::MAX as i64;

/// The names of exchanges and queues, each with the namespace.
#[derive(Clone)]
pub(super) struct Names(Arc<str>);

impl fmt::Debug for Names {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Names").field(&self.0).finish()
    }
}

impl Names {
    pub(super) fn new(namespace: &str) -> Result<Self, BrokerError> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        if namespace.len() > 64 || !namespace.bytes().all(plain) {
            return Err(refused(
                "a namespace has at most 64 letters, digits, dots, hyphens and underscores",
            ));
        }
        Ok(Self(namespace.into()))
    }

    pub(super) fn is_bare(&self) -> bool {
        self.0.is_empty()
    }

    /// The exchange of events.
    pub(super) fn events(&self) -> ShortString {
        self.full("p2p.events")
    }

    /// The exchange of dead letters.
    pub(super) fn dead(&self) -> ShortString {
        self.full("p2p.dead")
    }

    /// The queue of dead letters.
    pub(super) fn dead_letters(&self) -> ShortString {
        self.full("p2p.dead-letters")
    }

    /// The exchange of broadcasts.
    pub(super) fn push(&self) -> ShortString {
        self.full("p2p.push")
    }

    pub(super) fn queue(&self, queue: Queue) -> ShortString {
        self.full(queue.name())
    }

    /// A queue's name without the namespace.
    pub(super) fn plain<'a>(&self, full: &'a str) -> &'a str {
        full.strip_prefix(&*self.0).unwrap_or(full)
    }

    /// Always fits: a namespace has at most 64 bytes, a name fewer than 64.
    fn full(&self, name: &str) -> ShortString {
        format!("{}{name}", self.0).into()
    }
}

/// Declares the topology.
pub(super) async fn declare(connection: &Connection, names: &Names) -> Result<(), BrokerError> {
    let channel = answer(connection.create_channel()).await?;
    exchange(&channel, names.events(), ExchangeKind::Topic).await?;
    exchange(&channel, names.dead(), ExchangeKind::Fanout).await?;
    exchange(&channel, names.push(), ExchangeKind::Fanout).await?;

    let graveyard = arguments([("x-delivery-limit", LOOKS.into())]);
    queue(&channel, names.dead_letters(), graveyard).await?;
    bind(&channel, names.dead_letters(), names.dead(), "").await?;

    for each in Queue::ALL {
        let properties = arguments([
            ("x-dead-letter-exchange", text(names.dead().as_str())),
            // A message leaves this queue only after the dead-letter queue has it. Requires the overflow rule below.
            ("x-dead-letter-strategy", text("at-least-once")),
            ("x-overflow", text("reject-publish")),
            ("x-delivery-limit", DELIVERIES.into()),
        ]);
        queue(&channel, names.queue(each), properties).await?;
        for key in binding_keys(each.subscription()) {
            bind(&channel, names.queue(each), names.events(), key).await?;
        }
    }
    answer(channel.close(200, "".into())).await
}

/// The binding keys of a topic exchange that route these events.
fn binding_keys(subscription: Subscription) -> Vec<&'static str> {
    match subscription {
        Subscription::AllEvents => vec!["#"],
        Subscription::Events(names) => names.iter().map(|name| name.name()).collect(),
        Subscription::None => Vec::new(),
    }
}

/// Deletes everything.
pub(super) async fn delete(connection: &Connection, names: &Names) -> Result<(), BrokerError> {
    let channel = answer(connection.create_channel()).await?;
    let queues = Queue::ALL.map(|each| names.queue(each));
    for name in queues.into_iter().chain([names.dead_letters()]) {
        answer(channel.queue_delete(name, QueueDeleteOptions::default())).await?;
    }
    for name in [names.events(), names.dead(), names.push()] {
        answer(channel.exchange_delete(name, ExchangeDeleteOptions::default())).await?;
    }
    answer(channel.close(200, "".into())).await
}

async fn exchange(
    channel: &Channel,
    name: ShortString,
    kind: ExchangeKind,
) -> Result<(), BrokerError> {
    let durable = ExchangeDeclareOptions {
        durable: true,
        ..ExchangeDeclareOptions::default()
    };
    answer(channel.exchange_declare(name, kind, durable, FieldTable::default())).await
}

async fn queue(
    channel: &Channel,
    name: ShortString,
    mut properties: FieldTable,
) -> Result<(), BrokerError> {
    properties.insert("x-queue-type".into(), text("quorum"));
    let durable = QueueDeclareOptions::durable();
    answer(channel.queue_declare(name, durable, properties)).await?;
    Ok(())
}

async fn bind(
    channel: &Channel,
    queue: ShortString,
    exchange: ShortString,
    pattern: &str,
) -> Result<(), BrokerError> {
    let options = QueueBindOptions::default();
    let key = ShortString::from(pattern);
    answer(channel.queue_bind(queue, exchange, key, options, FieldTable::default())).await
}

pub(super) fn text(text: &str) -> AMQPValue {
    AMQPValue::LongString(LongString::from(text))
}

pub(super) fn arguments<const N: usize>(all: [(&str, AMQPValue); N]) -> FieldTable {
    let mut table = FieldTable::default();
    for (name, value) in all {
        table.insert(name.into(), value);
    }
    table
}
