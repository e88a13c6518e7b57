//! The way out: each message in one hand at a time, none lost, whatever becomes of the hands.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use p2p_application::ports::{
    Backlog, ChangeSet, Lease, Outbox, OutboxMessage, Queue, StorageError, Store,
};
use p2p_application::user::UserQueries;
use p2p_domain::event::AggregateRef;
use p2p_domain::{Asset, EventId, TypedId};
use tokio::sync::Barrier;
use tokio::time::timeout;

use super::Backend;
use super::rows::commit;
use crate::harness::{Harness, START};

/// Longer than anything takes that need not wait for somebody.
const PROMPT: Duration = Duration::from_secs(20);

/// Made in the millisecond `nth`.
pub(super) fn message(nth: u64) -> OutboxMessage {
    OutboxMessage {
        id: EventId::from_u128((u128::from(nth) << 80) | (7 << 76) | (2 << 62)),
        name: "ExchangeOfferCreated".into(),
        aggregate: AggregateRef::Offer(TypedId::from_u128(u128::from(nth))),
        version: nth,
        body: format!("{{\"event\": \"ExchangeOfferCreated\", \"data\": {{\"nth\": {nth}}}}}"),
        at: START,
        only: None,
    }
}

fn messages(nths: impl IntoIterator<Item = u64>) -> Vec<OutboxMessage> {
    nths.into_iter().map(message).collect()
}

pub(super) async fn post<S: Store>(
    store: &S,
    outbox: Vec<OutboxMessage>,
) -> Result<(), StorageError> {
    let changes = ChangeSet {
        outbox,
        ..ChangeSet::default()
    };
    commit(store, &changes).await
}

fn ids(messages: &[OutboxMessage]) -> Vec<EventId> {
    messages.iter().map(|message| message.id).collect()
}

async fn deliver(lease: Box<dyn Lease>) {
    let arrived = ids(lease.messages());
    lease.ack(&arrived).await.unwrap();
}

/// Takes until nothing is left, and delivers it all.
pub(super) async fn drain<S: Outbox>(store: &S) -> Vec<OutboxMessage> {
    let mut all = Vec::new();
    loop {
        let lease = store.claim(7).await.unwrap();
        if lease.messages().is_empty() {
            return all;
        }
        all.extend(lease.messages().to_vec());
        deliver(lease).await;
    }
}

/// Oldest first, no more than asked for, each as it was committed.
pub async fn messages_come_oldest_first_and_as_they_were<B: Backend>(backend: &B) {
    let store = backend.open().await;
    let mut expected = messages([1, 2, 3, 4, 5]);
    expected[1].aggregate = AggregateRef::Dispute(TypedId::from_u128(u128::MAX));
    expected[2].aggregate = AggregateRef::Exchanger(TypedId::from_u128(1));
    expected[2].only = Some(Queue::Notifications);
    expected[3].only = Some(Queue::PaymentCallbacks);
    expected[3].version = u64::try_from(i64::MAX).unwrap();
    expected[4].body = "ёлка 漢字 🦀 \" ' \\".to_owned();
    let [a, b, c, d, e] = [0, 1, 2, 3, 4].map(|index: usize| expected[index].clone());
    post(&store, vec![d, a]).await.unwrap();
    post(&store, vec![c, e, b]).await.unwrap();
    let first = store.claim(3).await.unwrap();
    assert_eq!(first.messages(), &expected[..3]);
    let rest = store.claim(100).await.unwrap();
    assert_eq!(rest.messages(), &expected[3..]);
    deliver(first).await;
    deliver(rest).await;
    assert_eq!(store.claim(100).await.unwrap().messages(), []);
}

/// What somebody has in hand nobody else gets, on whichever replica.
pub async fn a_message_is_in_one_hand<B: Backend>(backend: &B) {
    let store = backend.open().await;
    let other = backend.beside(&store).await;
    post(&store, messages(1..=9)).await.unwrap();
    let mine = store.claim(4).await.unwrap();
    let others = other.claim(4).await.unwrap();
    let rest = other.clone().claim(4).await.unwrap();
    assert_eq!(mine.messages(), messages(1..=4));
    assert_eq!(others.messages(), messages(5..=8));
    assert_eq!(rest.messages(), messages([9]));
    assert_eq!(store.claim(4).await.unwrap().messages(), []);
    assert_eq!(store.backlog().await.unwrap().depth, 9);
}

/// Whoever comes to nothing with a parcel leaves it as it was.
pub async fn a_dropped_parcel_comes_back<B: Backend>(backend: &B) {
    let store = backend.open().await;
    let other = backend.beside(&store).await;
    post(&store, messages(1..=6)).await.unwrap();
    for _ in 0..10 {
        let dropped = store.claim(4).await.unwrap();
        let kept = store.claim(4).await.unwrap();
        assert_eq!(dropped.messages(), messages(1..=4));
        assert_eq!(kept.messages(), messages([5, 6]));
        drop(dropped);
        // It comes back at once, or with the next word that its connection says; who looks in that very moment may find a
        // part of it.
        let again = timeout(PROMPT, async {
            loop {
                let again = other.claim(4).await.unwrap();
                if again.messages().len() == 4 {
                    return again;
                }
                tokio::task::yield_now().await;
            }
        });
        assert_eq!(again.await.unwrap().messages(), messages(1..=4));
        drop(kept);
        timeout(PROMPT, async {
            loop {
                let all = store.claim(9).await.unwrap();
                if all.messages().len() == 6 {
                    // In so many words it is back when this is answered.
                    return all.ack(&[]).await.unwrap();
                }
                tokio::task::yield_now().await;
            }
        })
        .await
        .unwrap();
    }
}

/// What has arrived is gone for good; the rest of the parcel comes again, in its place.
pub async fn what_has_arrived_is_gone_and_the_rest_comes_back<B: Backend>(backend: &B) {
    let store = backend.open().await;
    let other = backend.beside(&store).await;
    post(&store, messages(1..=6)).await.unwrap();
    let lease = store.claim(4).await.unwrap();
    let arrived = ids(&messages([1, 3]));
    lease.ack(&arrived).await.unwrap();
    assert_eq!(store.backlog().await.unwrap().depth, 4);
    let rest = other.claim(10).await.unwrap();
    assert_eq!(rest.messages(), messages([2, 4, 5, 6]));
    rest.ack(&[]).await.unwrap();
    let rest = store.claim(10).await.unwrap();
    assert_eq!(rest.messages(), messages([2, 4, 5, 6]));
    // What was not in the parcel is not removed with it.
    let stranger = message(77);
    post(&store, vec![stranger.clone()]).await.unwrap();
    rest.ack(&ids(&messages([2, 4, 5, 6, 77]))).await.unwrap();
    assert_eq!(store.claim(10).await.unwrap().messages(), [stranger]);
}

/// Messages that are committed while others are in hand are there for the next look, whatever their ids.
pub async fn what_is_committed_meanwhile_is_seen<B: Backend>(backend: &B) {
    let store = backend.open().await;
    let other = backend.beside(&store).await;
    post(&store, messages([100, 102])).await.unwrap();
    let first = store.claim(10).await.unwrap();
    post(&other, messages([101, 103])).await.unwrap();
    let second = store.claim(10).await.unwrap();
    assert_eq!(second.messages(), messages([101, 103]));
    post(&other, messages([99])).await.unwrap();
    let third = other.claim(10).await.unwrap();
    assert_eq!(third.messages(), messages([99]));
    for lease in [first, second, third] {
        deliver(lease).await;
    }
    assert_eq!(store.claim(10).await.unwrap().messages(), []);
}

/// Several replicas that relay while messages come in: each message once, and each taker's own in order of their ids.
pub async fn many_takers_share_nothing_and_lose_nothing<B: Backend>(backend: &B) {
    const MESSAGES: u64 = 400;
    let store = backend.open().await;
    let other = backend.beside(&store).await;
    let start = Arc::new(Barrier::new(5));
    let mut takers = Vec::new();
    for taker in [store.clone(), store.clone(), other.clone(), other.clone()] {
        let start = Arc::clone(&start);
        takers.push(tokio::spawn(async move {
            start.wait().await;
            let mut delivered = Vec::new();
            for turn in 0_usize.. {
                let lease = taker.claim(16).await.unwrap();
                let found = lease.messages().to_vec();
                if found.iter().any(|message| message.version == MESSAGES) {
                    delivered.extend(found);
                    deliver(lease).await;
                    return delivered;
                }
                assert!(found.is_sorted_by_key(|message| message.id), "{found:?}");
                if turn % 5 == 4 {
                    // This one comes to nothing.
                    drop(lease);
                } else if turn % 5 == 3 && found.len() > 1 {
                    lease.ack(&[found[0].id]).await.unwrap();
                    delivered.push(found[0].clone());
                } else {
                    delivered.extend(found);
                    deliver(lease).await;
                }
                if delivered.len() > usize::try_from(MESSAGES / 8).unwrap() {
                    return delivered;
                }
                tokio::task::yield_now().await;
            }
            delivered
        }));
    }
    start.wait().await;
    for batch in 0..MESSAGES / 10 {
        let batch = messages(batch * 10 + 1..=batch * 10 + 10);
        post(&store, batch).await.unwrap();
    }
    let mut delivered = Vec::new();
    for taker in takers {
        delivered.extend(timeout(PROMPT * 3, taker).await.unwrap().unwrap());
    }
    // What the takers left in good order, and what they dropped.
    timeout(PROMPT, async {
        while store.backlog().await.unwrap().depth > 0 {
            delivered.extend(drain(&store).await);
        }
    })
    .await
    .unwrap();
    let once: BTreeSet<EventId> = ids(&delivered).into_iter().collect();
    assert_eq!(delivered.len(), once.len(), "a message was in two hands");
    assert_eq!(once, ids(&messages(1..=MESSAGES)).into_iter().collect());
}

/// However long publishing takes, nobody who writes or reads waits for it.
pub async fn parcels_in_hand_hold_nobody_up<B: Backend>(backend: &B) {
    let harness = Harness::open(backend.open().await).await;
    post(&harness.store, messages(1..=4)).await.unwrap();
    let parcels = [
        harness.store.claim(2).await.unwrap(),
        harness.store.claim(2).await.unwrap(),
    ];
    timeout(PROMPT, async {
        for turn in 0..10 {
            let anna = harness.customer(&format!("anna{turn}")).await;
            harness.deposit(anna, "1", Asset::Usdt).await;
            assert!(harness.store.find_user(anna.user).await.unwrap().is_some());
            assert_eq!(harness.store.backlog().await.unwrap().depth, 4);
        }
    })
    .await
    .expect("nobody waits for parcels");
    for lease in parcels {
        deliver(lease).await;
    }
    harness.close().await;
}

/// How many there are, in hand or not, and since when.
pub async fn the_backlog_is_counted<B: Backend>(backend: &B) {
    let store = backend.open().await;
    assert_eq!(store.backlog().await.unwrap(), Backlog::default());
    let (mut older, newer) = (message(1), message(2));
    older.at = START.before(Duration::from_secs(9));
    post(&store, vec![newer, older.clone()]).await.unwrap();
    let both = Backlog {
        depth: 2,
        oldest: Some(older.at),
    };
    assert_eq!(store.backlog().await.unwrap(), both);
    let lease = store.claim(1).await.unwrap();
    assert_eq!(store.backlog().await.unwrap(), both);
    deliver(lease).await;
    let one = Backlog {
        depth: 1,
        oldest: Some(START),
    };
    assert_eq!(store.backlog().await.unwrap(), one);
    drain(&store).await;
    assert_eq!(store.backlog().await.unwrap(), Backlog::default());
}
