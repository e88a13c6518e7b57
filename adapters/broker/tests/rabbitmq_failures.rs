//! RabbitMQ is unavailable, comes back, or does not respond.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "what does not come has to stop the test"
)]

mod support;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use p2p_application::ports::{Broker, BrokerError, OutboxMessage, Queue};
use p2p_domain::EventId;
use support::brokers::TestBroker;
use support::proxy::Proxy;
use support::{id, ids, message, messages, next, next_done, silence, soon};

/// A broker behind a proxy.
async fn behind_proxy() -> (TestBroker, Proxy, Arc<dyn Broker>) {
    let fixture = TestBroker::rabbitmq().await.unwrap();
    let proxy = Proxy::before(fixture.url()).await.unwrap();
    let broker = Arc::new(fixture.open_by(&proxy.url).unwrap());
    (fixture, proxy, broker)
}

/// Publishes until all have arrived, as the relay does. Answers how often that failed.
async fn insist(broker: &dyn Broker, messages: &[OutboxMessage]) -> u32 {
    let mut left = messages.to_vec();
    let mut failures = 0;
    loop {
        if let Ok(arrived) = broker.publish(&left).await {
            left.retain(|message| !arrived.contains(&message.id));
        }
        if left.is_empty() {
            return failures;
        }
        failures += 1;
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_published_while_connections_break_arrives() {
    let (fixture, proxy, broker) = behind_proxy().await;
    let steady = fixture.open().unwrap();
    let mut deliveries = soon(steady.consume(Queue::Notifications, 500))
        .await
        .unwrap();
    let counting = tokio::spawn(async move {
        let mut missing: BTreeSet<EventId> = ids(&messages(0..4_000)).into_iter().collect();
        while !missing.is_empty() {
            missing.remove(&next_done(&mut deliveries).await);
        }
    });
    let publishing = tokio::spawn(async move {
        let mut failures = 0;
        for window in messages(0..4_000).chunks(200) {
            failures += insist(broker.as_ref(), window).await;
        }
        failures
    });
    let mut cuts = tokio::time::interval(Duration::from_millis(60));
    while !publishing.is_finished() {
        cuts.tick().await;
        proxy.cut();
        // A connection that lives too briefly would never publish anything.
        if cuts.period() < Duration::from_secs(1) {
            cuts = tokio::time::interval(cuts.period() * 5 / 4);
            cuts.tick().await;
        }
    }
    assert!(soon(publishing).await.unwrap() > 0, "nothing broke");
    soon(counting).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unacknowledged_messages_are_redelivered_after_a_lost_connection() {
    let (fixture, proxy, broker) = behind_proxy().await;
    let steady = fixture.open().unwrap();
    assert_eq!(steady.publish(&messages(0..3)).await.unwrap().len(), 3);
    let mut deliveries = soon(broker.consume(Queue::Notifications, 1)).await.unwrap();
    assert_eq!(next_done(&mut deliveries).await, message(0).id);
    let held = next(&mut deliveries).await;
    assert_eq!(id(&held), message(1).id);
    proxy.cut();
    let error = soon(deliveries.next()).await.unwrap_err();
    assert!(
        matches!(error, BrokerError::Unavailable { .. }),
        "{error:?}"
    );
    assert!(soon(held.acker.ack()).await.is_err());
    let mut deliveries = soon(broker.consume(Queue::Notifications, 8)).await.unwrap();
    assert_eq!(next_done(&mut deliveries).await, message(1).id);
    assert_eq!(next_done(&mut deliveries).await, message(2).id);
    silence(&mut deliveries).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_listener_whose_connection_breaks_listens_again() {
    let (_place, proxy, broker) = behind_proxy().await;
    let mut listener = soon(broker.subscribe()).await.unwrap();
    soon(broker.broadcast(b"one")).await.unwrap();
    assert_eq!(soon(listener.next()).await.unwrap(), b"one");
    proxy.cut();
    assert!(soon(listener.next()).await.is_err());
    let mut listener = soon(broker.subscribe()).await.unwrap();
    while soon(broker.broadcast(b"two")).await.is_err() {}
    assert_eq!(soon(listener.next()).await.unwrap(), b"two");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_that_was_away_is_found_again() {
    let (_place, proxy, broker) = behind_proxy().await;
    proxy.close();
    let start = Instant::now();
    for _ in 0..3 {
        for error in [
            soon(broker.publish(&[message(0)])).await.err(),
            soon(broker.consume(Queue::Notifications, 1)).await.err(),
            soon(broker.broadcast(b"news")).await.err(),
            soon(broker.subscribe()).await.err(),
            soon(broker.dead_letters(1)).await.err(),
            soon(broker.replay(None, 1)).await.err(),
        ] {
            assert!(
                matches!(error, Some(BrokerError::Unavailable { .. })),
                "{error:?}"
            );
        }
    }
    assert!(start.elapsed() < Duration::from_secs(5), "it is waited for");
    proxy.cut();
    soon(insist(broker.as_ref(), &[message(0)])).await;
    let mut deliveries = soon(async {
        loop {
            match broker.consume(Queue::Notifications, 1).await {
                Ok(deliveries) => return deliveries,
                Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
            }
        }
    })
    .await;
    assert_eq!(next_done(&mut deliveries).await, message(0).id);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_that_says_nothing_is_not_waited_for() {
    let (fixture, proxy, broker) = behind_proxy().await;
    soon(insist(broker.as_ref(), &[message(0)])).await;
    proxy.hush();
    // On the connection that there is, and on one that would be made.
    for _ in 0..2 {
        let published = soon(broker.publish(&messages(1..4))).await;
        assert!(
            matches!(published, Err(BrokerError::Unavailable { .. })),
            "{published:?}"
        );
    }
    proxy.cut();
    soon(insist(broker.as_ref(), &messages(1..4))).await;
    let mut deliveries = soon(fixture.open().unwrap().consume(Queue::Notifications, 1))
        .await
        .unwrap();
    for number in 0..4 {
        assert_eq!(next_done(&mut deliveries).await, message(number).id);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_market_is_opened_without_a_broker() {
    let fixture = TestBroker::rabbitmq().await.unwrap();
    let unreachable = fixture.open_by("amqp://me:s3cret@127.0.0.1:1/%2f").unwrap();
    let error = soon(unreachable.publish(&[message(0)])).await.unwrap_err();
    assert!(
        matches!(error, BrokerError::Unavailable { .. }),
        "{error:?}"
    );
}
