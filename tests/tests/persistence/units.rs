//! Units of work on real databases: conflicts, refusals, and who waits for whom.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test; its own functions are not recognised as one"
)]

use std::time::Duration;

use crate::common::*;
use anyhow::Result;
use p2p_application::offer::OfferQueries;
use p2p_application::ports::{ChangeSet, Maintenance, OutboxMessage, StorageError, Store};
use p2p_application::user::UserQueries;
use p2p_domain::event::AggregateRef;
use p2p_domain::user::Email;
use p2p_domain::{
    Account, EventId, Exchanger, Listing, Offer, OfferId, Role, Timestamp, TypedId, User, UserId,
};
use p2p_persistence::{Database, DatabaseSettings};
use p2p_tests::databases::TestDatabase;
use tokio::time::timeout;

on_both! {
    an_outdated_version_is_a_conflict
    a_key_that_is_taken_is_a_conflict
    a_broken_invariant_is_rejected_and_the_connection_is_clean
    a_failure_late_in_a_commit_leaves_nothing
    a_dropped_unit_is_rolled_back
    units_on_the_same_rows_wait_for_each_other
    a_large_batch_is_one_commit
    an_outage_puts_deadlines_off_once
    deadlines_stay_at_the_end_of_time
}

fn is_conflict(outcome: &Result<(), StorageError>) -> bool {
    matches!(outcome, Err(StorageError::Conflict { .. }))
}

async fn an_outdated_version_is_a_conflict(test: TestDatabase) -> Result<()> {
    let database = test.open().await?;
    let mut stall = Stall::open(&database).await;
    let (offer, dispute) = with_dispute(&database, &mut stall).await;
    let mut user = stall.customer.clone();
    let mut exchanger = stall.exchanger;
    let mut listing = stall.listing.clone();
    let mut account = stall.customer_account;
    let mut deal = offer.clone();
    let mut resolved = dispute.clone();
    for version in [
        &mut user.version,
        &mut exchanger.version,
        &mut listing.version,
        &mut account.version,
        &mut deal.version,
        &mut resolved.version,
    ] {
        *version += 3;
    }
    // Each as it is loaded by somebody who is one version behind, and by somebody who is up to date.
    let each = |behind: u64| {
        [
            ChangeSet {
                users: vec![changed(user.clone(), stall.customer.version - behind)],
                ..ChangeSet::default()
            },
            ChangeSet {
                exchangers: vec![changed(exchanger, stall.exchanger.version - behind)],
                ..ChangeSet::default()
            },
            ChangeSet {
                listings: vec![changed(listing.clone(), stall.listing.version - behind)],
                ..ChangeSet::default()
            },
            ChangeSet {
                accounts: vec![changed(account, stall.customer_account.version - behind)],
                ..ChangeSet::default()
            },
            ChangeSet {
                offers: vec![changed(deal.clone(), offer.version - behind)],
                ..ChangeSet::default()
            },
            ChangeSet {
                disputes: vec![changed(resolved.clone(), dispute.version - behind)],
                ..ChangeSet::default()
            },
        ]
    };
    for changes in each(1) {
        let outcome = commit(&database, &changes).await;
        assert!(is_conflict(&outcome), "{changes:?}: {outcome:?}");
    }
    for changes in each(0) {
        commit(&database, &changes).await?;
    }
    for changes in each(0) {
        let outcome = commit(&database, &changes).await;
        assert!(is_conflict(&outcome), "{changes:?}: {outcome:?}");
    }
    // One outdated row among sound ones takes all of them down.
    let mut sound = user.clone();
    sound.version += 1;
    let outcome = commit(
        &database,
        &ChangeSet {
            users: vec![changed(sound, user.version)],
            listings: vec![changed(listing.clone(), listing.version - 1)],
            ..ChangeSet::default()
        },
    )
    .await;
    assert!(is_conflict(&outcome), "{outcome:?}");
    assert_eq!(database.find_user(user.id).await?, Some(user));
    database.close().await?;
    test.drop_now().await
}

async fn a_key_that_is_taken_is_a_conflict(test: TestDatabase) -> Result<()> {
    let database = test.open().await?;
    let mut stall = Stall::open(&database).await;
    let (offer, dispute) = with_dispute(&database, &mut stall).await;
    let mut same_email = new_user("other", Role::Customer);
    same_email.email = stall.customer.email.clone();
    let mut same_side = dispute.clone();
    same_side.id = fresh();
    let history = database.offer_history(offer.id).await?;
    let taken = [
        ChangeSet {
            users: vec![new(same_email)],
            ..ChangeSet::default()
        },
        ChangeSet {
            users: vec![new(stall.customer.clone())],
            ..ChangeSet::default()
        },
        ChangeSet {
            accounts: vec![new(p2p_domain::Account::open(
                fresh(),
                stall.customer_account.key,
            ))],
            ..ChangeSet::default()
        },
        ChangeSet {
            exchangers: vec![new(stall.exchanger)],
            ..ChangeSet::default()
        },
        ChangeSet {
            listings: vec![new(stall.listing.clone())],
            ..ChangeSet::default()
        },
        ChangeSet {
            offers: vec![new(offer)],
            ..ChangeSet::default()
        },
        ChangeSet {
            disputes: vec![new(same_side)],
            ..ChangeSet::default()
        },
        ChangeSet {
            history,
            ..ChangeSet::default()
        },
    ];
    for changes in taken {
        let outcome = commit(&database, &changes).await;
        assert!(is_conflict(&outcome), "{changes:?}: {outcome:?}");
        let text = outcome.unwrap_err().to_string();
        assert!(!text.contains("example.com"), "row data in {text}");
    }
    database.close().await?;
    test.drop_now().await
}

/// One connection only, so that an aborted transaction would be met by whoever comes next.
async fn a_broken_invariant_is_rejected_and_the_connection_is_clean(
    test: TestDatabase,
) -> Result<()> {
    let database = Database::open(&DatabaseSettings {
        max_connections: 1,
        ..test.settings()
    })
    .await?;
    let mut stall = Stall::open(&database).await;
    let (offer, _) = with_dispute(&database, &mut stall).await;
    let mut alone = offer.clone();
    alone.id = fresh();
    alone.terms.exchanger = alone.terms.customer;
    let mut nowhere = offer.clone();
    nowhere.id = fresh();
    nowhere.terms.listing = fresh();
    let cases = [
        (alone, "offers_two_sides"),
        (
            nowhere,
            if test.is_sqlite() {
                "FOREIGN KEY"
            } else {
                "offers_listing"
            },
        ),
    ];
    for (offer, constraint) in cases {
        let changes = ChangeSet {
            offers: vec![new(offer)],
            ..ChangeSet::default()
        };
        let outcome = commit(&database, &changes).await;
        let Err(StorageError::Rejected { what }) = &outcome else {
            panic!("{outcome:?}");
        };
        assert!(what.contains(constraint), "{what}");
        let (_, sound) = stall.clone().offer(1_000_000);
        let mut unit = database.begin().await?;
        assert_eq!(
            unit.load_by_key::<Listing>(&[stall.listing_id()])
                .await?
                .len(),
            1
        );
        unit.rollback().await?;
        drop(sound);
    }
    let (_, sound) = stall.offer(1_000_000);
    commit(&database, &sound).await?;
    database.close().await?;
    test.drop_now().await
}

async fn a_failure_late_in_a_commit_leaves_nothing(test: TestDatabase) -> Result<()> {
    let database = test.open().await?;
    let mut stall = Stall::open(&database).await;
    let message = OutboxMessage {
        id: fresh::<EventId>(),
        name: "ExchangeOfferCreated".into(),
        aggregate: AggregateRef::Offer(fresh()),
        version: 1,
        body: "{}".to_owned(),
        at: NOW,
        only: None,
    };
    commit(
        &database,
        &ChangeSet {
            outbox: vec![message.clone()],
            ..ChangeSet::default()
        },
    )
    .await?;
    let before = stall.clone();
    let (offer, mut changes) = stall.offer(50_000_000);
    // The outbox is written last, and this id is taken.
    changes.outbox.push(message);
    assert!(is_conflict(&commit(&database, &changes).await));
    assert_eq!(database.find_offer(offer.id).await?, None);
    assert_eq!(database.offer_history(offer.id).await?, Vec::new());
    let mut unit = database.begin().await?;
    let accounts = unit
        .load_by_key::<Account>(&[before.exchanger_account.key])
        .await?;
    assert_eq!(accounts, vec![before.exchanger_account]);
    unit.rollback().await?;
    let report = database.audit().await?;
    assert_eq!(report.violations, Vec::new());
    database.close().await?;
    test.drop_now().await
}

async fn a_dropped_unit_is_rolled_back(test: TestDatabase) -> Result<()> {
    let database = test.open().await?;
    let stall = Stall::open(&database).await;
    let keys = [stall.customer_account.key];
    for _ in 0..20 {
        let mut unit = database.begin().await?;
        assert_eq!(unit.load_by_key::<Account>(&keys).await?.len(), 1);
        drop(unit);
        // The lock is gone: nobody waits for the one that was dropped.
        let mut next = timeout(Duration::from_secs(5), database.begin()).await??;
        let locked = timeout(Duration::from_secs(5), next.load_by_key::<Account>(&keys)).await??;
        assert_eq!(locked, vec![stall.customer_account]);
        next.rollback().await?;
    }
    database.close().await?;
    test.drop_now().await
}

async fn units_on_the_same_rows_wait_for_each_other(test: TestDatabase) -> Result<()> {
    let database = test.open().await?;
    let other = test.open().await?;
    let mut stall = Stall::open(&database).await;
    let key = stall.exchanger_account.key;
    let listing = stall.listing_id();

    let mut first = database.begin().await?;
    first.load_by_key::<Listing>(&[listing]).await?;
    first.load_by_key::<Account>(&[key]).await?;
    let waiting = tokio::spawn(async move {
        let mut second = other.begin().await?;
        let listings = second.load_by_key::<Listing>(&[listing]).await?;
        let accounts = second.load_by_key::<Account>(&[key]).await?;
        second.rollback().await?;
        other.close().await?;
        Ok::<_, StorageError>((listings, accounts))
    });
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(!waiting.is_finished(), "the second unit did not wait");
    let (_, changes) = stall.offer(50_000_000);
    first.commit(&changes).await?;

    // It sees what the first one left, not what was there when it began.
    let (listings, accounts) = timeout(Duration::from_secs(5), waiting).await???;
    assert_eq!(listings, vec![stall.listing.clone()]);
    assert_eq!(accounts, vec![stall.exchanger_account]);
    database.close().await?;
    test.drop_now().await
}

/// More rows than either database can bind one by one.
async fn a_large_batch_is_one_commit(test: TestDatabase) -> Result<()> {
    large_batch(test.open().await?).await?;
    test.drop_now().await
}

/// The same where a connection may be encrypted: there, statements come in portions.
#[tokio::test(flavor = "multi_thread")]
async fn a_large_batch_is_one_commit_over_tls() -> Result<()> {
    let test = TestDatabase::postgres().await?;
    let separator = if test.url().contains('?') { '&' } else { '?' };
    let settings = DatabaseSettings {
        url: format!("{}{separator}sslmode=prefer", test.url()),
        ..test.settings()
    };
    large_batch(Database::open(&settings).await?).await?;
    test.drop_now().await
}

async fn large_batch(database: Database) -> Result<()> {
    let mut stall = Stall::open(&database).await;
    let mut changes = ChangeSet::default();
    let (listing, account) = (stall.listing.version, stall.exchanger_account.version);
    for _ in 0..4_000 {
        let (_, more) = stall.offer(250_000);
        changes.offers.extend(more.offers);
        changes.history.extend(more.history);
        changes.transfers.extend(more.transfers);
    }
    changes.listings = vec![changed(stall.listing.clone(), listing)];
    changes.accounts = vec![changed(stall.exchanger_account, account)];
    commit(&database, &changes).await?;
    let mut ids: Vec<OfferId> = changes.offers.iter().map(|saved| saved.value.id).collect();
    ids.sort_unstable();
    let mut unit = database.begin().await?;
    assert_eq!(
        unit.load_by_key::<User>(&[stall.customer.id]).await?.len(),
        1
    );
    let mut loaded = unit.load_by_key::<Offer>(&ids).await?;
    loaded.sort_unstable_by_key(|offer| offer.id);
    let stored: Vec<_> = changes
        .offers
        .into_iter()
        .map(|saved| saved.value)
        .collect();
    assert!(loaded == stored);
    let strangers = (1..1_000).map(|i| UserId::from_u128(u128::MAX - i));
    let mut customers: Vec<_> = strangers.chain([stall.customer.id]).collect();
    customers.sort_unstable();
    let exchangers = [stall.exchanger.user];
    let offer_preconditions = unit
        .offer_preconditions(&customers, &exchangers, 10)
        .await?;
    assert_eq!(offer_preconditions.exchangers, [stall.exchanger]);
    assert_eq!(offer_preconditions.customers.len(), 1_000);
    let with_deals = offer_preconditions
        .customers
        .iter()
        .filter(|one| one.open_offers == 10);
    let with_deals: Vec<_> = with_deals.map(|one| one.user).collect();
    assert_eq!(with_deals, [stall.customer.id]);

    // And all of them change at once, each by its own version.
    let mut accepted = ChangeSet::default();
    for offer in loaded {
        let (_, more) = stall.accept(offer);
        accepted.offers.extend(more.offers);
        accepted.history.extend(more.history);
    }
    unit.commit(&accepted).await?;
    let report = database.audit().await?;
    assert_eq!(report.violations, Vec::new());
    assert_eq!(report.open_deals, 4_000);
    Ok(database.close().await?)
}

async fn an_outage_puts_deadlines_off_once(test: TestDatabase) -> Result<()> {
    let database = test.open().await?;
    let mut stall = Stall::open(&database).await;
    let (offer, changes) = stall.offer(50_000_000);
    commit(&database, &changes).await?;
    let tolerance = Duration::from_secs(30);
    assert_eq!(database.heartbeat(NOW, tolerance).await?, None);
    let gap = Duration::from_secs(7_200);
    let back = NOW.after(gap);
    let others = [test.open().await?, test.open().await?, test.open().await?];
    let (one, two, three) = tokio::join!(
        others[0].heartbeat(back, tolerance),
        others[1].heartbeat(back, tolerance),
        others[2].heartbeat(back, tolerance),
    );
    let answers = [one?, two?, three?];
    assert_eq!(answers.iter().flatten().collect::<Vec<_>>(), vec![&gap]);
    let later = database.find_offer(offer.id).await?.unwrap();
    assert_eq!(
        later.deadline(),
        offer.deadline().map(|deadline| deadline.after(gap))
    );
    for other in others {
        other.close().await?;
    }
    database.close().await?;
    test.drop_now().await
}

async fn deadlines_stay_at_the_end_of_time(test: TestDatabase) -> Result<()> {
    let database = test.open().await?;
    let mut stall = Stall::open(&database).await;
    let (offer, changes) = stall.offer(50_000_000);
    commit(&database, &changes).await?;
    let tolerance = Duration::from_secs(30);
    database.heartbeat(NOW, tolerance).await?;
    let end = Timestamp::from_micros(i64::MAX);
    assert!(database.heartbeat(end, tolerance).await?.is_some());
    let later = database.find_offer(offer.id).await?.unwrap();
    assert_eq!(later.deadline(), Some(end));
    assert_eq!(database.heartbeat(end, tolerance).await?, None);
    database.close().await?;
    test.drop_now().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deadlock_is_a_conflict() -> Result<()> {
    let test = TestDatabase::postgres().await?;
    let database = test.open().await?;
    let stall = Stall::open(&database).await;
    let stranger = test.raw().await?;
    // The stranger waits longer before it looks for a deadlock, so the unit of work is the one that gives way.
    sql(&stranger, "SET deadlock_timeout = '60s'").await?;
    sql(&stranger, "BEGIN; SELECT 1 FROM listings FOR UPDATE").await?;
    let mut unit = database.begin().await?;
    unit.load_by_key::<Exchanger>(&[stall.exchanger.user])
        .await?;
    let waiting = tokio::spawn(async move {
        sql(&stranger, "SELECT 1 FROM exchangers FOR UPDATE").await?;
        sql(&stranger, "ROLLBACK").await?;
        stranger.close().await
    });
    tokio::time::sleep(Duration::from_millis(200)).await;
    let outcome = unit.load_by_key::<Listing>(&[stall.listing_id()]).await;
    assert!(
        matches!(outcome, Err(StorageError::Conflict { .. })),
        "{outcome:?}"
    );
    unit.rollback().await?;
    waiting.await??;
    database.close().await?;
    test.drop_now().await
}

/// An offer that refers to a user does not wait for somebody who is changing that user.
#[tokio::test(flavor = "multi_thread")]
async fn a_reference_does_not_wait_for_a_locked_row() -> Result<()> {
    let test = TestDatabase::postgres().await?;
    let database = test.open().await?;
    let mut stall = Stall::open(&database).await;
    let mut unit = database.begin().await?;
    unit.load_by_key::<User>(&[stall.customer.id]).await?;
    let (_, changes) = stall.offer(50_000_000);
    timeout(Duration::from_secs(5), commit(&database, &changes)).await??;
    unit.rollback().await?;
    database.close().await?;
    test.drop_now().await
}

/// A text that PostgreSQL can't store is in no row, and storing it is refused.
#[tokio::test(flavor = "multi_thread")]
async fn a_zero_byte_is_found_nowhere_and_not_stored() -> Result<()> {
    let test = TestDatabase::postgres().await?;
    let database = test.open().await?;
    let email = Email::new("a\0b@example.com");
    assert_eq!(database.find_user_by_email(&email).await?, None);
    let mut unit = database.begin().await?;
    assert_eq!(unit.load_by::<User>(&[], &[email]).await?, Vec::new());
    unit.rollback().await?;
    let mut user = new_user("zero", Role::Customer);
    user.name = "a\0b".to_owned();
    let changes = ChangeSet {
        users: vec![new(user)],
        ..ChangeSet::default()
    };
    let outcome = commit(&database, &changes).await;
    assert!(
        matches!(outcome, Err(StorageError::Rejected { .. })),
        "{outcome:?}"
    );
    database.close().await?;
    test.drop_now().await
}

#[test]
fn fresh_ids_are_no_system_ids() {
    assert!(fresh::<OfferId>().as_u128() > 1 << 64);
}
