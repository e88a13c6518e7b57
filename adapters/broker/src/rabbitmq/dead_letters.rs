//! Dead letters: listed without being removed, and sent back to the queues that they came from.
//!
//! A second listing at the same time sees fewer, since a message has one consumer at a time. A quorum queue puts returned messages
//! behind those returned before; to keep their order, all are taken and all go back.

use lapin::Channel;
use lapin::message::{BasicGetMessage, Delivery};
use lapin::options::{BasicAckOptions, BasicGetOptions, BasicNackOptions};
use lapin::types::ShortString;
use p2p_application::ports::{BrokerError, DeadLetter, Queue};

use super::error::answer;
use super::publisher::Publication;
use super::{RabbitMq, message, publisher};

/// The most that are taken at a time. With more than that, listing changes which are the oldest.
const MAX_LISTED: u32 = 10_000;

pub(super) async fn list(broker: &RabbitMq, limit: u32) -> Result<Vec<DeadLetter>, BrokerError> {
    let mut hand = LeasedLetter::open(broker).await?;
    let mut letters = Vec::new();
    for number in 0..MAX_LISTED {
        let Some(mut letter) = hand.take().await? else {
            break;
        };
        if number < limit {
            letters.push(message::dead_letter(&mut letter, &broker.names));
        }
        hand.keep(&letter);
    }
    hand.close().await?;
    Ok(letters)
}

pub(super) async fn replay(
    broker: &RabbitMq,
    id: Option<&str>,
    limit: u32,
) -> Result<u32, BrokerError> {
    let mut hand = LeasedLetter::open(broker).await?;
    let mut replayed = 0;
    while id.is_some() || replayed < limit {
        let Some(mut letter) = hand.take().await? else {
            break;
        };
        let body = std::mem::take(&mut letter.data);
        let meant = id.is_none_or(|id| is(&letter, id));
        if meant && send_back(broker, &mut letter, &body).await? {
            answer(letter.ack(BasicAckOptions::default())).await?;
            replayed += 1;
        } else {
            hand.keep(&letter);
        }
    }
    hand.close().await?;
    Ok(replayed)
}

fn is(letter: &Delivery, id: &str) -> bool {
    let own = letter.properties.message_id().as_ref();
    own.is_some_and(|own| own.as_str() == id)
}

/// Sends a message back; returns whether its queue has confirmed it.
async fn send_back(
    broker: &RabbitMq,
    letter: &mut Delivery,
    body: &[u8],
) -> Result<bool, BrokerError> {
    let queue = message::dead_letter(letter, &broker.names).queue;
    let Some(queue) = Queue::named(&queue) else {
        tracing::warn!(
            queue,
            "a dead letter is of no queue of ours; it stays where it is"
        );
        return Ok(false);
    };
    let again = Publication {
        exchange: ShortString::default(),
        key: broker.names.queue(queue),
        properties: message::requeued(letter),
        body,
    };
    let arrived = publisher::send(&broker.publishing, &[again]).await?;
    Ok(arrived.contains(&true))
}

/// Leased dead letters, which return to their queue when the lease is closed or dropped.
struct LeasedLetter {
    channel: Channel,
    queue: ShortString,
    /// How many of the initial messages remain, so that a message that fails again is not replayed for ever.
    left: Option<u32>,
    /// The last message that has to go back.
    kept: Option<u64>,
}

impl LeasedLetter {
    async fn open(broker: &RabbitMq) -> Result<Self, BrokerError> {
        let linked = broker.publishing.linked().await?;
        let channel = linked.channel().await;
        Ok(Self {
            channel: channel.inspect_err(|_| linked.retire())?,
            queue: broker.names.dead_letters(),
            left: None,
            kept: None,
        })
    }

    async fn take(&mut self) -> Result<Option<Delivery>, BrokerError> {
        if self.left == Some(0) {
            return Ok(None);
        }
        let get = BasicGetOptions { no_ack: false };
        let taken = answer(self.channel.basic_get(self.queue.clone(), get)).await?;
        Ok(taken.map(
            |BasicGetMessage {
                 delivery,
                 message_count,
             }| {
                self.left = Some(self.left.map_or(message_count, |left| left - 1));
                delivery
            },
        ))
    }

    fn keep(&mut self, letter: &Delivery) {
        self.kept = Some(letter.delivery_tag);
    }

    /// Returns the messages in order, which closing the channel would not.
    async fn close(self) -> Result<(), BrokerError> {
        if let Some(last) = self.kept {
            let all = BasicNackOptions {
                multiple: true,
                requeue: true,
            };
            answer(self.channel.basic_nack(last, all)).await?;
        }
        answer(self.channel.close(200, "".into())).await
    }
}
