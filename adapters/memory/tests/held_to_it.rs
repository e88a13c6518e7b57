//! What memory does beyond the laws that all adapters share: it fails where it is told to, and does not let its callers
//! get away with what would deadlock a database.
#![expect(clippy::unwrap_used, reason = "helpers of tests may fail loudly")]

use p2p_application::ports::{
    ChangeSet, Maintenance, StorageError, Store, Transaction, Versioned, Violation,
};
use p2p_application::user::UserQueries;
use p2p_domain::user::{Email, User};
use p2p_domain::{
    Account, AccountKey, Asset, Listing, ListingId, Roles, Timestamp, TypedId, UserId,
};
use p2p_memory::{Memory, Point, Tally};

const NOW: Timestamp = Timestamp::from_micros(1);

fn unavailable() -> StorageError {
    StorageError::Unavailable {
        source: "the cable was pulled".into(),
    }
}

fn in_doubt() -> StorageError {
    StorageError::InDoubt {
        source: "the cable was pulled".into(),
    }
}

fn user() -> User {
    let (id, email) = (UserId::from_u128(1), Email::new("anna@example.org"));
    User::register(id, email, "Anna".to_owned(), Roles::default(), None, NOW)
}

fn registration() -> ChangeSet {
    ChangeSet {
        users: vec![Versioned {
            value: user(),
            expected_version: None,
        }],
        ..ChangeSet::default()
    }
}

async fn register(memory: &Memory) -> Result<(), StorageError> {
    memory.begin().await?.commit(&registration()).await
}

async fn is_registered(memory: &Memory) -> bool {
    memory.find_user(user().id).await.unwrap().is_some()
}

#[tokio::test]
async fn a_planned_fault_strikes_once_where_it_was_planned() {
    for point in [Point::Begin, Point::Commit] {
        let memory = Memory::new();
        memory.faults().fail(point, unavailable());
        assert_eq!(memory.faults().pending(), 1);
        let failed = register(&memory).await;
        assert!(matches!(failed, Err(StorageError::Unavailable { .. })));
        assert!(!is_registered(&memory).await, "{point:?} left a trace");
        assert_eq!(memory.faults().pending(), 0);
        register(&memory).await.unwrap();
    }
}

#[tokio::test]
async fn a_lost_answer_is_not_a_lost_change() {
    let memory = Memory::new();
    memory.faults().fail(Point::Committed, in_doubt());
    let failed = register(&memory).await;
    assert!(matches!(failed, Err(StorageError::InDoubt { .. })));
    assert!(is_registered(&memory).await);
}

#[tokio::test]
async fn a_fault_can_wait_for_its_turn() {
    let memory = Memory::new();
    memory.faults().fail_after(2, unavailable());
    memory.ping().await.unwrap();
    let unit = memory.begin().await.unwrap();
    assert!(unit.commit(&registration()).await.is_err());
    assert!(!is_registered(&memory).await);
    memory.faults().fail_after(7, unavailable());
    memory.faults().clear();
    register(&memory).await.unwrap();
}

#[tokio::test]
async fn a_gate_keeps_everybody_waiting_until_it_is_dropped() {
    let memory = Memory::new();
    let gate = memory.faults().hold(Point::Commit);
    let mut commit = std::pin::pin!(register(&memory));
    for _ in 0..3 {
        let waiting = std::future::poll_fn(|context| {
            std::task::Poll::Ready(commit.as_mut().poll(context).is_pending())
        });
        assert!(waiting.await);
        memory.ping().await.unwrap();
    }
    assert!(!is_registered(&memory).await);
    drop(gate);
    commit.await.unwrap();
    assert!(is_registered(&memory).await);
}

#[tokio::test]
async fn an_unreadable_row_is_corrupt_whenever_it_is_loaded() {
    let memory = Memory::new();
    register(&memory).await.unwrap();
    memory.faults().corrupt(user().id);
    for _ in 0..2 {
        let mut unit = memory.begin().await.unwrap();
        let loaded = unit.load_by_key::<User>(&[user().id]).await;
        assert!(
            matches!(&loaded, Err(StorageError::Corrupt { table: "users", id, .. }) if *id == user().id.to_string()),
            "{loaded:?}"
        );
    }
    let mut unit = memory.begin().await.unwrap();
    let other = UserId::from_u128(2);
    assert_eq!(unit.load_by_key::<User>(&[other]).await.unwrap(), []);
}

/// Locks out of order, or twice, would let two replicas wait for each other for ever.
#[tokio::test]
async fn locks_out_of_order_are_refused() {
    async fn accounts(unit: &mut dyn Transaction) -> Result<(), StorageError> {
        unit.load_by_key::<Account>(&[AccountKey::fees(Asset::Btc)])
            .await?;
        Ok(())
    }
    let memory = Memory::new();
    let mut unit = memory.begin().await.unwrap();
    unit.load_by_key::<Listing>(&[ListingId::from_u128(1)])
        .await
        .unwrap();
    accounts(unit.as_mut()).await.unwrap();
    let twice = accounts(unit.as_mut()).await;
    assert!(matches!(twice, Err(StorageError::Rejected { .. })));
    let backwards = unit
        .load_by_key::<Listing>(&[ListingId::from_u128(1)])
        .await;
    assert!(matches!(backwards, Err(StorageError::Rejected { .. })));
}

#[tokio::test]
async fn keys_out_of_order_are_refused() {
    let memory = Memory::new();
    let [one, two] = [1, 2].map(ListingId::from_u128);
    for keys in [[two, one], [one, one]] {
        let mut unit = memory.begin().await.unwrap();
        let refused = unit.exchangers_of_listings(&keys).await;
        assert!(
            matches!(refused, Err(StorageError::Rejected { .. })),
            "{keys:?}"
        );
    }
    let mut unit = memory.begin().await.unwrap();
    unit.exchangers_of_listings(&[one, two]).await.unwrap();
}

#[tokio::test]
async fn the_tally_says_what_was_asked_and_what_became_of_it() {
    let memory = Memory::new();
    register(&memory).await.unwrap();
    memory.begin().await.unwrap().rollback().await.unwrap();
    drop(memory.begin().await.unwrap());
    let tally = *memory.tally().borrow();
    let expected = Tally {
        asked: 3,
        committed: 1,
        rolled_back: 1,
    };
    assert_eq!(tally, expected);
}

#[tokio::test]
async fn what_was_tampered_with_is_found_and_named() {
    let memory = Memory::new();
    assert_eq!(memory.audit().await.unwrap().violations, []);
    let key = AccountKey::fees(Asset::Eth);
    memory.tamper(|tables| {
        let account = tables.accounts[&key];
        let rich = Account::restore(account.id, key, 1, 0, account.version).unwrap();
        tables.accounts.insert(key, rich);
    });
    let expected = Violation {
        law: "a balance is the sum of its entries",
        row: format!("({}, false)", memory.tables().accounts[&key].id),
        detail: "is 1, should be 0".to_owned(),
    };
    assert_eq!(memory.audit().await.unwrap().violations, [expected]);
}
