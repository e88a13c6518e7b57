//! The pipeline and its callers: those who hang up, those who come when it is full, and those who are still there when
//! it ends. In memory, on one thread.

use super::memory;
use p2p_application::ports::Store;
use p2p_application::wallet::Deposit;
use p2p_application::{CommandError, PipelineSettings};
use p2p_domain::user::Caller;
use p2p_domain::{AccountKey, Asset, Money};
use p2p_memory::Memory;
use p2p_tests::harness::{Harness, Setup, decimal};

async fn open(queue: usize, batch: usize) -> Harness<Memory> {
    let pipeline = PipelineSettings {
        queue,
        batch,
        ..PipelineSettings::default()
    };
    let setup = Setup {
        pipeline,
        ..Setup::default()
    };
    Harness::open_with(memory(), setup).await
}

fn deposit(harness: &Harness<Memory>, to: Caller, amount: &str) -> Deposit {
    Deposit {
        caller: harness.admin,
        user: to.user,
        asset: Asset::Usdt,
        amount: decimal(amount),
    }
}

/// A caller who hangs up has still given an order.
#[tokio::test]
async fn a_dropped_callers_command_still_takes_effect() {
    let harness = Harness::open(memory()).await;
    let anna = harness.customer("anna").await;
    let mut tally = harness.store.tally();
    let before = tally.borrow().committed;
    drop(harness.post(deposit(&harness, anna, "1")));
    tally
        .wait_for(|tally| tally.committed > before)
        .await
        .unwrap();
    assert_eq!(harness.wallet(anna.user, Asset::Usdt).await, (1_000_000, 0));

    // The same in the middle of a commit that is waiting for storage.
    let gate = harness.store.begin().await.unwrap();
    let asked = tally.borrow().asked;
    let waiting = harness.post(deposit(&harness, anna, "1"));
    tally.wait_for(|tally| tally.asked > asked).await.unwrap();
    drop(waiting);
    drop(gate);
    tally
        .wait_for(|tally| tally.committed > before + 1)
        .await
        .unwrap();
    assert_eq!(harness.wallet(anna.user, Asset::Usdt).await, (2_000_000, 0));
    harness.close().await;
}

#[tokio::test]
async fn a_full_queue_answers_busy_at_once() {
    let harness = open(2, 8).await;
    let anna = harness.customer("anna").await;
    let gate = harness.store.begin().await.unwrap();
    let mut tally = harness.store.tally();
    let asked = tally.borrow().asked;
    let taken = harness.post(deposit(&harness, anna, "1"));
    tally.wait_for(|tally| tally.asked > asked).await.unwrap();
    let waiting = [(); 2].map(|()| harness.post(deposit(&harness, anna, "1")));
    assert!(waiting.iter().all(|one| one.at_once().is_none()));
    for rejected in 1..=3 {
        let busy = harness.post(deposit(&harness, anna, "1"));
        assert_eq!(busy.at_once(), Some(&Err(CommandError::Busy)));
        assert_eq!(harness.market.pipeline().stats().busy, rejected);
    }
    drop(gate);
    assert!(taken.await.is_ok());
    for one in waiting {
        assert!(one.await.is_ok());
    }
    // Those who were turned away left nothing, and there is room again.
    assert_eq!(harness.wallet(anna.user, Asset::Usdt).await, (3_000_000, 0));
    harness.done(deposit(&harness, anna, "1")).await;
    harness.close().await;
}

#[tokio::test]
async fn shutting_down_answers_all_that_was_accepted() {
    let harness = open(1_000, 8).await;
    let anna = harness.customer("anna").await;
    let waited_for: Vec<_> = (0..50)
        .map(|_| harness.post(deposit(&harness, anna, "1")))
        .collect();
    // Their callers have gone, and still: accepted is accepted.
    for _ in 0..50 {
        drop(harness.post(deposit(&harness, anna, "1")));
    }
    let answers = tokio::spawn(async move {
        let mut good = 0;
        for one in waited_for {
            good += u32::from(one.await.is_ok());
        }
        good
    });
    let store = harness.end().await;
    assert_eq!(answers.await.unwrap(), 50);
    let tables = store.tables();
    let account = tables.accounts[&AccountKey::user(anna.user, Asset::Usdt)];
    assert_eq!(account.available(), Money::new(100_000_000, Asset::Usdt));
}
