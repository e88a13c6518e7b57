//! What is published arrives.

use p2p_application::ports::{OutboxMessage, Queue};
use p2p_domain::event::FactName;

use super::Fixture;
use crate::support::{
    ids, message, message_for, messages, next, next_done, publish, silence, soon,
};

pub async fn a_message_arrives_as_it_was(fixture: &impl Fixture) {
    let broker = fixture.open();
    let mut deliveries = soon(broker.consume(Queue::Notifications, 8)).await.unwrap();
    let sent = messages(0..3);
    let publishing = publish(&broker, sent.clone());
    for expected in &sent {
        let delivery = next(&mut deliveries).await;
        assert_eq!(delivery.message.id, expected.id.to_string());
        assert_eq!(delivery.message.name, expected.name);
        assert_eq!(delivery.message.version, Some(expected.version));
        assert_eq!(delivery.message.body, expected.body.as_bytes());
        soon(delivery.acker.ack()).await.unwrap();
    }
    assert_eq!(publishing.arrived().await, ids(&sent));
}

pub async fn messages_keep_their_order(fixture: &impl Fixture) {
    let broker = fixture.open();
    let mut deliveries = soon(broker.consume(Queue::Notifications, 64))
        .await
        .unwrap();
    let sent = messages(0..500);
    let publishing = publish(&broker, sent.clone());
    for expected in ids(&sent) {
        assert_eq!(next_done(&mut deliveries).await, expected);
    }
    assert_eq!(publishing.arrived().await, ids(&sent));
}

pub async fn nothing_is_published_at_once(fixture: &impl Fixture) {
    let broker = fixture.open();
    assert_eq!(publish(&broker, Vec::new()).arrived().await, []);
}

pub async fn a_message_for_one_queue_reaches_no_other(fixture: &impl Fixture) {
    let broker = fixture.open();
    let mut meant = soon(broker.consume(Queue::PaymentCallbacks, 8))
        .await
        .unwrap();
    let mut other = soon(broker.consume(Queue::Notifications, 8)).await.unwrap();
    let sent = message_for(Queue::PaymentCallbacks, 0);
    let publishing = publish(&broker, vec![sent.clone()]);
    let delivery = next(&mut meant).await;
    assert_eq!(delivery.message.id, sent.id.to_string());
    assert_eq!(delivery.message.name, sent.name);
    soon(delivery.acker.ack()).await.unwrap();
    assert_eq!(publishing.arrived().await, [sent.id]);
    silence(&mut other).await;
}

/// The table is written out once more: a binding that is lost or widened by mistake would be no compiler's business.
pub async fn an_event_reaches_the_queues_that_its_name_is_bound_to(fixture: &impl Fixture) {
    let broker = fixture.open();
    let requests = ["OrderPaymentRequested"];
    let results = ["PaymentProcessed", "PaymentRefunded"];
    let names: Vec<_> = FactName::ALL.iter().map(|name| name.name()).collect();
    let expected = [
        (Queue::Notifications, names.as_slice()),
        (Queue::PaymentCallbacks, &[]),
        (Queue::OrderPaymentRequests, &requests),
        (Queue::OrderPaymentResults, &results),
    ];
    let mut consumers = Vec::new();
    for (queue, names) in expected {
        consumers.push((soon(broker.consume(queue, 64)).await.unwrap(), names));
    }
    let sent: Vec<_> = names.iter().copied().zip(0..).map(named).collect();
    let publishing = publish(&broker, sent.clone());
    for (deliveries, names) in &mut consumers {
        for name in *names {
            let delivery = next(deliveries).await;
            assert_eq!(delivery.message.name, *name);
            soon(delivery.acker.ack()).await.unwrap();
        }
    }
    assert_eq!(publishing.arrived().await, ids(&sent));
    for (deliveries, _) in &mut consumers {
        silence(deliveries).await;
    }
}

/// A message of this name.
fn named((name, number): (&'static str, u32)) -> OutboxMessage {
    OutboxMessage {
        name: name.into(),
        ..message(number)
    }
}

pub async fn several_publish_at_the_same_time(fixture: &impl Fixture) {
    let broker = fixture.open();
    let mut deliveries = soon(broker.consume(Queue::Notifications, 64))
        .await
        .unwrap();
    let windows: Vec<_> = (0..6)
        .map(|window| messages(window * 100..(window + 1) * 100))
        .collect();
    let publishing: Vec<_> = windows
        .iter()
        .map(|window| publish(&broker, window.clone()))
        .collect();
    let mut came = Vec::new();
    for _ in 0..600 {
        came.push(next_done(&mut deliveries).await);
    }
    for (window, publishing) in windows.iter().zip(publishing) {
        assert_eq!(publishing.arrived().await, ids(window));
        // Each in its order, whatever lies between.
        let own: Vec<_> = came
            .iter()
            .copied()
            .filter(|id| ids(window).contains(id))
            .collect();
        assert_eq!(own, ids(window));
    }
    silence(&mut deliveries).await;
}
