//! Several units of work at once, of one replica and of several: they take turns, lose nothing and end.
//!
//! None of these laws depends on who comes first; what must hold, holds in every order.

use std::sync::Arc;
use std::time::Duration;

use p2p_application::ports::{ChangeSet, StorageError, Store};
use p2p_application::user::RegisterUser;
use p2p_application::user::UserQueries;
use p2p_application::{CommandError, Market};
use p2p_domain::refusal::{LedgerRefusal, UserRefusal};
use p2p_domain::user::{Caller, Email};
use p2p_domain::{
    Account, AccountKey, Asset, ExchangeType, Exchanger, Money, Posting, Refusal, Role, Roles,
    UserId,
};
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::Backend;
use super::rows::{assert_conflict, booking, changed, deposit, deposit_keys};
use crate::harness::{Harness, Offering, Setup, Storage};

/// Far longer than any of this takes: beyond it, something waits for ever.
const STUCK: Duration = Duration::from_secs(60);

/// How often a unit of work that met a conflict goes again before that counts as never getting through.
const PATIENCE: u32 = 1_000;

/// Whoever loads a row that somebody else has locked gets it as the other leaves it.
pub async fn two_units_on_one_row_take_turns<B: Backend>(backend: &B) {
    let harness = Harness::open(backend.open().await).await;
    let anna = harness.customer("anna").await;
    let (store, other) = (harness.store.clone(), backend.open().await);

    let mut first = store.begin().await.unwrap();
    let changes = deposit(&harness, first.as_mut(), anna, 100).await;
    let second = async {
        let mut unit = other.begin().await?;
        let keys = deposit_keys(anna.user, Asset::Usdt);
        let accounts = unit.load_by_key::<Account>(&keys).await?;
        unit.rollback().await?;
        Ok::<_, StorageError>(accounts)
    };
    let first = async {
        // Reads of the same store meanwhile: they neither wait nor see anything, and give the second time to knock.
        for _ in 0..20 {
            assert_eq!(harness.wallet(anna.user, Asset::Usdt).await, (0, 0));
            tokio::task::yield_now().await;
        }
        first.commit(&changes).await
    };
    let both = async { tokio::join!(first, second) };
    let (committed, loaded) = timeout(STUCK, both).await.expect("both units end");
    committed.unwrap();
    let loaded = loaded.unwrap();
    let own = loaded
        .iter()
        .find(|one| one.key == AccountKey::user(anna.user, Asset::Usdt));
    assert_eq!(own.unwrap().available().minor(), 100);
    harness.close().await;
}

/// Deposits one after another on one account; a conflict, where storage prefers that to waiting, is tried again.
async fn deposits<S: Storage>(harness: &Harness<S>, store: S, to: Caller, count: u32) {
    for _ in 0..count {
        let mut attempts = 0;
        loop {
            let attempt = async {
                let mut unit = store.begin().await?;
                let keys = deposit_keys(to.user, Asset::Usdt);
                let accounts = unit.load_by_key::<Account>(&keys).await?;
                let amount = Money::new(1, Asset::Usdt);
                let posting = Posting::deposit(to.user, amount, harness.admin.user).unwrap();
                unit.commit(&booking(harness, posting, &accounts)).await
            };
            match attempt.await {
                Ok(()) => break,
                Err(StorageError::Conflict { .. }) => attempts += 1,
                Err(error) => panic!("{error:?}"),
            }
            assert!(attempts < PATIENCE, "a unit never gets through");
        }
    }
}

/// Eight tasks and two replicas on the same two accounts: every deposit counts.
pub async fn many_units_lose_nothing<B: Backend>(backend: &B) {
    const EACH: u32 = 10;
    let harness = Arc::new(Harness::open(backend.open().await).await);
    let anna = harness.customer("anna").await;
    let replicas = [harness.store.clone(), backend.open().await];
    let mut tasks = JoinSet::new();
    for task in 0..8 {
        let (harness, store) = (Arc::clone(&harness), replicas[task % 2].clone());
        tasks.spawn(async move { deposits(&harness, store, anna, EACH).await });
    }
    timeout(STUCK, tasks.join_all())
        .await
        .expect("all units end");
    let harness = Arc::into_inner(harness).expect("all tasks have ended");
    assert_eq!(harness.wallet(anna.user, Asset::Usdt).await, (80, 0));
    harness.close().await;
}

/// Every pair of six accounts, back and forth, from several tasks: with one order of locks nobody waits in a circle.
pub async fn overlapping_units_never_deadlock<B: Backend>(backend: &B) {
    let harness = Harness::open(backend.open().await).await;
    let mut people = Vec::new();
    for name in ["anna", "berta", "carla", "dora", "emma", "frida"] {
        people.push(AccountKey::user(
            harness.customer(name).await.user,
            Asset::Usdt,
        ));
    }
    people.sort_unstable();
    let replicas = [harness.store.clone(), backend.open().await];
    let mut tasks = JoinSet::new();
    for shift in 0..people.len() {
        let (store, people) = (replicas[shift % 2].clone(), people.clone());
        tasks.spawn(async move {
            for round in 1..people.len() {
                let mut pair = [people[shift], people[(shift + round) % people.len()]];
                pair.sort_unstable();
                let mut unit = store.begin().await.expect("beginning");
                let accounts = unit.load_by_key::<Account>(&pair).await.expect("locking");
                assert_eq!(accounts.len(), 2);
                unit.rollback().await.expect("rolling back");
            }
        });
    }
    timeout(STUCK, tasks.join_all())
        .await
        .expect("all units end");
    harness.close().await;
}

/// Two replicas and one balance that covers seven of twenty offers: exactly seven are made.
pub async fn replicas_spend_one_balance_once<B: Backend>(backend: &B) {
    let first = Harness::open(backend.open().await).await;
    let setup = Setup {
        clock: first.clock.clone(),
        ids: first.ids.clone(),
        ..Setup::default()
    };
    let second = Harness::open_with(backend.open().await, setup).await;
    let exchanger = first.exchanger("exchanger").await;
    let customer = first.customer("customer").await;
    first.deposit(customer, "79.999999", Asset::Usdt).await;
    let offering = Offering::of(ExchangeType::CryptoToFiat);
    let listing = first.publish(exchanger, &offering).await;

    let mut tasks = JoinSet::new();
    for turn in 0..20 {
        let market: Market = [&first, &second][turn % 2].market.clone();
        let command = first.opening(customer, &listing, "10");
        tasks.spawn(async move { market.execute(command).await });
    }
    let answers = timeout(STUCK, tasks.join_all())
        .await
        .expect("all commands are answered");
    let made = answers.iter().filter(|answer| answer.is_ok()).count();
    let short = CommandError::Refused(Refusal::Ledger(LedgerRefusal::InsufficientFunds {
        asset: Asset::Usdt,
    }));
    let refused = answers
        .iter()
        .filter(|answer| answer.as_ref().err() == Some(&short))
        .count();
    assert_eq!((made, refused), (7, 13), "{answers:?}");
    assert_eq!(
        first.wallet(customer.user, Asset::Usdt).await,
        (9_999_999, 70_000_000)
    );
    assert_eq!(
        first.listing(listing.id).await.frozen,
        Money::new(70_000_000, Asset::Usdt)
    );
    second.close().await;
    first.close().await;
}

/// Two replicas and one new address: one registration, and a proper refusal for everybody else.
pub async fn replicas_register_an_address_once<B: Backend>(backend: &B) {
    let first = Harness::open(backend.open().await).await;
    let setup = Setup {
        clock: first.clock.clone(),
        ids: first.ids.clone(),
        ..Setup::default()
    };
    let second = Harness::open_with(backend.open().await, setup).await;
    let email = Email::new("anna@example.org");
    let mut tasks = JoinSet::new();
    for turn in 0..8 {
        let market: Market = [&first, &second][turn % 2].market.clone();
        let roles = Roles::from([Role::Customer]);
        let command =
            RegisterUser::new(market.ids(), email.clone(), "Anna".to_owned(), roles, None);
        tasks.spawn(async move { market.execute(command).await });
    }
    let answers = timeout(STUCK, tasks.join_all())
        .await
        .expect("all commands are answered");
    let registered: Vec<_> = answers.iter().flatten().collect();
    let taken = CommandError::Refused(Refusal::User(UserRefusal::EmailTaken));
    let refused = answers
        .iter()
        .filter(|answer| answer.as_ref().err() == Some(&taken))
        .count();
    assert_eq!((registered.len(), refused), (1, 7), "{answers:?}");
    let found = first.store.find_user_by_email(&email).await.unwrap();
    assert_eq!(found.as_ref(), registered.first().copied());
    second.close().await;
    first.close().await;
}

/// Turns an exchanger's switch, whatever it takes.
async fn switch<S: Store>(store: S, exchanger: UserId) -> Result<(), StorageError> {
    let mut unit = store.begin().await?;
    let before = unit.load_by_key::<Exchanger>(&[exchanger]).await?[0];
    let changes = ChangeSet {
        exchangers: vec![changed(before.switch(!before.online), before.version)],
        ..ChangeSet::default()
    };
    unit.commit(&changes).await
}

/// A record that was read may be changed by somebody else; whoever then writes it, writes over nobody.
pub async fn a_record_that_is_read_is_not_written_over<B: Backend>(backend: &B) {
    let harness = Harness::open(backend.open().await).await;
    let exchanger = harness.exchanger("exchanger").await.user;
    let before = harness.exchanger_record(exchanger).await;

    let mut unit = harness.store.begin().await.unwrap();
    let read = unit.read_exchangers(&[exchanger]).await;
    assert_eq!(read.unwrap(), [before]);
    let mut other = tokio::spawn(switch(backend.open().await, exchanger));
    // Where units of work take turns altogether, the other's comes only after this one.
    let first = timeout(Duration::from_millis(500), &mut other).await;
    let counted = Exchanger {
        unanswered: 3,
        version: before.version + 1,
        ..before
    };
    let changes = ChangeSet {
        exchangers: vec![changed(counted, before.version)],
        ..ChangeSet::default()
    };
    let written = unit.commit(&changes).await;
    let first_came = first.is_ok();
    let other = match first {
        Ok(done) => done,
        Err(_) => other.await,
    };
    other.unwrap().unwrap();
    if first_came {
        assert_conflict("a record that has changed since it was read", &written);
    } else {
        written.as_ref().unwrap();
    }
    let after = harness.exchanger_record(exchanger).await;
    assert_eq!(after.online, !before.online);
    let changes = 1 + u64::from(written.is_ok());
    assert_eq!(after.version, before.version + changes);
    assert_eq!(after.unanswered, if written.is_ok() { 3 } else { 0 });
    harness.close().await;
}
