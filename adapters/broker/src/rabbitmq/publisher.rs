//! Publishing: a window of messages goes out, none waiting for another, and each is confirmed by itself.

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

/// Every queue that a message is for has it on disk within this time, or the message is published again.
const CONFIRMED: Duration = Duration::from_secs(8);

/// A message, addressed.
pub(super) struct Publication<'a> {
    pub(super) exchange: ShortString,
    pub(super) key: ShortString,
    pub(super) properties: BasicProperties,
    pub(super) body: &'a [u8],
}

/// Publishes, in this order. Answers of each whether it has arrived; an error if none has because something went wrong.
pub(super) async fn send(
    link: &Link,
    letters: &[Publication<'_>],
) -> Result<Vec<bool>, BrokerError> {
    if letters.is_empty() {
        return Ok(Vec::new());
    }
    let linked = link.linked().await?;
    if linked.is_blocked() {
        return Err(blocked());
    }
    let channel = linked.publisher().await.inspect_err(|_| linked.retire())?;
    let deadline = Instant::now() + CONFIRMED;
    let mut posted = Vec::with_capacity(letters.len());
    for publication in letters {
        let mut one: Pin<Box<MaybeDone<_>>> = Box::pin(maybe_done(post(&channel, publication)));
        // Asked for the first time, it puts the message on the wire's queue. So they go out in order.
        let _ = futures::poll!(one.as_mut());
        posted.push(one);
    }

    let mut tally = ConfirmCounts::new(letters.len());
    for (index, one) in posted.iter_mut().enumerate() {
        // Also after the deadline: what has been confirmed meanwhile counts.
        if !one.is_terminated() && timeout_at(deadline, one.as_mut()).await.is_err() {
            tally.trouble = Some(TimedOut.into());
            continue;
        }
        if let Some(outcome) = one.as_mut().take_output() {
            tally.count(index, outcome);
        }
    }
    drop(posted);
    if linked.is_blocked() {
        // What it has not confirmed may still arrive; the channel is not used again.
    } else if tally.trouble.is_some() || !tally.returned.is_empty() {
        // The next one declares again what is missing.
        linked.retire();
    } else {
        linked.give_back(channel);
    }
    tally.result(letters)
}

/// Why nothing is sent while the broker takes nothing.
pub(super) fn blocked() -> BrokerError {
    BrokerError::Unavailable {
        source: "the broker takes nothing just now: its memory or disk is short".into(),
    }
}

/// Not an `async fn` with more in it: nothing may be awaited before the message is on its way.
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

/// What became of a window.
struct ConfirmCounts {
    arrived: Vec<bool>,
    /// The ids of messages that reach no queue.
    returned: HashSet<ShortString>,
    trouble: Option<BrokerError>,
}

impl ConfirmCounts {
    fn new(letters: usize) -> Self {
        Self {
            arrived: vec![false; letters],
            returned: HashSet::new(),
            trouble: None,
        }
    }

    fn count(&mut self, index: usize, outcome: lapin::Result<Confirmation>) {
        let confirmation = match outcome {
            Ok(confirmation) => confirmation,
            Err(error) => {
                self.trouble = Some(explain(error));
                return;
            }
        };
        if let (true, Some(arrived)) = (confirmation.is_ack(), self.arrived.get_mut(index)) {
            *arrived = true;
        }
        // The driver hands a returned message out with any confirmation that is at hand: its id says which it is.
        if let Some(returned) = confirmation.take_message() {
            let id = returned.delivery.properties.message_id().clone();
            self.returned.extend(id);
        }
    }

    fn result(mut self, letters: &[Publication<'_>]) -> Result<Vec<bool>, BrokerError> {
        for (arrived, publication) in self.arrived.iter_mut().zip(letters) {
            let id = publication.properties.message_id().as_ref();
            *arrived &= id.is_none_or(|id| !self.returned.contains(id));
        }
        if !self.returned.is_empty() {
            tracing::warn!(
                messages = self.returned.len(),
                "messages reach no queue; what was declared is missing, and is declared again"
            );
        }
        match self.trouble {
            Some(trouble) if !self.arrived.contains(&true) => Err(trouble),
            _ => Ok(self.arrived),
        }
    }
}
