//! Broadcasts between replicas. Each subscriber has a queue of its own, which ends with its connection and drops old messages.

use std::sync::Arc;

use async_trait::async_trait;
use futures::StreamExt;
use lapin::options::{
    BasicAckOptions, BasicConsumeOptions, BasicPublishOptions, BasicQosOptions, QueueBindOptions,
    QueueDeclareOptions,
};
use lapin::types::FieldTable;
use lapin::{BasicProperties, Channel, Consumer};
use p2p_application::ports::{Broadcasts, BrokerError};

use super::connection::Linked;
use super::error::{answer, explain};
use super::publisher::blocked;
use super::topology::{Names, arguments, text};
use super::{RabbitMq, refused};

/// Broadcasts that wait for one subscriber at the broker, and on the way to it.
const WAITING: i64 = 10_000;
const ON_THE_WAY: u16 = 512;

pub(super) async fn broadcast(broker: &RabbitMq, news: &[u8]) -> Result<(), BrokerError> {
    let linked = broker.publishing.linked().await?;
    if linked.is_blocked() {
        return Err(blocked());
    }
    let sent = async {
        let channel = linked.news().await?;
        let options = BasicPublishOptions::default();
        let properties = BasicProperties::default();
        let exchange = broker.names.push();
        // Without a confirm: broadcasts may be lost.
        answer(channel.basic_publish(exchange, "".into(), options, news, properties)).await?;
        Ok(())
    };
    sent.await.inspect_err(|_| {
        if !linked.is_blocked() {
            linked.retire();
        }
    })
}

pub(super) async fn subscribe(broker: &RabbitMq) -> Result<Box<dyn Broadcasts>, BrokerError> {
    let linked = broker.consuming.linked().await?;
    let started = begin(&linked, &broker.names).await;
    let (channel, consumer) = started.inspect_err(|_| linked.retire())?;
    Ok(Box::new(Subscription {
        linked,
        _channel: channel,
        consumer,
    }))
}

async fn begin(linked: &Linked, names: &Names) -> Result<(Channel, Consumer), BrokerError> {
    let channel = linked.channel().await?;
    answer(channel.basic_qos(ON_THE_WAY, BasicQosOptions::default())).await?;
    let bounded = arguments([
        ("x-max-length", WAITING.into()),
        ("x-overflow", text("drop-head")),
    ]);
    let own = QueueDeclareOptions::exclusive().auto_delete();
    let queue = answer(channel.queue_declare("".into(), own, bounded)).await?;
    let name = queue.name().clone();
    answer(channel.queue_bind(
        name.clone(),
        names.push(),
        "".into(),
        QueueBindOptions::default(),
        FieldTable::default(),
    ))
    .await?;
    let options = BasicConsumeOptions::default();
    let consumer = channel.basic_consume(name, "".into(), options, FieldTable::default());
    Ok((channel.clone(), answer(consumer).await?))
}

struct Subscription {
    linked: Arc<Linked>,
    _channel: Channel,
    consumer: Consumer,
}

#[async_trait]
impl Broadcasts for Subscription {
    async fn next(&mut self) -> Result<Vec<u8>, BrokerError> {
        let error = match self.consumer.next().await {
            Some(Ok(mut delivery)) => {
                let news = std::mem::take(&mut delivery.data);
                // Not awaited, since this function must be cancel safe. It only waits for the broker's flow control.
                tokio::spawn(async move { delivery.ack(BasicAckOptions::default()).await });
                return Ok(news);
            }
            Some(Err(error)) => explain(error),
            None => refused("the queue is not there any more"),
        };
        self.linked.retire();
        Err(error)
    }
}
