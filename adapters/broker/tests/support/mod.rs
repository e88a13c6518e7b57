//! What the tests of the broker adapters share.
#![allow(
    dead_code,
    unreachable_pub,
    reason = "each test binary uses its own part of this"
)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "what does not come has to stop the test"
)]

#[path = "../../../../tests/src/brokers.rs"]
pub mod brokers;
pub mod dead_letters;
pub mod proxy;

use std::time::Duration;

use p2p_application::ports::{Broker, BrokerError, Deliveries, Delivery, OutboxMessage, Queue};
use p2p_domain::event::AggregateRef;
use p2p_domain::{EventId, OfferId, Timestamp, TypedId};
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// Whatever is awaited comes sooner, unless it never does.
pub const TIMEOUT: Duration = Duration::from_secs(20);

/// In this time, what should not come would have come.
const MOMENT: Duration = Duration::from_millis(300);

/// The answer, or a failed test.
pub async fn soon<T>(work: impl Future<Output = T>) -> T {
    timeout(TIMEOUT, work).await.expect("nothing comes")
}

/// A message with a number: in its id, which sorts by it, and in its body.
pub fn message(number: u32) -> OutboxMessage {
    OutboxMessage {
        id: EventId::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0000 + u128::from(number)),
        name: "ExchangeOfferCreated".into(),
        aggregate: AggregateRef::Offer(OfferId::from_u128(7)),
        version: u64::from(number) + 1,
        body: format!(
            r#"{{"event": "ExchangeOfferCreated", "data": {{"number": {number}, "text": "ё☂"}}}}"#
        ),
        at: Timestamp::from_micros(1_700_000_000_000_000),
        only: None,
    }
}

pub fn messages(numbers: std::ops::Range<u32>) -> Vec<OutboxMessage> {
    numbers.map(message).collect()
}

pub fn ids(messages: &[OutboxMessage]) -> Vec<EventId> {
    messages.iter().map(|message| message.id).collect()
}

/// A message for one queue only.
pub fn message_for(queue: Queue, number: u32) -> OutboxMessage {
    OutboxMessage {
        only: Some(queue),
        ..message(number)
    }
}

/// Publishing goes on while messages are consumed: some brokers confirm a message when it is settled.
pub struct Publishing(JoinHandle<Result<Vec<EventId>, BrokerError>>);

pub fn publish(broker: &std::sync::Arc<dyn Broker>, messages: Vec<OutboxMessage>) -> Publishing {
    let broker = std::sync::Arc::clone(broker);
    Publishing(tokio::spawn(async move { broker.publish(&messages).await }))
}

impl Publishing {
    /// The ids of what has arrived, in order.
    pub async fn arrived(self) -> Vec<EventId> {
        let mut ids = soon(self.0).await.unwrap().unwrap();
        ids.sort();
        ids
    }
}

/// The next message.
pub async fn next(deliveries: &mut Box<dyn Deliveries>) -> Delivery {
    soon(deliveries.next()).await.unwrap()
}

/// Which it is.
pub fn id(delivery: &Delivery) -> EventId {
    delivery.message.id.parse().expect("an event's id")
}

/// The next message, settled.
pub async fn next_done(deliveries: &mut Box<dyn Deliveries>) -> EventId {
    let delivery = next(deliveries).await;
    let id = id(&delivery);
    soon(delivery.acker.ack()).await.unwrap();
    id
}

/// The next message, declared dead.
pub async fn next_dead(deliveries: &mut Box<dyn Deliveries>, reason: &str) -> EventId {
    let delivery = next(deliveries).await;
    let id = id(&delivery);
    soon(delivery.acker.dead_letter(reason)).await.unwrap();
    id
}

/// No message comes.
pub async fn silence(deliveries: &mut Box<dyn Deliveries>) {
    let came = timeout(MOMENT, deliveries.next()).await;
    assert!(came.is_err(), "{came:?}");
}
