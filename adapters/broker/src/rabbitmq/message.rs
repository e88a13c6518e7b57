//! Messages as AMQP carries them, and back.

use lapin::BasicProperties;
use lapin::message::Delivery;
use lapin::types::{AMQPValue, FieldTable, ShortString};
use p2p_application::ports::{BrokerError, DeadLetter, Incoming, OutboxMessage, Queue};
use p2p_domain::event::AggregateRef;

use super::publisher::Publication;
use super::refused;
use super::topology::{Names, text};

const JSON: &str = "application/json";
const PERSISTENT: u8 = 2;
const VERSION: &str = "x-version";
const AGGREGATE: &str = "x-aggregate";
const REASON: &str = "x-reason";
const QUEUE: &str = "x-queue";
/// The longest reason in a header.
const LONGEST_REASON: usize = 2_000;

/// The headers of a dead letter, by us or by the broker; a replay removes them.
const OF_DEATH: [&str; 8] = [
    REASON,
    QUEUE,
    "x-death",
    "x-first-death-exchange",
    "x-first-death-queue",
    "x-first-death-reason",
    "x-delivery-count",
    "x-acquired-count",
];

/// An outgoing message.
pub(super) fn letter<'a>(
    message: &'a OutboxMessage,
    names: &Names,
) -> Result<Publication<'a>, BrokerError> {
    let name = short(&message.name)?;
    let mut headers = FieldTable::default();
    headers.insert(AGGREGATE.into(), text(&aggregate(message.aggregate)));
    let version = i64::try_from(message.version).unwrap_or(i64::MAX);
    headers.insert(VERSION.into(), version.into());
    let seconds = u64::try_from(message.at.as_micros() / 1_000_000).unwrap_or_default();
    let (exchange, key) = match message.only {
        None => (names.events(), name.clone()),
        Some(queue) => (ShortString::default(), names.queue(queue)),
    };
    Ok(Publication {
        exchange,
        key,
        properties: BasicProperties::default()
            .with_content_type(JSON.into())
            .with_delivery_mode(PERSISTENT)
            .with_message_id(short(&message.id.to_string())?)
            .with_type(name)
            .with_timestamp(seconds)
            .with_headers(headers),
        body: message.body.as_bytes(),
    })
}

fn aggregate(aggregate: AggregateRef) -> String {
    match aggregate {
        AggregateRef::Offer(id) => id.to_string(),
        AggregateRef::Dispute(id) => id.to_string(),
        AggregateRef::Exchanger(id) => id.to_string(),
        AggregateRef::Order(id) => id.to_string(),
        AggregateRef::Payment(id) => id.to_string(),
        AggregateRef::Withdrawal(id) => id.to_string(),
    }
}

fn short(text: &str) -> Result<ShortString, BrokerError> {
    ShortString::try_new(text).map_err(|_| refused("a name has more than 255 bytes"))
}

/// An incoming message.
pub(super) fn incoming(delivery: &mut Delivery) -> Incoming {
    let properties = &delivery.properties;
    let headers = properties.headers().as_ref();
    Incoming {
        id: string(properties.message_id().as_ref()),
        name: name(delivery),
        version: headers.and_then(|headers| whole(headers.inner().get(VERSION)?)),
        body: std::mem::take(&mut delivery.data),
    }
}

/// An event's name; it differs from the routing key where a message is sent to one queue.
fn name(delivery: &Delivery) -> String {
    let kind = string(delivery.properties.kind().as_ref());
    if kind.is_empty() {
        delivery.routing_key.as_str().to_owned()
    } else {
        kind
    }
}

fn string(text: Option<&ShortString>) -> String {
    text.map(|text| text.as_str().to_owned())
        .unwrap_or_default()
}

/// A number of any AMQP type, since other systems' drivers differ.
fn whole(value: &AMQPValue) -> Option<u64> {
    match *value {
        AMQPValue::ShortShortInt(number) => number.try_into().ok(),
        AMQPValue::ShortShortUInt(number) => Some(number.into()),
        AMQPValue::ShortInt(number) => number.try_into().ok(),
        AMQPValue::ShortUInt(number) => Some(number.into()),
        AMQPValue::LongInt(number) => number.try_into().ok(),
        AMQPValue::LongUInt(number) => Some(number.into()),
        AMQPValue::LongLongInt(number) => number.try_into().ok(),
        _ => None,
    }
}

/// The properties of a copy for the dead letters.
pub(super) fn dead_letter_properties(
    delivery: &Delivery,
    queue: Queue,
    names: &Names,
    reason: &str,
) -> BasicProperties {
    let mut headers = delivery.properties.headers().clone().unwrap_or_default();
    let end = reason.floor_char_boundary(LONGEST_REASON);
    headers.insert(REASON.into(), text(reason.get(..end).unwrap_or_default()));
    headers.insert(QUEUE.into(), text(names.queue(queue).as_str()));
    let kind = delivery.properties.kind().clone();
    copied(&delivery.properties, headers)
        .with_type(kind.unwrap_or_else(|| delivery.routing_key.clone()))
}

/// The sender's properties that a copy keeps. Expiry, user and routing belong to the original only.
fn copied(original: &BasicProperties, headers: FieldTable) -> BasicProperties {
    let mut kept = FieldTable::default();
    for (name, value) in headers.inner() {
        if !["CC", "BCC"].contains(&name.as_str()) {
            kept.insert(name.clone(), value.clone());
        }
    }
    let mut copy = BasicProperties::default()
        .with_delivery_mode(PERSISTENT)
        .with_headers(kept);
    if let Some(id) = original.message_id() {
        copy = copy.with_message_id(id.clone());
    }
    if let Some(kind) = original.kind() {
        copy = copy.with_type(kind.clone());
    }
    if let Some(content) = original.content_type() {
        copy = copy.with_content_type(content.clone());
    }
    if let Some(time) = original.timestamp() {
        copy = copy.with_timestamp(*time);
    }
    copy
}

/// The properties of a replayed message.
pub(super) fn requeued(delivery: &Delivery) -> BasicProperties {
    let mut headers = FieldTable::default();
    if let Some(all) = delivery.properties.headers() {
        for (name, value) in all.inner() {
            if !OF_DEATH.contains(&name.as_str()) {
                headers.insert(name.clone(), value.clone());
            }
        }
    }
    copied(&delivery.properties, headers)
}

/// A dead letter, with the reason of its consumer or of the broker.
pub(super) fn dead_letter(delivery: &mut Delivery, names: &Names) -> DeadLetter {
    let (queue, reason) = {
        let headers = delivery.properties.headers().as_ref();
        let header = |name: &str| headers.and_then(|headers| headers.inner().get(name));
        let ours = |name| header(name).and_then(words);
        let theirs = |name: &str| match header("x-death")?.as_array()?.as_slice().first()? {
            AMQPValue::FieldTable(latest) => words(latest.inner().get(name)?),
            _ => None,
        };
        let queue = ours(QUEUE).or_else(|| theirs("queue"));
        let reason = ours(REASON).or_else(|| theirs("reason").map(describe));
        (queue.unwrap_or_default(), reason.unwrap_or_default())
    };
    DeadLetter {
        message: incoming(delivery),
        queue: names.plain(&queue).to_owned(),
        reason,
    }
}

/// The broker's own reasons.
fn describe(reason: String) -> String {
    match reason.as_str() {
        "delivery_limit" => {
            "delivered again and again, and never settled: does it crash its consumer?".to_owned()
        }
        _ => reason,
    }
}

fn words(value: &AMQPValue) -> Option<String> {
    match value {
        AMQPValue::LongString(text) => Some(String::from_utf8_lossy(text.as_bytes()).into_owned()),
        AMQPValue::ShortString(text) => Some(text.as_str().to_owned()),
        _ => None,
    }
}
