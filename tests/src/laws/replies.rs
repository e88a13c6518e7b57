//! Requests that may be sent again: answered once, in the commit of the effect, and remembered for a while.

use std::sync::Arc;
use std::time::Duration;

use p2p_application::ports::{
    ChangeSet, IdempotencyKey, IdempotencyRecord, Maintenance, Reply, SnapshotQuery, StorageError,
    Store,
};
use p2p_application::user::UserQueries;
use p2p_domain::Timestamp;
use tokio::sync::Barrier;

use super::Backend;
use super::rows::{assert_conflict, commit, new, stranger};
use crate::harness::{Harness, START, Storage};

/// Somebody's key for an operation.
pub(super) fn key(name: &str) -> IdempotencyKey {
    IdempotencyKey {
        caller: 7,
        operation: "POST /api/orders".to_owned(),
        key: name.to_owned(),
    }
}

fn record(key: IdempotencyKey, at: Timestamp) -> IdempotencyRecord {
    IdempotencyRecord {
        key,
        fingerprint: u128::MAX,
        reply: Reply {
            tag: 201,
            // No text: storage takes bytes as they are.
            body: b"\0\xff{\"\xf0\x9f\xa6\x80\"}".to_vec(),
        },
        at,
    }
}

fn answer(record: IdempotencyRecord) -> ChangeSet {
    ChangeSet {
        replies: vec![record],
        ..ChangeSet::default()
    }
}

async fn known<S: Storage>(store: &S, keys: &[IdempotencyKey]) -> Vec<IdempotencyRecord> {
    let mut unit = store.begin().await.unwrap();
    let mut known = unit.replies(keys).await.unwrap();
    unit.rollback().await.unwrap();
    known.sort_unstable_by(|one, other| one.key.cmp(&other.key));
    let snapshot_query = SnapshotQuery {
        replies: keys.to_vec(),
        ..SnapshotQuery::default()
    };
    if let Some(mut seen) = store.read_snapshot(&snapshot_query).await.unwrap() {
        seen.replies
            .sort_unstable_by(|one, other| one.key.cmp(&other.key));
        assert_eq!(seen.replies, known, "a look finds what a unit finds");
    }
    known
}

/// A second answer is a conflict, and has no effect.
pub async fn a_request_is_answered_once<B: Backend>(backend: &B) {
    let harness = Harness::open(backend.open().await).await;
    let store = &harness.store;
    let first = record(key("one"), START);
    commit(store, &answer(first.clone())).await.unwrap();
    let other = IdempotencyRecord {
        fingerprint: 0,
        ..first.clone()
    };
    let user = stranger(&harness, "somebody");
    let again = ChangeSet {
        users: vec![new(user.clone())],
        ..answer(other)
    };
    assert_conflict("in a unit", &commit(store, &again).await);
    assert_conflict("at once", &store.commit(&again).await);
    assert_eq!(store.find_user(user.id).await.unwrap(), None);

    let mut twice = answer(record(key("two"), START));
    twice.replies.push(record(key("two"), START));
    assert_conflict("twice in one", &commit(store, &twice).await);
    assert_eq!(known(store, &[key("one"), key("two")]).await, [first]);
    harness.close().await;
}

/// Replicas that get the same request at the same moment: one effect, and the others hear of a conflict.
pub async fn replicas_answer_one_request_once<B: Backend>(backend: &B) {
    const REPLICAS: usize = 5;
    let harness = Harness::open(backend.open().await).await;
    for round in 0..5 {
        let key = key(&format!("round {round}"));
        let start = Arc::new(Barrier::new(REPLICAS));
        let mut replicas = Vec::new();
        for _ in 0..REPLICAS {
            let store = backend.beside(&harness.store).await;
            let user = stranger(&harness, "somebody");
            let (start, record) = (Arc::clone(&start), record(key.clone(), START));
            replicas.push(tokio::spawn(async move {
                start.wait().await;
                let changes = ChangeSet {
                    users: vec![new(user.clone())],
                    ..answer(record)
                };
                (user.id, store.commit(&changes).await)
            }));
        }
        let mut effects = 0;
        for replica in replicas {
            let (user, outcome) = replica.await.unwrap();
            let took_effect = match outcome {
                Ok(()) => true,
                Err(StorageError::Conflict { .. }) => false,
                Err(other) => panic!("{other:?}"),
            };
            let there = harness.store.find_user(user).await.unwrap().is_some();
            assert_eq!(there, took_effect);
            effects += usize::from(took_effect);
        }
        assert_eq!(effects, 1);
    }
    harness.close().await;
}

/// The same key of others, or for something else, is another one; odd names are told apart.
pub async fn each_caller_and_operation_has_its_own_keys<B: Backend>(backend: &B) {
    let harness = Harness::open(backend.open().await).await;
    let store = &harness.store;
    let mut keys = vec![
        key("a"),
        key("A"),
        key("a "),
        key(""),
        key("ёлка 🦀"),
        IdempotencyKey {
            caller: u128::MAX,
            ..key("a")
        },
        IdempotencyKey {
            operation: "POST /api/withdrawals".to_owned(),
            ..key("a")
        },
    ];
    keys.sort_unstable();
    assert_eq!(known(store, &keys).await, []);
    let mut all = Vec::new();
    for (count, key) in (0..).zip(&keys) {
        let record = IdempotencyRecord {
            fingerprint: count,
            ..record(key.clone(), START)
        };
        commit(store, &answer(record.clone())).await.unwrap();
        all.push(record);
        assert_eq!(known(store, &keys).await, all);
    }
    let mut others = vec![
        key("a\0b"),
        key("b"),
        IdempotencyKey {
            operation: "GET\0".to_owned(),
            ..key("a")
        },
    ];
    others.sort_unstable();
    assert_eq!(known(store, &others).await, []);
    others.extend(keys);
    others.sort_unstable();
    assert_eq!(known(store, &others).await, all);
    harness.close().await;
}

/// As many as a full batch may bring, each as long as it may be.
pub async fn a_full_batch_is_answered<B: Backend>(backend: &B) {
    let store = backend.open().await;
    let keys: Vec<IdempotencyKey> = (0..1_000).map(|nth| key(&format!("{nth:0255}"))).collect();
    let replies: Vec<_> = keys.iter().map(|key| record(key.clone(), START)).collect();
    let changes = ChangeSet {
        replies: replies.clone(),
        ..ChangeSet::default()
    };
    store.commit(&changes).await.unwrap();
    assert_eq!(known(&store, &keys).await, replies);
}

/// Those before the time, the oldest first and some at a time; then the key is free again.
pub async fn old_answers_are_forgotten<B: Backend>(backend: &B) {
    let store = backend.open().await;
    let tick = Duration::from_micros(1);
    let mut keys = Vec::new();
    // Not in the order of their names.
    for (name, age) in [("c", 5), ("a", 4), ("e", 3), ("b", 2), ("d", 1)] {
        let record = record(key(name), START.before(tick * age));
        commit(&store, &answer(record)).await.unwrap();
        keys.push(key(name));
    }
    keys.sort_unstable();
    let left = async || {
        let left = known(&store, &keys).await;
        let names = left.into_iter().map(|record| record.key.key);
        names.collect::<Vec<_>>()
    };
    let before = START.before(tick * 2);
    let long_ago = START.before(tick * 9);
    assert_eq!(store.forget_replies(long_ago, 10).await.unwrap(), 0);
    assert_eq!(store.forget_replies(before, 2).await.unwrap(), 2);
    assert_eq!(left().await, ["b", "d", "e"]);
    assert_eq!(store.forget_replies(before, 2).await.unwrap(), 1);
    assert_eq!(store.forget_replies(before, 2).await.unwrap(), 0);
    assert_eq!(left().await, ["b", "d"]);
    let again = record(key("a"), START);
    commit(&store, &answer(again)).await.unwrap();
    assert_eq!(left().await, ["a", "b", "d"]);
}
