//! The laws of the broker port, in one process; and what is so here only.

#![allow(
    clippy::unwrap_used,
    reason = "what does not come has to stop the test"
)]

mod laws;
mod support;

use std::sync::Arc;

use p2p_application::ports::{Broker, Queue};
use p2p_broker::InProcess;
use support::dead_letters::{FixedClock, InMemoryDeadLetters};
use support::{id, ids, message, messages, next, next_done, publish, silence, soon};

struct Process {
    dead_letters: Arc<InMemoryDeadLetters>,
    broker: InProcess,
}

impl Process {
    fn new() -> Self {
        let dead_letters = Arc::new(InMemoryDeadLetters::default());
        let broker = InProcess::new(
            Arc::<InMemoryDeadLetters>::clone(&dead_letters),
            Arc::new(FixedClock),
        );
        Self {
            dead_letters,
            broker,
        }
    }
}

impl laws::Fixture for Process {
    fn open(&self) -> Arc<dyn Broker> {
        Arc::new(self.broker.clone())
    }

    fn relay(&self) {
        publish(&self.open(), self.dead_letters.take_outbox());
    }
}

use laws::Fixture as _;

laws!(async { Process::new() });

#[tokio::test]
async fn without_a_consumer_nothing_is_confirmed_or_kept() {
    let broker = Process::new().open();
    assert_eq!(soon(broker.publish(&messages(0..3))).await.unwrap(), []);
    let mut deliveries = broker.consume(Queue::Notifications, 8).await.unwrap();
    silence(&mut deliveries).await;
}

#[tokio::test(start_paused = true)]
async fn an_unsettled_message_is_not_confirmed() {
    let broker = Process::new().open();
    let mut deliveries = broker.consume(Queue::Notifications, 8).await.unwrap();
    let publishing = publish(&broker, messages(0..2));
    let slow = next(&mut deliveries).await;
    assert_eq!(next_done(&mut deliveries).await, message(1).id);
    assert_eq!(publishing.arrived().await, [message(1).id]);

    // Published again, it is not redelivered while it is unacknowledged, and confirmed when it is settled.
    let publishing = publish(&broker, vec![message(0)]);
    silence(&mut deliveries).await;
    assert_eq!(id(&slow), message(0).id);
    slow.acker.ack().await.unwrap();
    assert_eq!(publishing.arrived().await, [message(0).id]);
}

#[tokio::test(start_paused = true)]
async fn what_is_settled_afterwards_is_confirmed_the_next_time() {
    let broker = Process::new().open();
    let mut deliveries = broker.consume(Queue::Notifications, 8).await.unwrap();
    let publishing = publish(&broker, messages(0..2));
    let (one, two) = (next(&mut deliveries).await, next(&mut deliveries).await);
    assert_eq!(publishing.arrived().await, []);
    one.acker.ack().await.unwrap();
    two.acker.dead_letter("no").await.unwrap();
    let arrived = publish(&broker, messages(0..2)).arrived().await;
    assert_eq!(arrived, ids(&messages(0..2)));
    silence(&mut deliveries).await;
    // That was told once; a third time, it is a message like any other.
    let publishing = publish(&broker, vec![message(0)]);
    assert_eq!(next_done(&mut deliveries).await, message(0).id);
    assert_eq!(publishing.arrived().await, [message(0).id]);
}

#[tokio::test]
async fn a_message_that_cannot_be_stored_as_dead_is_redelivered() {
    let process = Process::new();
    let broker = process.open();
    let mut deliveries = broker.consume(Queue::Notifications, 1).await.unwrap();
    let publishing = publish(&broker, vec![message(0)]);
    process.dead_letters.go_away(true);
    let delivery = next(&mut deliveries).await;
    assert!(delivery.acker.dead_letter("no").await.is_err());
    process.dead_letters.go_away(false);
    let delivery = next(&mut deliveries).await;
    delivery.acker.dead_letter("no").await.unwrap();
    assert_eq!(publishing.arrived().await, [message(0).id]);
    assert_eq!(broker.dead_letters(10).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_slow_listener_misses_news_and_goes_on() {
    let broker = Process::new().open();
    let mut listener = broker.subscribe().await.unwrap();
    for number in 0..3_000_u32 {
        broker.broadcast(&number.to_be_bytes()).await.unwrap();
    }
    let first = soon(listener.next()).await.unwrap();
    assert_ne!(first, 0_u32.to_be_bytes());
    let mut last = first;
    while last != 2_999_u32.to_be_bytes() {
        last = soon(listener.next()).await.unwrap();
    }
}
