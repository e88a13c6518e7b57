//! The queues: what waits in each, and who wants to know what becomes of it.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use p2p_application::ports::{OutboxMessage, Queue};
use p2p_domain::EventId;
use tokio::sync::{Notify, oneshot};

/// Tells when a queue has settled a message.
pub(super) type Settled = oneshot::Receiver<()>;

/// Ids of messages that were settled when their publisher had gone; so many are remembered until it comes again.
const REMEMBERED: usize = 16_384;

#[derive(Default)]
pub(super) struct Queues {
    queues: Mutex<BTreeMap<Queue, QueueState>>,
    /// Something has come to one of them.
    came: Notify,
}

#[derive(Default)]
struct QueueState {
    consumers: usize,
    waiting: VecDeque<Arc<OutboxMessage>>,
    /// Messages that wait or are in hand, and who asks about them.
    open: HashMap<EventId, Vec<oneshot::Sender<()>>>,
    /// Settled, and nobody was there to be told.
    untold: VecDeque<EventId>,
}

impl Queues {
    /// One more consumes the queue.
    pub(super) fn open(&self, queue: Queue) {
        self.locked().entry(queue).or_default().consumers += 1;
    }

    /// One fewer.
    pub(super) fn close(&self, queue: Queue) {
        let mut queues = self.locked();
        let queue_state = queues.entry(queue).or_default();
        queue_state.consumers = queue_state.consumers.saturating_sub(1);
    }

    /// Adds a message, unless it waits or is in hand already. `None` if nobody consumes the queue.
    pub(super) fn add(&self, queue: Queue, message: &Arc<OutboxMessage>) -> Option<Settled> {
        let (tell, settled) = oneshot::channel();
        let mut queues = self.locked();
        let queue_state = queues
            .get_mut(&queue)
            .filter(|queue_state| queue_state.consumers > 0)?;
        if let Some(place) = queue_state.untold.iter().position(|id| *id == message.id) {
            queue_state.untold.remove(place);
            // Its receiver is there: it is below.
            let _ = tell.send(());
            return Some(settled);
        }
        if let Some(curious) = queue_state.open.get_mut(&message.id) {
            curious.retain(|one| !one.is_closed());
            curious.push(tell);
        } else {
            queue_state.open.insert(message.id, vec![tell]);
            queue_state.waiting.push_back(Arc::clone(message));
            drop(queues);
            self.came.notify_waiters();
        }
        Some(settled)
    }

    /// The next message of the queue. Cancel safe: it is taken with the answer or not at all.
    pub(super) async fn take(&self, queue: Queue) -> Arc<OutboxMessage> {
        loop {
            let mut coming = std::pin::pin!(self.came.notified());
            // From here on, nothing that comes is missed.
            coming.as_mut().enable();
            let next = self.locked().entry(queue).or_default().waiting.pop_front();
            if let Some(message) = next {
                return message;
            }
            coming.await;
        }
    }

    /// A message that was in hand waits again, before the others.
    pub(super) fn give_back(&self, queue: Queue, message: Arc<OutboxMessage>) {
        let mut queues = self.locked();
        let waiting = &mut queues.entry(queue).or_default().waiting;
        // Ids grow with time: several that come back are in order again.
        let place = waiting.partition_point(|other| other.id < message.id);
        waiting.insert(place, message);
        drop(queues);
        self.came.notify_waiters();
    }

    /// A message in hand has been settled.
    pub(super) fn settle(&self, queue: Queue, message: EventId) {
        let mut queues = self.locked();
        let queue_state = queues.entry(queue).or_default();
        let curious = queue_state.open.remove(&message).unwrap_or_default();
        let told = curious.into_iter().filter_map(|one| one.send(()).ok());
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
