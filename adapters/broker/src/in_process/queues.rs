//! The queues: waiting messages, and the publishers that wait for their settlement.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use p2p_application::ports::{OutboxMessage, Queue};
use p2p_domain::EventId;
use tokio::sync::{Notify, oneshot};

/// Resolves when a queue has settled a message.
pub(super) type Settled = oneshot::Receiver<()>;

/// How many ids of messages are remembered that were settled after their publisher had gone, until they are published again.
const REMEMBERED: usize = 16_384;

#[derive(Default)]
pub(super) struct Queues {
    queues: Mutex<BTreeMap<Queue, QueueState>>,
    /// Signals a new message.
    came: Notify,
}

#[derive(Default)]
struct QueueState {
    consumers: usize,
    waiting: VecDeque<Arc<OutboxMessage>>,
    /// Waiting and unacknowledged messages, with the publishers that wait for them.
    open: HashMap<EventId, Vec<oneshot::Sender<()>>>,
    /// Settled without a waiting publisher.
    untold: VecDeque<EventId>,
}

impl Queues {
    /// Adds a consumer.
    pub(super) fn open(&self, queue: Queue) {
        self.locked().entry(queue).or_default().consumers += 1;
    }

    /// Removes a consumer.
    pub(super) fn close(&self, queue: Queue) {
        let mut queues = self.locked();
        let queue_state = queues.entry(queue).or_default();
        queue_state.consumers = queue_state.consumers.saturating_sub(1);
    }

    /// Adds a message, unless it waits or is unacknowledged already. `None` if the queue has no consumer.
    pub(super) fn add(&self, queue: Queue, message: &Arc<OutboxMessage>) -> Option<Settled> {
        let (notify, settled) = oneshot::channel();
        let mut queues = self.locked();
        let queue_state = queues
            .get_mut(&queue)
            .filter(|queue_state| queue_state.consumers > 0)?;
        if let Some(place) = queue_state.untold.iter().position(|id| *id == message.id) {
            queue_state.untold.remove(place);
            // Its receiver exists: it is returned below.
            let _ = notify.send(());
            return Some(settled);
        }
        if let Some(waiters) = queue_state.open.get_mut(&message.id) {
            waiters.retain(|one| !one.is_closed());
            waiters.push(notify);
        } else {
            queue_state.open.insert(message.id, vec![notify]);
            queue_state.waiting.push_back(Arc::clone(message));
            drop(queues);
            self.came.notify_waiters();
        }
        Some(settled)
    }

    /// The next message of the queue. Cancel safe: a message is taken only if it is returned.
    pub(super) async fn take(&self, queue: Queue) -> Arc<OutboxMessage> {
        loop {
            let mut coming = std::pin::pin!(self.came.notified());
            // From here on, no signal is missed.
            coming.as_mut().enable();
            let next = self.locked().entry(queue).or_default().waiting.pop_front();
            if let Some(message) = next {
                return message;
            }
            coming.await;
        }
    }

    /// Puts an unacknowledged message back, before the others.
    pub(super) fn give_back(&self, queue: Queue, message: Arc<OutboxMessage>) {
        let mut queues = self.locked();
        let waiting = &mut queues.entry(queue).or_default().waiting;
        // Ids grow with time, so several returned messages are in order again.
        let place = waiting.partition_point(|other| other.id < message.id);
        waiting.insert(place, message);
        drop(queues);
        self.came.notify_waiters();
    }

    /// Settles an unacknowledged message.
    pub(super) fn settle(&self, queue: Queue, message: EventId) {
        let mut queues = self.locked();
        let queue_state = queues.entry(queue).or_default();
        let waiters = queue_state.open.remove(&message).unwrap_or_default();
        let told = waiters.into_iter().filter_map(|one| one.send(()).ok());
        if told.count() == 0 {
            if queue_state.untold.len() == REMEMBERED {
                queue_state.untold.pop_front();
            }
            queue_state.untold.push_back(message);
        }
    }

    fn locked(&self) -> MutexGuard<'_, BTreeMap<Queue, QueueState>> {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
