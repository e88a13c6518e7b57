//! A message is delivered until it is settled, and not afterwards.

use std::time::Duration;

use p2p_application::ports::Queue;
use tokio::time::timeout;

use super::Fixture;
use crate::support::{id, ids, message, messages, next, next_done, publish, silence, soon};

pub async fn a_processed_message_is_not_redelivered(fixture: &impl Fixture) {
    let broker = fixture.open();
    let mut first = soon(broker.consume(Queue::Notifications, 1)).await.unwrap();
    let publishing = publish(&broker, vec![message(0)]);
    assert_eq!(next_done(&mut first).await, message(0).id);
    assert_eq!(publishing.arrived().await, [message(0).id]);
    drop(first);
    let mut second = soon(broker.consume(Queue::Notifications, 1)).await.unwrap();
    let publishing = publish(&broker, vec![message(1)]);
    assert_eq!(next_done(&mut second).await, message(1).id);
    assert_eq!(publishing.arrived().await, [message(1).id]);
    silence(&mut second).await;
}

pub async fn a_message_dropped_unsettled_is_redelivered(fixture: &impl Fixture) {
    let broker = fixture.open();
    let mut deliveries = soon(broker.consume(Queue::Notifications, 1)).await.unwrap();
    let publishing = publish(&broker, vec![message(0)]);
    for _ in 0..3 {
        let delivery = next(&mut deliveries).await;
        assert_eq!(id(&delivery), message(0).id);
        drop(delivery);
    }
    assert_eq!(next_done(&mut deliveries).await, message(0).id);
    assert_eq!(publishing.arrived().await, [message(0).id]);
    silence(&mut deliveries).await;
}

pub async fn unacknowledged_messages_are_redelivered_after_their_consumer(fixture: &impl Fixture) {
    let broker = fixture.open();
    let mut first = soon(broker.consume(Queue::Notifications, 8)).await.unwrap();
    let publishing = publish(&broker, messages(0..3));
    let (one, two) = (next(&mut first).await, next(&mut first).await);
    assert_eq!([id(&one), id(&two)], [message(0).id, message(1).id]);
    let mut second = soon(broker.consume(Queue::Notifications, 8)).await.unwrap();
    drop((first, one, two));
    let mut came = Vec::new();
    for _ in 0..3 {
        came.push(next_done(&mut second).await);
    }
    came.sort();
    assert_eq!(came, ids(&messages(0..3)));
    assert_eq!(publishing.arrived().await, came);
}

pub async fn prefetched_messages_go_to_another_consumer(fixture: &impl Fixture) {
    let broker = fixture.open();
    let mut first = soon(broker.consume(Queue::Notifications, 100))
        .await
        .unwrap();
    let publishing = publish(&broker, messages(0..20));
    let held = next(&mut first).await;
    let mut second = soon(broker.consume(Queue::Notifications, 100))
        .await
        .unwrap();
    drop(first);
    // One is still unacknowledged; the rest was prefetched by the dropped consumer.
    for _ in 1..20 {
        assert_ne!(next_done(&mut second).await, id(&held));
    }
    silence(&mut second).await;
    soon(held.acker.ack()).await.unwrap();
    // However long that took.
    let arrived = publishing.arrived().await;
    if arrived.len() < 20 {
        let again = publish(&broker, messages(0..1)).arrived().await;
        assert_eq!(again, [message(0).id]);
    }
    silence(&mut second).await;
}

pub async fn consumers_share_a_queue(fixture: &impl Fixture) {
    let (here, there) = (fixture.open(), fixture.open());
    let mut first = soon(here.consume(Queue::Notifications, 1)).await.unwrap();
    let mut second = soon(there.consume(Queue::Notifications, 1)).await.unwrap();
    let publishing = publish(&here, messages(0..2));
    let (one, two) = (next(&mut first).await, next(&mut second).await);
    let mut came = [id(&one), id(&two)];
    came.sort();
    assert_eq!(came, [message(0).id, message(1).id]);
    soon(one.acker.ack()).await.unwrap();
    soon(two.acker.ack()).await.unwrap();
    assert_eq!(publishing.arrived().await, came);
}

pub async fn a_window_is_not_exceeded(fixture: &impl Fixture) {
    let broker = fixture.open();
    let mut deliveries = soon(broker.consume(Queue::Notifications, 3)).await.unwrap();
    let publishing = publish(&broker, messages(0..5));
    let one = next(&mut deliveries).await;
    let two = next(&mut deliveries).await;
    let three = next(&mut deliveries).await;
    silence(&mut deliveries).await;
    soon(two.acker.ack()).await.unwrap();
    assert_eq!(next_done(&mut deliveries).await, message(3).id);
    assert_eq!(next_done(&mut deliveries).await, message(4).id);
    soon(one.acker.ack()).await.unwrap();
    soon(three.acker.ack()).await.unwrap();
    assert_eq!(publishing.arrived().await, ids(&messages(0..5)));
}

pub async fn a_message_is_settled_when_its_consumer_has_gone(fixture: &impl Fixture) {
    let broker = fixture.open();
    let mut first = soon(broker.consume(Queue::Notifications, 1)).await.unwrap();
    let publishing = publish(&broker, vec![message(0)]);
    let delivery = next(&mut first).await;
    drop(first);
    soon(delivery.acker.ack()).await.unwrap();
    assert_eq!(publishing.arrived().await, [message(0).id]);
    let mut second = soon(broker.consume(Queue::Notifications, 1)).await.unwrap();
    silence(&mut second).await;
}

pub async fn a_cancelled_receive_loses_nothing(fixture: &impl Fixture) {
    let broker = fixture.open();
    let mut deliveries = soon(broker.consume(Queue::Notifications, 1)).await.unwrap();
    let publishing = publish(&broker, messages(0..50));
    let mut came = Vec::new();
    while came.len() < 50 {
        if let Ok(delivery) = timeout(Duration::from_micros(300), deliveries.next()).await {
            let delivery = delivery.unwrap();
            came.push(id(&delivery));
            soon(delivery.acker.ack()).await.unwrap();
        }
    }
    assert_eq!(came, ids(&messages(0..50)));
    assert_eq!(publishing.arrived().await, came);
}
