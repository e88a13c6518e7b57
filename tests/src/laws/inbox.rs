//! The way in: a message takes effect once for each of its consumers, in one commit with its effect.

use std::sync::Arc;
use std::time::Duration;

use p2p_application::ports::{ChangeSet, InboxKey, InboxMark, Maintenance, StorageError, Store};
use p2p_domain::user::User;
use p2p_domain::{Timestamp, UserId};
use tokio::sync::Barrier;

use super::Backend;
use super::rows::{assert_conflict, commit, new, stranger};
use crate::harness::{Harness, START, Storage};

fn key(consumer: &'static str, message: &str) -> InboxKey {
    InboxKey {
        consumer,
        message: message.to_owned(),
    }
}

/// A message that has the effect that somebody is registered.
fn effect(key: InboxKey, at: Timestamp, user: &User) -> ChangeSet {
    ChangeSet {
        inbox: vec![InboxMark { key, at }],
        users: vec![new(user.clone())],
        ..ChangeSet::default()
    }
}

async fn is_there<S: Storage>(store: &S, user: UserId) -> bool {
    store.find_user(user).await.unwrap().is_some()
}

async fn processed<S: Storage>(store: &S, keys: &[InboxKey]) -> Vec<InboxKey> {
    let mut unit = store.begin().await.unwrap();
    let mut taken = unit.processed(keys).await.unwrap();
    unit.rollback().await.unwrap();
    taken.sort_unstable();
    taken
}

/// A second time it is a conflict, and has no effect.
pub async fn a_message_is_taken_in_once<B: Backend>(backend: &B) {
    let harness = Harness::open(backend.open().await).await;
    let store = &harness.store;
    let (first, second) = (stranger(&harness, "first"), stranger(&harness, "second"));
    let one = key("orders", "message 1");
    commit(store, &effect(one.clone(), START, &first))
        .await
        .unwrap();
    let again = effect(one.clone(), START, &second);
    assert_conflict("in a unit", &commit(store, &again).await);
    assert_conflict("at once", &store.commit(&again).await);
    assert!(is_there(store, first.id).await);
    assert!(!is_there(store, second.id).await);

    // Twice in one commit is once too often.
    let two = key("orders", "message 2");
    let mut twice = effect(two.clone(), START, &second);
    twice.inbox.push(InboxMark {
        key: two.clone(),
        at: START,
    });
    assert_conflict("twice in one", &commit(store, &twice).await);
    assert_eq!(processed(store, &[one.clone(), two]).await, [one]);
    harness.close().await;
}

/// Replicas that are given the same message at the same moment: one effect.
pub async fn replicas_take_one_message_in_once<B: Backend>(backend: &B) {
    const REPLICAS: usize = 5;
    let harness = Harness::open(backend.open().await).await;
    for round in 0..5 {
        let one = key("orders", &format!("round {round}"));
        let start = Arc::new(Barrier::new(REPLICAS));
        let mut replicas = Vec::new();
        for _ in 0..REPLICAS {
            let store = backend.beside(&harness.store).await;
            let user = stranger(&harness, "somebody");
            let (start, one) = (Arc::clone(&start), one.clone());
            replicas.push(tokio::spawn(async move {
                start.wait().await;
                let mut unit = store.begin().await.unwrap();
                if !unit
                    .processed(std::slice::from_ref(&one))
                    .await
                    .unwrap()
                    .is_empty()
                {
                    unit.rollback().await.unwrap();
                    return (user.id, None);
                }
                let committed = unit.commit(&effect(one, START, &user)).await;
                (user.id, Some(committed))
            }));
        }
        let mut effects = 0;
        for replica in replicas {
            let (user, outcome) = replica.await.unwrap();
            let took_effect = match outcome {
                Some(Ok(())) => true,
                None | Some(Err(StorageError::Conflict { .. })) => false,
                Some(Err(other)) => panic!("{other:?}"),
            };
            assert_eq!(is_there(&harness.store, user).await, took_effect);
            effects += usize::from(took_effect);
        }
        assert_eq!(effects, 1);
    }
    harness.close().await;
}

/// What one consumer has taken in is still to come for another; odd names are told apart.
pub async fn each_consumer_takes_a_message_in<B: Backend>(backend: &B) {
    let harness = Harness::open(backend.open().await).await;
    let store = &harness.store;
    let mut keys = vec![
        key("notifications", "bank/7"),
        key("notifications", "Bank/7"),
        key("notifications", "bank/7 "),
        key("notifications", ""),
        key("orders", "bank/7"),
        key("orders", "ёлка 🦀"),
    ];
    keys.sort_unstable();
    assert_eq!(processed(store, &keys).await, []);
    for (count, one) in keys.iter().enumerate() {
        let mark = InboxMark {
            key: one.clone(),
            at: START,
        };
        let changes = ChangeSet {
            inbox: vec![mark],
            ..ChangeSet::default()
        };
        commit(store, &changes).await.unwrap();
        assert_eq!(processed(store, &keys).await, keys[..=count]);
    }
    let mut others = vec![
        key("nobody", "bank/7"),
        key("orders", "a\0b"),
        key("orders", "bank/8"),
    ];
    assert_eq!(processed(store, &others).await, []);
    others.extend(keys.clone());
    others.sort_unstable();
    assert_eq!(processed(store, &others).await, keys);
    harness.close().await;
}

/// As many as a full batch may bring.
pub async fn a_full_batch_is_taken_in<B: Backend>(backend: &B) {
    const MANY: usize = 1_000;
    let store = backend.open().await;
    let keys: Vec<InboxKey> = (0..MANY)
        .map(|nth| key("notifications", &format!("event_{nth:026}")))
        .collect();
    let changes = ChangeSet {
        inbox: keys
            .iter()
            .map(|key| InboxMark {
                key: key.clone(),
                at: START,
            })
            .collect(),
        ..ChangeSet::default()
    };
    commit(&store, &changes).await.unwrap();
    assert_eq!(processed(&store, &keys).await, keys);
}

/// Those before the time, the oldest first and some at a time; a message that is forgotten may come again.
pub async fn old_messages_are_forgotten<B: Backend>(backend: &B) {
    let store = backend.open().await;
    let tick = Duration::from_micros(1);
    let mut keys = Vec::new();
    // Not in the order of their names.
    for (name, age) in [("c", 5), ("a", 4), ("e", 3), ("b", 2), ("d", 1)] {
        let one = key("orders", name);
        let at = START.before(tick * age);
        let changes = ChangeSet {
            inbox: vec![InboxMark {
                key: one.clone(),
                at,
            }],
            ..ChangeSet::default()
        };
        commit(&store, &changes).await.unwrap();
        keys.push(one);
    }
    let sorted = {
        let mut sorted = keys.clone();
        sorted.sort_unstable();
        sorted
    };
    let left = async || processed(&store, &sorted).await;
    let names = |names: &[&str]| {
        names
            .iter()
            .map(|name| key("orders", name))
            .collect::<Vec<_>>()
    };
    let before = START.before(tick * 2);
    assert_eq!(
        store
            .forget_inbox("orders", START.before(tick * 9), 10)
            .await
            .unwrap(),
        0
    );
    assert_eq!(store.forget_inbox("orders", before, 2).await.unwrap(), 2);
    assert_eq!(left().await, names(&["b", "d", "e"]));
    assert_eq!(store.forget_inbox("orders", before, 2).await.unwrap(), 1);
    assert_eq!(store.forget_inbox("orders", before, 2).await.unwrap(), 0);
    assert_eq!(left().await, names(&["b", "d"]));
}
