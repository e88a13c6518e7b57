//! What other systems see of this market at RabbitMQ, and what it makes of their messages.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "what does not come has to stop the test"
)]

mod support;

use std::sync::Arc;

use futures::StreamExt;
use lapin::options::{
    BasicConsumeOptions, BasicPublishOptions, QueueBindOptions, QueueDeclareOptions,
    QueueDeleteOptions,
};
use lapin::types::{AMQPValue, FieldTable, LongString};
use lapin::{BasicProperties, Channel, Connection, ConnectionProperties};
use p2p_application::ports::{Broker, BrokerError, OutboxMessage, Queue};
use support::brokers::TestBroker;
use support::{
    Publishing, message, message_for, next, next_dead, next_done, publish, silence, soon,
};

/// Another system's way to the server.
async fn other(fixture: &TestBroker) -> (Connection, Channel) {
    let connection = Connection::connect(fixture.url(), ConnectionProperties::default());
    let connection = soon(connection).await.unwrap();
    let channel = soon(connection.create_channel()).await.unwrap();
    (connection, channel)
}

fn open(fixture: &TestBroker) -> Arc<dyn Broker> {
    Arc::new(fixture.open().unwrap())
}

async fn confirmed(publishing: Publishing) -> usize {
    publishing.arrived().await.len()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_on_the_wire_says_what_it_is() {
    let fixture = TestBroker::rabbitmq().await.unwrap();
    let (_connection, channel) = other(&fixture).await;
    let queue = channel.queue_declare(
        "".into(),
        QueueDeclareOptions::exclusive(),
        FieldTable::default(),
    );
    let queue = soon(queue).await.unwrap().name().clone();
    soon(channel.queue_bind(
        queue.clone(),
        format!("{}p2p.events", fixture.namespace()).into(),
        "ExchangeOfferCreated".into(),
        QueueBindOptions::default(),
        FieldTable::default(),
    ))
    .await
    .unwrap();
    let sent = message(5);
    assert_eq!(
        confirmed(publish(&open(&fixture), vec![sent.clone()])).await,
        1
    );

    let options = BasicConsumeOptions::default();
    let consumer = channel.basic_consume(queue, "".into(), options, FieldTable::default());
    let mut consumer = soon(consumer).await.unwrap();
    let came = soon(consumer.next()).await.unwrap().unwrap();
    assert_eq!(came.routing_key.as_str(), "ExchangeOfferCreated");
    assert_eq!(came.data, sent.body.as_bytes());
    let properties = &came.properties;
    let text = |value: &Option<lapin::types::ShortString>| value.clone().unwrap().to_string();
    assert_eq!(text(properties.message_id()), sent.id.to_string());
    assert_eq!(text(properties.kind()), "ExchangeOfferCreated");
    assert_eq!(text(properties.content_type()), "application/json");
    assert_eq!(*properties.delivery_mode(), Some(2));
    assert_eq!(*properties.timestamp(), Some(1_700_000_000));
    let headers = properties.headers().clone().unwrap();
    let header = |name: &str| headers.inner().get(name).cloned();
    assert_eq!(header("x-version"), Some(AMQPValue::LongLongInt(6)));
    let aggregate = header("x-aggregate").unwrap();
    let aggregate = aggregate.as_long_string().unwrap().to_string();
    assert!(aggregate.starts_with("offer_"), "{aggregate}");
}

async fn say(channel: &Channel, fixture: &TestBroker, properties: BasicProperties) {
    let queue = format!("{}p2p.payment-callbacks", fixture.namespace());
    let options = BasicPublishOptions::default();
    let sent = channel.basic_publish("".into(), queue.into(), options, b"hello", properties);
    soon(sent).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_of_others_need_no_properties() {
    let fixture = TestBroker::rabbitmq().await.unwrap();
    let (_connection, channel) = other(&fixture).await;
    let broker = open(&fixture);
    let mut deliveries = soon(broker.consume(Queue::PaymentCallbacks, 1))
        .await
        .unwrap();
    say(&channel, &fixture, BasicProperties::default()).await;
    let bare = next(&mut deliveries).await;
    assert_eq!(bare.message.id, "");
    assert_eq!(bare.message.version, None);
    assert_eq!(bare.message.body, b"hello");
    soon(bare.acker.ack()).await.unwrap();

    // Other drivers write numbers otherwise, and there is more in headers than we know.
    let mut headers = FieldTable::default();
    headers.insert("x-version".into(), AMQPValue::ShortInt(7));
    headers.insert("theirs".into(), AMQPValue::Boolean(true));
    let properties = BasicProperties::default()
        .with_message_id("pay-1".into())
        .with_type("payment".into())
        .with_headers(headers);
    say(&channel, &fixture, properties).await;
    let named = next(&mut deliveries).await;
    assert_eq!(named.message.id, "pay-1");
    assert_eq!(named.message.name, "payment");
    assert_eq!(named.message.version, Some(7));
    soon(named.acker.ack()).await.unwrap();

    let mut headers = FieldTable::default();
    headers.insert("x-version".into(), AMQPValue::LongInt(-1));
    say(
        &channel,
        &fixture,
        BasicProperties::default().with_headers(headers),
    )
    .await;
    let odd = next(&mut deliveries).await;
    assert_eq!(odd.message.version, None);
    soon(odd.acker.dead_letter("odd")).await.unwrap();
    let dead = soon(broker.dead_letters(2)).await.unwrap();
    assert_eq!(dead.len(), 1);
    assert_eq!(dead[0].queue, "p2p.payment-callbacks");
    assert_eq!(dead[0].message.body, b"hello");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_broker_gives_up_says_so_and_can_be_replayed() {
    let fixture = TestBroker::rabbitmq().await.unwrap();
    let broker = open(&fixture);
    let mut deliveries = soon(broker.consume(Queue::PaymentCallbacks, 1))
        .await
        .unwrap();
    let sent = message_for(Queue::PaymentCallbacks, 0);
    assert_eq!(confirmed(publish(&broker, vec![sent.clone()])).await, 1);
    // As a consumer does whom the message crashes.
    let mut times = 0;
    let dead = loop {
        tokio::select! {
            delivery = deliveries.next() => {
                drop(delivery.unwrap());
                times += 1;
                assert!(times < 100, "it comes for ever");
            }
            () = tokio::time::sleep(std::time::Duration::from_millis(500)) => {
                let dead = soon(broker.dead_letters(10)).await.unwrap();
                if !dead.is_empty() {
                    break dead;
                }
            }
        }
    };
    assert!(times > 20, "{times}");
    assert_eq!(dead[0].message.id, sent.id.to_string());
    assert_eq!(dead[0].message.name, sent.name);
    assert_eq!(dead[0].queue, "p2p.payment-callbacks");
    assert!(dead[0].reason.contains("crash"), "{}", dead[0].reason);

    assert_eq!(soon(broker.replay(None, 10)).await.unwrap(), 1);
    // Its deliveries are counted anew.
    drop(next(&mut deliveries).await);
    assert_eq!(next_done(&mut deliveries).await, sent.id);
    silence(&mut deliveries).await;
    assert_eq!(soon(broker.dead_letters(10)).await.unwrap(), []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dead_letters_of_unknown_queues_stay() {
    let fixture = TestBroker::rabbitmq().await.unwrap();
    let (_connection, channel) = other(&fixture).await;
    let broker = open(&fixture);
    let mut headers = FieldTable::default();
    let queue = AMQPValue::LongString(LongString::from("amq.elsewhere"));
    headers.insert("x-queue".into(), queue);
    let exchange = format!("{}p2p.dead", fixture.namespace());
    let options = BasicPublishOptions::default();
    let properties = BasicProperties::default().with_headers(headers);
    soon(channel.basic_publish(exchange.into(), "".into(), options, b"lost", properties))
        .await
        .unwrap();
    let mut deliveries = soon(broker.consume(Queue::Notifications, 1)).await.unwrap();
    assert_eq!(confirmed(publish(&broker, vec![message(0)])).await, 1);
    next_dead(&mut deliveries, "no").await;
    while soon(broker.dead_letters(10)).await.unwrap().len() < 2 {}
    assert_eq!(soon(broker.replay(None, 10)).await.unwrap(), 1);
    let left = soon(broker.dead_letters(10)).await.unwrap();
    assert_eq!(left.len(), 1);
    assert_eq!(left[0].queue, "amq.elsewhere");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_reaches_no_queue_is_not_confirmed_and_is_declared_again() {
    let fixture = TestBroker::rabbitmq().await.unwrap();
    let (_connection, channel) = other(&fixture).await;
    let broker = open(&fixture);
    assert_eq!(confirmed(publish(&broker, vec![message(0)])).await, 1);
    let queue = format!("{}p2p.notifications", fixture.namespace());
    soon(channel.queue_delete(queue.into(), QueueDeleteOptions::default()))
        .await
        .unwrap();
    // The one that is for another queue arrives.
    let mixed = vec![
        message(1),
        message_for(Queue::PaymentCallbacks, 2),
        message(3),
    ];
    let arrived = publish(&broker, mixed).arrived().await;
    assert_eq!(arrived, [message(2).id]);
    let again = publish(&broker, vec![message(1), message(3)]);
    assert_eq!(again.arrived().await, [message(1).id, message(3).id]);
}

/// The names of two queues are an agreement with others, and begin with nothing of ours.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn queues_of_orders_have_the_agreed_names_and_a_namespace_keeps_them_apart() {
    assert_eq!(
        [Queue::OrderPaymentRequests, Queue::OrderPaymentResults].map(Queue::name),
        ["order-payment-requests", "order-payment-results"]
    );
    let (fixture, neighbour) = (
        TestBroker::rabbitmq().await.unwrap(),
        TestBroker::rabbitmq().await.unwrap(),
    );
    let (_connection, channel) = other(&fixture).await;
    for queue in ["order-payment-requests", "order-payment-results"] {
        let options = QueueDeclareOptions {
            passive: true,
            ..QueueDeclareOptions::default()
        };
        let name = format!("{}{queue}", fixture.namespace());
        let there = channel.queue_declare(name.into(), options, FieldTable::default());
        soon(there).await.unwrap();
    }
    let (here, there) = (open(&fixture), open(&neighbour));
    let mut next_door = soon(there.consume(Queue::OrderPaymentRequests, 1))
        .await
        .unwrap();
    let mut ours = soon(here.consume(Queue::OrderPaymentRequests, 1))
        .await
        .unwrap();
    let asked = OutboxMessage {
        name: "OrderPaymentRequested".into(),
        ..message(0)
    };
    assert_eq!(confirmed(publish(&here, vec![asked.clone()])).await, 1);
    assert_eq!(next_done(&mut ours).await, asked.id);
    silence(&mut next_door).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_queue_that_is_otherwise_is_refused() {
    let fixture = TestBroker::rabbitmq().await.unwrap();
    let (_connection, channel) = other(&fixture).await;
    let queue = format!("{}p2p.notifications", fixture.namespace());
    let name = || queue.clone().into();
    soon(channel.queue_delete(name(), QueueDeleteOptions::default()))
        .await
        .unwrap();
    let classic = channel.queue_declare(
        name(),
        QueueDeclareOptions::durable(),
        FieldTable::default(),
    );
    soon(classic).await.unwrap();
    let broker = fixture.open().unwrap();
    let error = soon(broker.publish(&[message(0)])).await.unwrap_err();
    let BrokerError::Refused { what } = &error else {
        panic!("{error:?}");
    };
    assert!(what.contains("p2p.notifications"), "{what}");
    let consuming = soon(broker.consume(Queue::PaymentCallbacks, 1)).await;
    assert!(matches!(consuming, Err(BrokerError::Refused { .. })));
}
