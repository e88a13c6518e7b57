//! Rows made by hand, for laws about what no command would do.

use p2p_application::ports::{
    ChangeSet, Entry, StorageError, Store, Transaction, Transfer, Versioned,
};
use p2p_domain::user::{Caller, Email, User};
use p2p_domain::{
    Account, AccountKey, Asset, ExchangeType, Exchanger, Money, Offer, OfferId, Posting, Role,
    Roles, TypedId, UserId,
};

use crate::harness::{Harness, Stage, Storage};

/// A row that was not there before.
pub(super) const fn new<T>(value: T) -> Versioned<T> {
    Versioned {
        value,
        expected_version: None,
    }
}

/// A row that was loaded with this version.
pub(super) const fn changed<T>(value: T, expected_version: u64) -> Versioned<T> {
    Versioned {
        value,
        expected_version: Some(expected_version),
    }
}

/// Somebody who is not registered yet: a customer without a wallet.
pub(super) fn stranger<S: Storage>(harness: &Harness<S>, name: &str) -> User {
    let id: UserId = harness.market.fresh();
    let email = Email::new(&format!("{name}.{id}@example.org"));
    let roles = Roles::from([Role::Customer]);
    User::register(
        id,
        email,
        name.to_owned(),
        roles,
        None,
        harness.market.now(),
    )
}

/// Registers a new exchanger's rows: the person and the record, nothing else.
pub(super) fn enrol<S: Storage>(harness: &Harness<S>, changes: &mut ChangeSet) -> Exchanger {
    let user = stranger(harness, "exchanger");
    let record = Exchanger::new(user.id);
    changes.users.push(new(user));
    changes.exchangers.push(new(record));
    record
}

/// The accounts of somebody and of the outside world, sorted as they must be locked.
pub(super) fn deposit_keys(user: UserId, asset: Asset) -> [AccountKey; 2] {
    let mut keys = [AccountKey::user(user, asset), AccountKey::external(asset)];
    keys.sort_unstable();
    keys
}

/// What booking a posting on these accounts changes.
pub(super) fn booking<S: Storage>(
    harness: &Harness<S>,
    posting: Posting,
    accounts: &[Account],
) -> ChangeSet {
    let saved = accounts.iter().map(|account| {
        let after = account.apply(posting.legs()).expect("covered");
        changed(after, account.version)
    });
    let entries = posting.legs().iter().map(|leg| {
        let account = accounts.iter().find(|account| account.key == leg.account);
        Entry {
            account: account.expect("an account for each leg").id,
            bucket: leg.bucket,
            amount: leg.amount,
        }
    });
    let (accounts, entries) = (saved.collect(), entries.collect());
    let transfer = Transfer {
        id: harness.market.fresh(),
        posting,
        entries,
        at: harness.market.now(),
    };
    ChangeSet {
        accounts,
        transfers: vec![transfer],
        ..ChangeSet::default()
    }
}

/// A deposit to somebody, booked within a unit of work.
pub(super) async fn deposit<S: Storage>(
    harness: &Harness<S>,
    unit: &mut dyn Transaction,
    user: Caller,
    minor: i64,
) -> ChangeSet {
    let keys = deposit_keys(user.user, Asset::Usdt);
    let accounts = unit
        .load_by_key::<Account>(&keys)
        .await
        .expect("locking accounts");
    let amount = Money::new(minor, Asset::Usdt);
    let posting = Posting::deposit(user.user, amount, harness.admin.user).expect("positive");
    booking(harness, posting, &accounts)
}

/// Rows that no sequence of commands leads to, each in changes of its own.
pub(super) async fn broken<S: Storage>(harness: &Harness<S>) -> Vec<(&'static str, ChangeSet)> {
    let deal = harness
        .deal(ExchangeType::FiatToCrypto, Stage::Pending)
        .await;
    let listing = harness.listing(deal.listing.id).await;
    let usdt = |minor| Money::new(minor, Asset::Usdt);
    let mut overdrawn = listing.clone();
    overdrawn.frozen = usdt(-1);
    let mut overcommitted = listing.clone();
    overcommitted.executed = listing.total;
    let orphan = Offer {
        id: nothing(),
        terms: p2p_domain::offer::Terms {
            customer: UserId::from_u128(0xdead),
            ..deal.offer.terms.clone()
        },
        ..deal.offer.clone()
    };
    let ghost = Account::open(
        harness.market.fresh(),
        AccountKey::user(UserId::from_u128(0xdead), Asset::Usdt),
    );

    let mut cases: Vec<(&'static str, ChangeSet)> = Vec::new();
    for (what, row) in [
        ("a negative amount", overdrawn),
        ("amounts over the total", overcommitted),
    ] {
        let mut changes = ChangeSet::default();
        changes.listings.push(changed(row, listing.version));
        cases.push((what, changes));
    }
    let mut changes = ChangeSet::default();
    changes.offers.push(new(orphan));
    cases.push(("a deal of nobody", changes));
    let mut changes = ChangeSet::default();
    changes.accounts.push(new(ghost));
    cases.push(("an account of nobody", changes));
    cases
}

/// Commits changes in a unit of their own.
pub(super) async fn commit<S: Store>(store: &S, changes: &ChangeSet) -> Result<(), StorageError> {
    store.begin().await?.commit(changes).await
}

/// Whether nothing was committed because somebody else was faster.
#[track_caller]
pub(super) fn assert_conflict(what: &str, result: &Result<(), StorageError>) {
    assert!(
        matches!(result, Err(StorageError::Conflict { .. })),
        "{what}: a conflict was expected, not {result:?}"
    );
}

/// Whether the schema did not let it in.
#[track_caller]
pub(super) fn assert_rejected(what: &str, result: &Result<(), StorageError>) {
    assert!(
        matches!(result, Err(StorageError::Rejected { .. })),
        "{what}: a rejection was expected, not {result:?}"
    );
}

/// A deal's id that names nothing.
pub(super) fn nothing() -> OfferId {
    OfferId::from_u128(0xdead)
}
