//! Messages that came to nothing: kept until somebody sends them on their way again.

use std::time::Duration;

use p2p_application::ports::{DeadLetter, DeadLetters, Incoming, Outbox, OutboxMessage, Queue};
use p2p_domain::{EventId, TypedId};

use super::Backend;
use super::outbox::{drain, message, post};
use crate::harness::{START, Storage};

fn letter(message: &OutboxMessage, queue: Queue, reason: &str) -> DeadLetter {
    DeadLetter {
        message: Incoming {
            id: message.id.to_string(),
            name: message.name.clone().into_owned(),
            version: Some(message.version),
            body: message.body.clone().into_bytes(),
        },
        queue: queue.name().to_owned(),
        reason: reason.to_owned(),
    }
}

/// Buries a message so many seconds after the start.
async fn store_dead_letter<S: Storage>(
    store: &S,
    message: &OutboxMessage,
    queue: Queue,
    seconds: u64,
) {
    let at = START.after(Duration::from_secs(seconds));
    let reason = format!("after {seconds} seconds");
    store.store(message, queue, &reason, at).await.unwrap();
}

/// Once for each queue, with the first reason.
pub async fn a_dead_letter_is_kept_once<B: Backend>(backend: &B) {
    let store = backend.open().await;
    let (one, queue) = (message(1), Queue::Notifications);
    assert_eq!(store.list_dead_letters(10).await.unwrap(), []);
    store_dead_letter(&store, &one, queue, 1).await;
    store_dead_letter(&store, &one, queue, 2).await;
    store_dead_letter(&store, &one, Queue::PaymentCallbacks, 3).await;
    let expected = [
        letter(&one, queue, "after 1 seconds"),
        letter(&one, Queue::PaymentCallbacks, "after 3 seconds"),
    ];
    assert_eq!(store.list_dead_letters(10).await.unwrap(), expected);
    // They are on nobody's way.
    assert_eq!(store.claim(10).await.unwrap().messages(), []);
}

/// Whoever died first comes first, whatever its id; no more than asked for.
pub async fn dead_letters_come_in_the_order_in_which_they_died<B: Backend>(backend: &B) {
    let store = backend.open().await;
    let queue = Queue::Notifications;
    for (nth, seconds) in [(1, 30), (2, 10), (3, 20), (4, 10)] {
        store_dead_letter(&store, &message(nth), queue, seconds).await;
    }
    let listed = async |limit| {
        let letters = store.list_dead_letters(limit).await.unwrap();
        let versions = letters.iter().map(|letter| letter.message.version);
        versions.flatten().collect::<Vec<_>>()
    };
    assert_eq!(listed(10).await, [2, 4, 3, 1]);
    assert_eq!(listed(2).await, [2, 4]);
    assert_eq!(store.requeue(None, 3).await.unwrap(), 3);
    assert_eq!(listed(10).await, [1]);
    assert_eq!(store.requeue(None, 3).await.unwrap(), 1);
    assert_eq!(store.requeue(None, 3).await.unwrap(), 0);
    assert_eq!(drain(&store).await.len(), 4);
}

/// Back in the outbox as it was, for the queue where it died and no other.
pub async fn a_revived_message_is_for_its_queue_only<B: Backend>(backend: &B) {
    let store = backend.open().await;
    let [one, two, three] = [1, 2, 3].map(message);
    for message in [&one, &two, &three] {
        store_dead_letter(&store, message, Queue::PaymentCallbacks, 1).await;
    }
    let nobody = EventId::from_u128(u128::MAX);
    assert_eq!(store.requeue(Some(nobody), 10).await.unwrap(), 0);
    assert_eq!(store.requeue(Some(two.id), 10).await.unwrap(), 1);
    let revived = OutboxMessage {
        only: Some(Queue::PaymentCallbacks),
        ..two.clone()
    };
    assert_eq!(drain(&store).await, [revived]);
    let left =
        [&one, &three].map(|message| letter(message, Queue::PaymentCallbacks, "after 1 seconds"));
    assert_eq!(store.list_dead_letters(10).await.unwrap(), left);
    // Dead again, it is kept again.
    store_dead_letter(&store, &two, Queue::PaymentCallbacks, 9).await;
    assert_eq!(store.list_dead_letters(10).await.unwrap().len(), 3);
}

/// The outbox has a message once: where it died at two queues, it goes back to one after the other.
pub async fn a_message_on_its_way_is_not_revived<B: Backend>(backend: &B) {
    let store = backend.open().await;
    let one = message(1);
    post(&store, vec![one.clone()]).await.unwrap();
    store_dead_letter(&store, &one, Queue::Notifications, 1).await;
    store_dead_letter(&store, &one, Queue::PaymentCallbacks, 2).await;
    assert_eq!(store.requeue(Some(one.id), 10).await.unwrap(), 0);
    assert_eq!(store.requeue(None, 10).await.unwrap(), 0);
    assert_eq!(drain(&store).await, std::slice::from_ref(&one));
    for queue in [Queue::Notifications, Queue::PaymentCallbacks] {
        assert_eq!(store.requeue(None, 10).await.unwrap(), 1);
        let only = Some(queue);
        let revived = OutboxMessage {
            only,
            ..one.clone()
        };
        assert_eq!(drain(&store).await, [revived]);
    }
    assert_eq!(store.list_dead_letters(10).await.unwrap(), []);
}

/// More than are moved in one go.
pub async fn many_dead_letters_are_revived<B: Backend>(backend: &B) {
    const MANY: u32 = 600;
    let store = backend.open().await;
    for nth in 0..MANY {
        let message = message(u64::from(nth) + 1);
        store_dead_letter(&store, &message, Queue::Notifications, 1).await;
    }
    assert_eq!(store.requeue(None, MANY - 1).await.unwrap(), MANY - 1);
    assert_eq!(store.list_dead_letters(MANY).await.unwrap().len(), 1);
    assert_eq!(store.backlog().await.unwrap().depth, u64::from(MANY - 1));
    assert_eq!(store.requeue(None, u32::MAX).await.unwrap(), 1);
}
