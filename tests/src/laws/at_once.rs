//! Committing without a unit of work: the same promises as a unit's commit, by the versions alone.

use std::sync::Arc;
use std::time::Duration;

use p2p_application::offer::OfferQueries;
use p2p_application::ports::{ChangeSet, StorageError, Store};
use p2p_application::user::UserQueries;
use p2p_domain::offer::NewOffer;
use p2p_domain::user::{Caller, User};
use p2p_domain::{Account, AccountKey, Asset, ExchangeType, Money, Offer, Posting};
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::Backend;
use super::conflicts::rows;
use super::rows::{
    assert_conflict, assert_rejected, booking, broken, changed, deposit, deposit_keys, enrol, new,
    stranger,
};
use crate::harness::{Harness, Offering, Storage};

/// Far longer than any of this takes: beyond it, something waits for ever.
const STUCK: Duration = Duration::from_secs(60);

/// Adds somebody new, whom nobody may find if the rest is not let in.
fn with_newcomer<S: Storage>(harness: &Harness<S>, mut changes: ChangeSet) -> (User, ChangeSet) {
    let newcomer = stranger(harness, "newcomer");
    let key = AccountKey::user(newcomer.id, Asset::Usdt);
    changes.users.push(new(newcomer.clone()));
    let account = Account::open(harness.market.fresh(), key);
    changes.accounts.push(new(account));
    (newcomer, changes)
}

async fn assert_left_nothing<S: Storage>(harness: &Harness<S>, what: &str, newcomer: &User) {
    let found = harness.store.find_user(newcomer.id).await.unwrap();
    assert_eq!(found, None, "{what} did not stop a new user");
}

/// Loaded before the last change, or never: whichever row it is, nothing of the batch is stored.
pub async fn at_once_a_stale_version_is_a_conflict<B: Backend>(backend: &B) {
    let harness = Harness::open(backend.open().await).await;
    let (_, rows) = rows(&harness).await;
    for step in [1, -1] {
        for (what, changes) in rows.each(|version| version.checked_add_signed(step)) {
            let (newcomer, changes) = with_newcomer(&harness, changes);
            assert_conflict(what, &harness.store.commit(&changes).await);
            assert_left_nothing(&harness, what, &newcomer).await;
        }
    }
    for (what, changes) in rows.each(Some) {
        let (newcomer, changes) = with_newcomer(&harness, changes);
        assert!(harness.store.commit(&changes).await.is_ok(), "{what}");
        let found = harness.store.find_user(newcomer.id).await.unwrap();
        assert_eq!(found, Some(newcomer), "{what}");
    }
    harness.close().await;
}

/// One stale row among many that are as they were loaded.
pub async fn at_once_one_stale_row_stops_all<B: Backend>(backend: &B) {
    let harness = Harness::open(backend.open().await).await;
    let mut changes = ChangeSet::default();
    let mut before = Vec::new();
    for turn in 0..8 {
        let record = harness
            .exchanger_record(harness.exchanger("exchanger").await.user)
            .await;
        before.push(record);
        let loaded = record.version - u64::from(turn == 5);
        changes
            .exchangers
            .push(changed(record.switch(false), loaded));
    }
    let (newcomer, changes) = with_newcomer(&harness, changes);
    assert_conflict("one of many", &harness.store.commit(&changes).await);
    assert_left_nothing(&harness, "one of many", &newcomer).await;
    for record in before {
        assert_eq!(harness.exchanger_record(record.user).await, record);
    }
    harness.close().await;
}

/// Saved as new, but there.
pub async fn at_once_a_taken_key_is_a_conflict<B: Backend>(backend: &B) {
    let harness = Harness::open(backend.open().await).await;
    let (deal, rows) = rows(&harness).await;
    let mut cases = rows.each(|_| None);
    let history = harness.store.offer_history(deal.id()).await.unwrap();
    let step = ChangeSet {
        history: vec![history[0].clone()],
        ..ChangeSet::default()
    };
    cases.push(("a step", step));
    for (what, changes) in cases {
        let (newcomer, changes) = with_newcomer(&harness, changes);
        assert_conflict(what, &harness.store.commit(&changes).await);
        assert_left_nothing(&harness, what, &newcomer).await;
    }
    harness.close().await;
}

/// The last line of defence holds here, too.
pub async fn at_once_broken_rows_are_rejected<B: Backend>(backend: &B) {
    let harness = Harness::open(backend.open().await).await;
    for (what, changes) in broken(&harness).await {
        let (newcomer, changes) = with_newcomer(&harness, changes);
        assert_rejected(what, &harness.store.commit(&changes).await);
        assert_left_nothing(&harness, what, &newcomer).await;
    }
    harness.close().await;
}

/// New rows and changed ones, of all the tables that answers and deals write: all of them are there.
pub async fn at_once_everything_is_committed<B: Backend>(backend: &B) {
    let harness = Harness::open(backend.open().await).await;
    let exchanger = harness.exchanger("exchanger").await;
    let customer = harness.customer("customer").await;
    harness.deposit(customer, "10", Asset::Usdt).await;
    let offering = Offering::of(ExchangeType::CryptoToFiat);
    let listing = harness.publish(exchanger, &offering).await;
    let record = harness.exchanger_record(exchanger.user).await;
    let mut unit = harness.store.begin().await.unwrap();
    let key = AccountKey::user(customer.user, Asset::Usdt);
    let accounts = unit.load_by_key::<Account>(&[key]).await.unwrap();
    unit.rollback().await.unwrap();

    let opening = NewOffer {
        id: harness.market.fresh(),
        customer: customer.user,
        amount: Money::new(10_000_000, Asset::Usdt),
        conditions: String::new(),
    };
    let (policy, now) = (harness.market.policy(), harness.market.now());
    let moved = Offer::create(opening, &listing, &record, policy, now).unwrap();
    let mut changes = booking(&harness, moved.posting.unwrap(), &accounts);
    let newcomer = enrol(&harness, &mut changes);
    let held = listing.clone().follow(moved.listing.unwrap()).unwrap();
    changes
        .listings
        .push(changed(held.clone(), listing.version));
    let counted = record.switch(false);
    changes.exchangers.push(changed(counted, record.version));
    changes.offers.push(new(moved.offer.clone()));
    changes.history.extend(moved.history.clone());
    harness.store.commit(&changes).await.unwrap();

    assert_eq!(harness.deal_now(moved.offer.id).await, moved.offer);
    let history = harness.store.offer_history(moved.offer.id).await.unwrap();
    assert_eq!(history, moved.history);
    assert_eq!(harness.listing(listing.id).await, held);
    assert_eq!(harness.exchanger_record(exchanger.user).await, counted);
    assert_eq!(harness.exchanger_record(newcomer.user).await, newcomer);
    assert_eq!(
        harness.wallet(customer.user, Asset::Usdt).await,
        (0, 10_000_000)
    );
    // What was loaded before is stale now, and so is what was new.
    assert_conflict("the same again", &harness.store.commit(&changes).await);
    harness.close().await;
}

/// A deposit, loaded by a unit of work that ends before it is committed.
async fn deposit_at_once<S: Storage>(
    harness: &Harness<S>,
    store: &S,
    to: Caller,
) -> Result<(), StorageError> {
    let mut unit = store.begin().await?;
    let keys = deposit_keys(to.user, Asset::Usdt);
    let accounts = unit.load_by_key::<Account>(&keys).await?;
    unit.rollback().await?;
    let amount = Money::new(1, Asset::Usdt);
    let posting = Posting::deposit(to.user, amount, harness.admin.user).unwrap();
    store.commit(&booking(harness, posting, &accounts)).await
}

/// A deposit within one unit of work.
async fn deposit_in_a_unit<S: Storage>(
    harness: &Harness<S>,
    store: &S,
    to: Caller,
) -> Result<(), StorageError> {
    let mut unit = store.begin().await?;
    let changes = deposit(harness, unit.as_mut(), to, 1).await;
    unit.commit(&changes).await
}

/// Units of work that lock and commits that do not, of two replicas on the same two accounts: every deposit counts once.
pub async fn at_once_and_units_lose_nothing<B: Backend>(backend: &B) {
    const EACH: usize = 10;
    let harness = Arc::new(Harness::open(backend.open().await).await);
    let anna = harness.customer("anna").await;
    let replicas = [harness.store.clone(), backend.open().await];
    let mut tasks = JoinSet::new();
    for task in 0..6 {
        let (harness, store) = (Arc::clone(&harness), replicas[task % 2].clone());
        tasks.spawn(async move {
            let mut done = 0;
            while done < EACH {
                let outcome = if task < 3 {
                    deposit_at_once(&harness, &store, anna).await
                } else {
                    deposit_in_a_unit(&harness, &store, anna).await
                };
                match outcome {
                    Ok(()) => done += 1,
                    Err(StorageError::Conflict { .. }) => {}
                    Err(error) => panic!("{error:?}"),
                }
            }
        });
    }
    timeout(STUCK, tasks.join_all())
        .await
        .expect("all commits end");
    let harness = Arc::into_inner(harness).expect("all tasks have ended");
    assert_eq!(harness.wallet(anna.user, Asset::Usdt).await, (60, 0));
    harness.close().await;
}
