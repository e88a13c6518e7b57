//! Consuming: each consumer has a channel of its own and settles messages one by one.

use std::future::Future;
use std::sync::Arc;

use async_trait::async_trait;
use futures::{FutureExt, StreamExt};
use lapin::options::{
    BasicAckOptions, BasicCancelOptions, BasicConsumeOptions, BasicNackOptions, BasicQosOptions,
};
use lapin::types::FieldTable;
use lapin::{Channel, Consumer};
use p2p_application::ports::{Acker, BrokerError, Deliveries, Delivery, Queue};
use tokio::runtime::Handle;
use tokio::time::timeout;

use super::connection::Linked;
use super::error::{REPLY_TIMEOUT, answer, explain, unavailable};
use super::publisher::Publication;
use super::{RabbitMq, message, publisher, refused};

const AGAIN: BasicNackOptions = BasicNackOptions {
    multiple: false,
    requeue: true,
};

pub(super) async fn start(
    broker: &RabbitMq,
    queue: Queue,
    window: u16,
) -> Result<Box<dyn Deliveries>, BrokerError> {
    let linked = broker.consuming.linked().await?;
    let started = begin(&linked, broker, queue, window).await;
    let (channel, consumer) = started.inspect_err(|_| linked.retire())?;
    Ok(Box::new(Consuming {
        broker: broker.clone(),
        queue,
        linked,
        channel,
        consumer,
    }))
}

async fn begin(
    linked: &Linked,
    broker: &RabbitMq,
    queue: Queue,
    window: u16,
) -> Result<(Channel, Consumer), BrokerError> {
    let channel = linked.channel().await?;
    // RabbitMQ takes 0 for no limit.
    let window = window.max(1);
    answer(channel.basic_qos(window, BasicQosOptions::default())).await?;
    let consumer = answer(channel.basic_consume(
        broker.names.queue(queue),
        "".into(),
        BasicConsumeOptions::default(),
        FieldTable::default(),
    ))
    .await?;
    Ok((channel, consumer))
}

struct Consuming {
    broker: RabbitMq,
    queue: Queue,
    linked: Arc<Linked>,
    channel: Channel,
    consumer: Consumer,
}

#[async_trait]
impl Deliveries for Consuming {
    async fn next(&mut self) -> Result<Delivery, BrokerError> {
        let error = match self.consumer.next().await {
            Some(Ok(mut delivery)) => {
                let message = message::incoming(&mut delivery);
                let acker = Unacked(Some(Leased {
                    broker: self.broker.clone(),
                    queue: self.queue,
                    _channel: self.channel.clone(),
                    body: message.body.clone(),
                    delivery,
                }));
                return Ok(Delivery {
                    message,
                    acker: Box::new(acker),
                });
            }
            Some(Err(error)) => explain(error),
            None => refused("the queue is not there any more"),
        };
        self.linked.retire();
        Err(error)
    }
}

/// Returns prefetched messages at once, not when the last unacknowledged message is settled.
impl Drop for Consuming {
    fn drop(&mut self) {
        let (channel, mut consumer) = (self.channel.clone(), self.consumer.clone());
        later(async move {
            let options = BasicCancelOptions::default();
            let _ = channel.basic_cancel(consumer.tag(), options).await;
            while let Some(Some(Ok(unread))) = consumer.next().now_or_never() {
                let _ = unread.nack(AGAIN).await;
            }
        });
    }
}

/// Runs a clean-up on drop, if the runtime still exists. Otherwise closing the channel has the same effect.
fn later(on_drop: impl Future<Output = ()> + Send + 'static) {
    if let Ok(runtime) = Handle::try_current() {
        runtime.spawn(async move {
            let _ = timeout(REPLY_TIMEOUT, on_drop).await;
        });
    }
}

/// An unsettled message. Dropped, it is delivered again.
struct Unacked(Option<Leased>);

struct Leased {
    broker: RabbitMq,
    queue: Queue,
    /// Stays open until its last message is settled.
    _channel: Channel,
    delivery: lapin::message::Delivery,
    body: Vec<u8>,
}

impl Leased {
    async fn done(&self) -> Result<(), BrokerError> {
        match answer(self.delivery.ack(BasicAckOptions::default())).await? {
            true => Ok(()),
            // The channel is gone, and with it the right to settle.
            false => Err(unavailable(std::io::Error::from(
                std::io::ErrorKind::NotConnected,
            ))),
        }
    }

    async fn dead_letter(&self, reason: &str) -> Result<(), BrokerError> {
        let names = &self.broker.names;
        let letter = Publication {
            exchange: names.dead(),
            key: self.delivery.routing_key.clone(),
            properties: message::dead_letter_properties(&self.delivery, self.queue, names, reason),
            body: &self.body,
        };
        match publisher::send(&self.broker.publishing, &[letter]).await?[..] {
            [true] => Ok(()),
            _ => Err(refused("the dead letters do not take the message")),
        }
    }
}

#[async_trait]
impl Acker for Unacked {
    async fn ack(mut self: Box<Self>) -> Result<(), BrokerError> {
        if let Some(unacked) = &self.0 {
            unacked.done().await?;
        }
        self.0 = None;
        Ok(())
    }

    async fn dead_letter(mut self: Box<Self>, reason: &str) -> Result<(), BrokerError> {
        if let Some(unacked) = &self.0 {
            unacked.dead_letter(reason).await?;
            unacked.done().await?;
        }
        self.0 = None;
        Ok(())
    }
}

impl Drop for Unacked {
    fn drop(&mut self) {
        if let Some(unacked) = self.0.take() {
            later(async move {
                let _ = unacked.delivery.nack(AGAIN).await;
            });
        }
    }
}
