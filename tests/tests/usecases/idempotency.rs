//! Requests that are sent again, in memory: the effect comes about once, and the answer stays the same.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test; its own functions are not recognised as one"
)]

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use super::memory;
use p2p_application::CommandError;
use p2p_application::idempotency::{Once, Replied};
use p2p_application::ports::{IdempotencyKey, Maintenance, Reply, StorageError};
use p2p_application::wallet::Deposit;
use p2p_domain::{Account, Asset, Refusal, TypedId, UserId};
use p2p_memory::Point;
use p2p_tests::harness::{Harness, deposit};

type Rendered = Result<Account, Refusal>;

fn key(caller: UserId, operation: &str, key: &str) -> IdempotencyKey {
    IdempotencyKey {
        caller: caller.as_u128(),
        operation: operation.to_owned(),
        key: key.to_owned(),
    }
}

fn once(
    command: Deposit,
    key: IdempotencyKey,
    fingerprint: u128,
) -> Once<Deposit, impl Fn(Rendered) -> Reply + Send + Sync + 'static> {
    Once {
        command,
        key,
        fingerprint,
        render: |outcome: Rendered| match outcome {
            Ok(account) => Reply {
                tag: 1,
                body: account.available().to_string().into_bytes(),
            },
            Err(refusal) => Reply {
                tag: 2,
                body: refusal.code().as_bytes().to_vec(),
            },
        },
    }
}

fn answer(tag: u16, body: &str, replayed: bool) -> Replied {
    Replied {
        reply: Reply {
            tag,
            body: body.as_bytes().to_vec(),
        },
        replayed,
    }
}

#[tokio::test]
async fn a_repeated_request_has_one_effect_and_one_answer() {
    let harness = Harness::open(memory()).await;
    let anna = harness.customer("anna").await;
    let deposit = deposit(harness.admin, anna, "5", Asset::Usd);
    let of_admin = |text: &str| key(harness.admin.user, "deposit", text);
    let first = harness.done(once(deposit, of_admin("k"), 1)).await;
    assert_eq!(first, answer(1, "5.00", false));
    harness.done(deposit).await;
    // The balance is another by now; the answer is not.
    let again = harness.done(once(deposit, of_admin("k"), 1)).await;
    assert_eq!(again, answer(1, "5.00", true));
    assert_eq!(harness.wallet(anna.user, Asset::Usd).await, (1_000, 0));
    // Another request, another key, another operation, another caller.
    let refusal = harness.refused(once(deposit, of_admin("k"), 2)).await;
    assert_eq!(refusal, Refusal::IdempotencyKeyReused);
    for other in [
        of_admin("l"),
        key(harness.admin.user, "refund", "k"),
        key(anna.user, "deposit", "k"),
    ] {
        assert!(!harness.done(once(deposit, other, 1)).await.replayed);
    }
    harness.close().await;
}

#[tokio::test]
async fn a_refusal_is_an_answer_too() {
    let harness = Harness::open(memory()).await;
    let anna = harness.customer("anna").await;
    let nothing = deposit(harness.admin, anna, "0", Asset::Usd);
    let key = key(harness.admin.user, "deposit", "k");
    let first = harness.done(once(nothing, key.clone(), 1)).await;
    assert_eq!(first, answer(2, "AMOUNT_NOT_POSITIVE", false));
    let again = harness.done(once(nothing, key, 1)).await;
    assert_eq!(again, answer(2, "AMOUNT_NOT_POSITIVE", true));
    assert_eq!(harness.wallet(anna.user, Asset::Usd).await, (0, 0));
    harness.close().await;
}

#[tokio::test]
async fn fifty_at_once_are_one() {
    let harness = Arc::new(Harness::open(memory()).await);
    let anna = harness.customer("anna").await;
    let deposit = deposit(harness.admin, anna, "5", Asset::Usd);
    let fresh = Arc::new(AtomicU32::new(0));
    let mut asking = tokio::task::JoinSet::new();
    for _ in 0..50 {
        let (harness, fresh) = (Arc::clone(&harness), Arc::clone(&fresh));
        asking.spawn(async move {
            let key = key(harness.admin.user, "deposit", "k");
            let replied = harness.attempt(once(deposit, key, 1)).await.unwrap();
            fresh.fetch_add(u32::from(!replied.replayed), Ordering::Relaxed);
            replied.reply
        });
    }
    let replies = asking.join_all().await;
    assert!(replies.iter().all(|reply| *reply == replies[0]));
    assert_eq!(fresh.load(Ordering::Relaxed), 1);
    assert_eq!(harness.wallet(anna.user, Asset::Usd).await, (500, 0));
}

#[tokio::test]
async fn what_never_took_effect_is_not_remembered() {
    let harness = Harness::open(memory()).await;
    let anna = harness.customer("anna").await;
    let deposit = deposit(harness.admin, anna, "5", Asset::Usd);
    let key = key(harness.admin.user, "deposit", "k");
    for _ in 0..2 {
        let source = "away".into();
        let away = StorageError::Unavailable { source };
        harness.store.faults().fail(Point::Commit, away);
    }
    let failed = harness.attempt(once(deposit, key.clone(), 1)).await;
    assert_eq!(failed, Err(CommandError::Unavailable));
    let replied = harness.done(once(deposit, key, 1)).await;
    assert!(!replied.replayed);
    harness.close().await;
}

#[tokio::test]
async fn keys_are_forgotten_when_they_are_old() {
    let harness = Harness::open(memory()).await;
    let anna = harness.customer("anna").await;
    let deposit = deposit(harness.admin, anna, "5", Asset::Usd);
    let day = Duration::from_secs(24 * 3_600);
    let key = key(harness.admin.user, "deposit", "k");
    harness.done(once(deposit, key.clone(), 1)).await;
    let forget = || {
        harness
            .store
            .forget_replies(harness.market.now().before(day), 10)
    };
    harness.clock.advance(day);
    assert_eq!(forget().await.unwrap(), 0);
    harness.clock.advance(Duration::from_secs(1));
    assert_eq!(forget().await.unwrap(), 1);
    let replied = harness.done(once(deposit, key, 2)).await;
    assert!(!replied.replayed);
    harness.close().await;
}
