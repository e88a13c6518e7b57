//! Commits on PostgreSQL whose rows were not locked before, and units that read without locking: in which order they take
//! their locks, and for whom they wait.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test; its own functions are not recognised as one"
)]

use std::time::Duration;

use crate::common::*;
use anyhow::{Result, ensure};
use p2p_application::offer::{DeclineOffer, ExpireOffer};
use p2p_application::ports::{ChangeSet, SnapshotQuery, StorageError, Store};
use p2p_domain::{Asset, ExchangeType, Exchanger, OfferId};
use p2p_persistence::Database;
use p2p_tests::databases::TestDatabase;
use p2p_tests::harness::{Harness, Stage, deposit, minutes};
use sea_orm::DatabaseConnection;
use tokio::time::{sleep, timeout};

/// Waits until somebody waits for a lock.
async fn somebody_waits(raw: &DatabaseConnection) -> Result<()> {
    let waiting = "SELECT count(*) FROM pg_stat_activity \
                   WHERE datname = current_database() AND wait_event_type = 'Lock'";
    for _ in 0..2_000 {
        if count(raw, waiting).await? > 0 {
            return Ok(());
        }
        sleep(Duration::from_millis(1)).await;
    }
    anyhow::bail!("nobody waits for a lock")
}

/// Whether somebody holds a row of these.
async fn held(raw: &DatabaseConnection, rows: &str) -> Result<bool> {
    let taken = sql(
        raw,
        &format!("BEGIN; SELECT 1 FROM {rows} FOR NO KEY UPDATE NOWAIT"),
    )
    .await;
    sql(raw, "ROLLBACK").await?;
    match taken {
        Ok(_) => Ok(false),
        Err(error) => {
            let text = error.to_string();
            ensure!(text.contains("could not obtain lock"), "{text}");
            Ok(true)
        }
    }
}

/// The deal's rows as they are, each to be written as one version later; in the wrong order.
async fn another_version(database: &Database, offer: OfferId) -> Result<ChangeSet> {
    let snapshot_query = SnapshotQuery {
        settled: vec![offer],
        ..SnapshotQuery::default()
    };
    let mut seen = database.read_snapshot(&snapshot_query).await?.unwrap();
    seen.accounts.sort_by_key(|row| row.key);
    seen.exchangers.dedup();
    let mut changes = ChangeSet::default();
    for mut row in seen.offers {
        row.version += 1;
        changes.offers.push(changed(row.clone(), row.version - 1));
    }
    for mut row in seen.exchangers {
        row.version += 1;
        changes.exchangers.push(changed(row, row.version - 1));
    }
    for mut row in seen.listings {
        row.version += 1;
        changes.listings.push(changed(row.clone(), row.version - 1));
    }
    for mut row in seen.accounts.into_iter().rev() {
        row.version += 1;
        changes.accounts.push(changed(row, row.version - 1));
    }
    Ok(changes)
}

/// A commit that locks as it writes can't wait in a circle with a unit of work: it takes tables, and the rows of each, in
/// the same order.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_locks_in_the_order_of_units() -> Result<()> {
    let test = TestDatabase::postgres().await?;
    let database = test.open().await?;
    let mut stall = Stall::open(&database).await;
    let (offer, changes) = stall.offer(50_000_000);
    commit(&database, &changes).await?;
    let account = |account: &p2p_domain::Account| {
        format!("accounts WHERE id = {}", literal(&test, account.id))
    };
    let mut accounts = [stall.customer_account, stall.exchanger_account];
    accounts.sort_by_key(|account| account.key);
    let fees =
        "accounts WHERE owner_id = '00000000-0000-0000-0000-000000000002' AND asset = 'USDT'";
    // As a unit of work locks them.
    let order = [
        "offers".to_owned(),
        "exchangers".to_owned(),
        "listings".to_owned(),
        fees.to_owned(),
        account(&accounts[0]),
        account(&accounts[1]),
    ];
    let (holder, watcher) = (test.raw().await?, test.raw().await?);
    for (place, row) in order.iter().enumerate() {
        let changes = another_version(&database, offer.id).await?;
        assert_eq!(changes.accounts.len(), 3);
        sql(&holder, &format!("BEGIN; SELECT 1 FROM {row} FOR UPDATE")).await?;
        let store = database.clone();
        let committing = tokio::spawn(async move { store.commit(&changes).await });
        somebody_waits(&watcher).await?;
        for (other, row) in order.iter().enumerate() {
            let taken = held(&watcher, row).await?;
            assert_eq!(taken, other <= place, "{row}, waiting for {place}");
        }
        sql(&holder, "ROLLBACK").await?;
        committing.await??;
    }
    holder.close().await?;
    watcher.close().await?;
    database.close().await?;
    test.drop_now().await
}

/// An answer that ends a row of unanswered offers changes the exchanger's record. In a batch that locks, the record is
/// locked before the listing: whoever expires another deal of the listing locks them in this order, too.
#[tokio::test]
async fn a_record_that_an_answer_changes_is_locked_in_its_turn() -> Result<()> {
    let test = TestDatabase::postgres().await?;
    let harness = Harness::open(test.open().await?).await;
    let (holder, watcher) = (test.raw().await?, test.raw().await?);
    let deal = harness
        .deal(ExchangeType::CryptoToFiat, Stage::Pending)
        .await;
    let mut others = Vec::new();
    for _ in 0..2 {
        others.push(harness.offer(deal.customer, &deal.listing, "10").await);
    }
    harness.clock.advance(minutes(31));
    let expiry = ExpireOffer {
        offer: deal.id(),
        dispute: harness.market.fresh(),
        freezes: true,
    };
    harness.done(expiry).await;

    let listing = format!("listings WHERE id = {}", literal(&test, deal.listing.id));
    let record = format!(
        "exchangers WHERE user_id = {}",
        literal(&test, deal.exchanger.user)
    );
    for (offer, changes_record) in others.iter().zip([true, false]) {
        let before = harness.exchanger_record(deal.exchanger.user).await;
        assert_eq!(before.unanswered > 0, changes_record);
        sql(
            &holder,
            &format!("BEGIN; SELECT 1 FROM {listing} FOR UPDATE"),
        )
        .await?;
        // A deposit needs locks, and so all of its batch is locked.
        let declined = harness.post(DeclineOffer {
            caller: deal.exchanger,
            offer: offer.id,
        });
        let paid_in = harness.post(deposit(harness.admin, deal.customer, "1", Asset::Usdt));
        somebody_waits(&watcher).await?;
        assert_eq!(held(&watcher, &record).await?, changes_record);
        sql(&holder, "ROLLBACK").await?;
        declined.await?;
        paid_in.await?;
        let after = harness.exchanger_record(deal.exchanger.user).await;
        assert_eq!(after.unanswered, 0);
    }
    assert_eq!(harness.market.pipeline().stats().retries, 0);
    holder.close().await?;
    watcher.close().await?;
    harness.close().await.close().await?;
    test.drop_now().await
}

/// A record can be read while somebody is changing it; what was read is then no longer good to be changed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_record_is_read_while_somebody_holds_it() -> Result<()> {
    let test = TestDatabase::postgres().await?;
    let database = test.open().await?;
    let exchanger = Stall::open(&database).await.exchanger;
    let mut changing = database.begin().await?;
    changing.load_by_key::<Exchanger>(&[exchanger.user]).await?;
    let mut reading = database.begin().await?;
    let ids = [exchanger.user];
    let read = reading.read_exchangers(&ids);
    let read = timeout(Duration::from_secs(1), read).await??;
    assert_eq!(read, [exchanger]);
    let offline = ChangeSet {
        exchangers: vec![changed(exchanger.switch(false), exchanger.version)],
        ..ChangeSet::default()
    };
    changing.commit(&offline).await?;
    let counted = Exchanger {
        unanswered: 1,
        version: exchanger.version + 1,
        ..exchanger
    };
    let counted = ChangeSet {
        exchangers: vec![changed(counted, exchanger.version)],
        ..ChangeSet::default()
    };
    let outcome = reading.commit(&counted).await;
    assert!(
        matches!(outcome, Err(StorageError::Conflict { .. })),
        "{outcome:?}"
    );
    database.close().await?;
    test.drop_now().await
}
