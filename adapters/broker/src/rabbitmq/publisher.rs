//! Publishing: a window of messages is sent without waiting in between, and each is confirmed by itself.

use std::collections::HashSet;
use std::pin::Pin;
use std::time::Duration;

use futures::future::{FusedFuture, MaybeDone, maybe_done};
use lapin::options::BasicPublishOptions;
use lapin::types::ShortString;
use lapin::{BasicProperties, Channel, Confirmation};
use p2p_application::ports::BrokerError;
use tokio::time::{Instant, timeout_at};

use super::connection::Link;
use super::error::{TimedOut, explain};

/// The time-out of confirms; an unconfirmed message is published again.
const CONFIRM_TIMEOUT: Duration = Duration::from_secs(8);

/// A message with exchange and routing key.
pub(super) struct Publication<'a> {
    pub(super) exchange: ShortString,
    pub(super) key: ShortString,
    pub(super) properties: BasicProperties,
    pub(super) body: &'a [u8],
}

/// Publishes in this order. Returns for each message whether it has arrived, or an error if none has because of a failure.
pub(super) async fn send(
    link: &Link,
    publications: &[Publication<'_>],
) -> Result<Vec<bool>, BrokerError> {
    if publications.is_empty() {
        return Ok(Vec::new());
    }
    let linked = link.linked().await?;
    if linked.is_blocked() {
        return Err(blocked());
    }
    let channel = linked.publisher().await.inspect_err(|_| linked.retire())?;
    let deadline = Instant::now() + CONFIRM_TIMEOUT;
    let mut posted = Vec::with_capacity(publications.len());
    for publication in publications {
        let mut one: Pin<Box<MaybeDone<_>>> = Box::pin(maybe_done(post(&channel, publication)));
        // The first poll enqueues the message, so messages are sent in order.
        let _ = futures::poll!(one.as_mut());
        posted.push(one);
    }

    let mut confirms = ConfirmCounts::new(publications.len());
    for (index, one) in posted.iter_mut().enumerate() {
        // Confirms that have arrived count even after the deadline.
        if !one.is_terminated() && timeout_at(deadline, one.as_mut()).await.is_err() {
            confirms.error = Some(TimedOut.into());
            continue;
        }
        if let Some(outcome) = one.as_mut().take_output() {
            confirms.count(index, outcome);
        }
    }
    drop(posted);
    if linked.is_blocked() {
        // Unconfirmed messages may still arrive, so the channel is not reused.
    } else if confirms.error.is_some() || !confirms.returned.is_empty() {
        // The next connection declares missing objects again.
        linked.retire();
    } else {
        linked.give_back(channel);
    }
    confirms.result(publications)
}

/// The error while the broker blocks publishing.
pub(super) fn blocked() -> BrokerError {
    BrokerError::Unavailable {
        source: "the broker blocks publishing: its memory or disk is short".into(),
    }
}

/// Awaits nothing before the message is enqueued.
async fn post(channel: &Channel, publication: &Publication<'_>) -> lapin::Result<Confirmation> {
    let options = BasicPublishOptions {
        mandatory: true,
        immediate: false,
    };
    let sent = channel.basic_publish(
        publication.exchange.clone(),
        publication.key.clone(),
        options,
        publication.body,
        publication.properties.clone(),
    );
    sent.await?.await
}

/// The confirms of a window.
struct ConfirmCounts {
    arrived: Vec<bool>,
    /// The ids of unroutable messages.
    returned: HashSet<ShortString>,
    error: Option<BrokerError>,
}

impl ConfirmCounts {
    fn new(publications: usize) -> Self {
        Self {
            arrived: vec![false; publications],
            returned: HashSet::new(),
            error: None,
        }
    }

    fn count(&mut self, index: usize, outcome: lapin::Result<Confirmation>) {
        let confirmation = match outcome {
            Ok(confirmation) => confirmation,
            Err(error) => {
                self.error = Some(explain(error));
                return;
            }
        };
        if let (true, Some(arrived)) = (confirmation.is_ack(), self.arrived.get_mut(index)) {
            *arrived = true;
        }
        // The driver attaches a returned message to any confirm; its id identifies it.
        if let Some(returned) = confirmation.take_message() {
            let id = returned.delivery.properties.message_id().clone();
            self.returned.extend(id);
        }
    }

    fn result(mut self, publications: &[Publication<'_>]) -> Result<Vec<bool>, BrokerError> {
        for (arrived, publication) in self.arrived.iter_mut().zip(publications) {
            let id = publication.properties.message_id().as_ref();
            *arrived &= id.is_none_or(|id| !self.returned.contains(id));
        }
        if !self.returned.is_empty() {
            tracing::warn!(
                messages = self.returned.len(),
                "messages reach no queue: parts of the topology are missing, and are declared again"
            );
        }
        match self.error {
            Some(error) if !self.arrived.contains(&true) => Err(error),
            _ => Ok(self.arrived),
        }
    }
}
