//! What the persistence tests share: running a test on both databases, SQL of their own, and a small market to change.
#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "test support; each test uses a part of it"
)]

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use p2p_application::ports::{ChangeSet, Entry, StorageError, Store, Transfer, Versioned};
use p2p_domain::listing::Draft;
use p2p_domain::listing::ListingMove;
use p2p_domain::offer::{Act, NewOffer, Transition};
use p2p_domain::user::{Email, PasswordHash, User};
use p2p_domain::{
    Account, AccountId, AccountKey, Actor, Asset, Dispute, DisputeId, ExchangeType, Exchanger,
    Listing, ListingId, Money, Offer, OfferId, Policy, Posting, Price, Role, Timestamp, TransferId,
    TypedId, UserId,
};
use p2p_migration::{Migrator, MigratorTrait};
use p2p_persistence::Database;
use p2p_tests::databases::TestDatabase;
use sea_orm::{ConnectionTrait, DatabaseConnection, DbErr, QueryResult, Statement};

/// How many changes of the schema there are from this one on.
pub(crate) fn changes_from(name: &str) -> u32 {
    let changes = Migrator::migrations();
    let before = changes.iter().position(|change| change.name() == name);
    let before = before.expect("there is such a change");
    u32::try_from(changes.len() - before).unwrap()
}

/// Runs an async test body on both databases.
macro_rules! on_both {
    ($($name:ident)*) => {$(
        mod $name {
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn sqlite() -> anyhow::Result<()> {
                super::$name(p2p_tests::databases::TestDatabase::sqlite().await?).await
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn postgres() -> anyhow::Result<()> {
                super::$name(p2p_tests::databases::TestDatabase::postgres().await?).await
            }
        }
    )*};
}

pub(crate) const NOW: Timestamp = Timestamp::from_micros(1_744_977_600_000_000);

static NEXT: AtomicU64 = AtomicU64::new(1);

/// Ids that sort in the order in which they are made, and never look like the fixed ones.
pub(crate) fn fresh<T: TypedId>() -> T {
    let count = NEXT.fetch_add(1, Ordering::Relaxed);
    T::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0000 + (u128::from(count) << 64))
}

pub(crate) async fn sql(connection: &DatabaseConnection, text: &str) -> Result<u64, DbErr> {
    Ok(connection.execute_unprepared(text).await?.rows_affected())
}

pub(crate) async fn rows(
    connection: &DatabaseConnection,
    text: &str,
) -> Result<Vec<QueryResult>, DbErr> {
    let statement = Statement::from_string(connection.get_database_backend(), text);
    connection.query_all_raw(statement).await
}

pub(crate) async fn count(connection: &DatabaseConnection, text: &str) -> Result<i64, DbErr> {
    let found = rows(connection, text).await?;
    found[0].try_get_by_index(0)
}

/// Takes every check, foreign key and trigger away.
pub(crate) async fn unguard(test: &TestDatabase, raw: &DatabaseConnection) -> anyhow::Result<()> {
    if test.is_sqlite() {
        sql(
            raw,
            "PRAGMA ignore_check_constraints = ON; PRAGMA foreign_keys = OFF",
        )
        .await?;
        for row in rows(raw, "SELECT name FROM sqlite_master WHERE type = 'trigger'").await? {
            let name: String = row.try_get_by_index(0)?;
            sql(raw, &format!("DROP TRIGGER {name}")).await?;
        }
    } else {
        sql(
            raw,
            "DO $$ DECLARE c record; BEGIN \
               FOR c IN SELECT conrelid::regclass AS tab, conname FROM pg_constraint \
                 WHERE connamespace = 'public'::regnamespace AND contype IN ('c', 'f') LOOP \
                 EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', c.tab, c.conname); END LOOP; \
             END $$; SET session_replication_role = replica",
        )
        .await?;
    }
    Ok(())
}

/// An id as SQL.
pub(crate) fn literal<T: TypedId>(database: &TestDatabase, id: T) -> String {
    let hex = format!("{:032x}", id.as_u128());
    if database.is_sqlite() {
        format!("x'{hex}'")
    } else {
        format!("'{hex}'::uuid")
    }
}

pub(crate) fn usdt(minor: i64) -> Money {
    Money::new(minor, Asset::Usdt)
}

/// A customer and an exchanger with money, and a listing between them.
#[derive(Debug, Clone)]
pub(crate) struct Stall {
    pub(crate) customer: User,
    pub(crate) exchanger: Exchanger,
    pub(crate) customer_account: Account,
    pub(crate) exchanger_account: Account,
    pub(crate) listing: Listing,
}

pub(crate) fn new_user(name: &str, role: Role) -> User {
    let id: UserId = fresh();
    User::register(
        id,
        Email::new(&format!("{name}.{}@example.com", id.as_u128())),
        name.to_owned(),
        [role].into(),
        Some(PasswordHash::new("a hash".to_owned())),
        NOW,
    )
}

pub(crate) fn new_listing(exchanger: &Exchanger, exchange_type: ExchangeType) -> Listing {
    Listing::publish(
        fresh(),
        exchanger,
        Draft {
            exchange_type,
            price: Price::from_e8(100_000_000, Asset::Usd).unwrap(),
            total: usdt(1_000_000_000),
            min: Money::new(10, Asset::Usd),
            max: Money::new(100_000, Asset::Usd),
            payment_methods: vec!["CARD".to_owned(), "SEPA".to_owned()],
            payment_window: Duration::from_secs(1_800),
            terms: "as usual".to_owned(),
        },
        NOW,
    )
    .unwrap()
}

pub(crate) fn new<T>(value: T) -> Versioned<T> {
    Versioned {
        value,
        expected_version: None,
    }
}

pub(crate) fn changed<T>(value: T, expected_version: u64) -> Versioned<T> {
    Versioned {
        value,
        expected_version: Some(expected_version),
    }
}

pub(crate) async fn commit(database: &Database, changes: &ChangeSet) -> Result<(), StorageError> {
    database.begin().await?.commit(changes).await
}

/// A posting over these accounts, each of which is moved by it.
pub(crate) fn post(posting: Posting, accounts: &mut [&mut Account]) -> Transfer {
    let entries = posting
        .legs()
        .iter()
        .map(|leg| Entry {
            account: accounts
                .iter()
                .find(|account| account.key == leg.account)
                .unwrap()
                .id,
            bucket: leg.bucket,
            amount: leg.amount,
        })
        .collect();
    for account in accounts {
        **account = account.apply(posting.legs()).unwrap();
    }
    Transfer {
        id: fresh::<TransferId>(),
        posting,
        entries,
        at: NOW,
    }
}

impl Stall {
    /// Registers both, gives each 1,000 USDT from outside and publishes the listing.
    pub(crate) async fn open(database: &Database) -> Self {
        Self::with_type(database, ExchangeType::FiatToCrypto).await
    }

    pub(crate) async fn with_type(database: &Database, exchange_type: ExchangeType) -> Self {
        let customer = new_user("customer", Role::Customer);
        let seller = new_user("exchanger", Role::Exchanger);
        let exchanger = Exchanger::new(seller.id).switch(true);
        let open = |user| Account::open(fresh::<AccountId>(), AccountKey::user(user, Asset::Usdt));
        let (mut customer_account, mut exchanger_account) = (open(customer.id), open(seller.id));
        let listing = new_listing(&exchanger, exchange_type);

        let mut unit = database.begin().await.unwrap();
        let external = AccountKey::external(Asset::Usdt);
        let mut outside = unit.load_by_key::<Account>(&[external]).await.unwrap()[0];
        let loaded = outside.version;
        let transfers = [&mut customer_account, &mut exchanger_account]
            .into_iter()
            .map(|account| {
                let p2p_domain::Owner::User(user) = account.key.owner else {
                    panic!("a user's account")
                };
                let deposit = Posting::deposit(user, usdt(1_000_000_000), seller.id).unwrap();
                post(deposit, &mut [&mut outside, account])
            })
            .collect();
        unit.commit(&ChangeSet {
            users: vec![new(customer.clone()), new(seller)],
            exchangers: vec![new(exchanger)],
            listings: vec![new(listing.clone())],
            accounts: vec![
                changed(outside, loaded),
                new(customer_account),
                new(exchanger_account),
            ],
            transfers,
            ..ChangeSet::default()
        })
        .await
        .unwrap();
        Self {
            customer,
            exchanger,
            customer_account,
            exchanger_account,
            listing,
        }
    }

    /// The customer's offer of this much, and what it changes. The stall is as after it.
    pub(crate) fn offer(&mut self, amount: i64) -> (Offer, ChangeSet) {
        let moved = Offer::create(
            NewOffer {
                id: fresh::<OfferId>(),
                customer: self.customer.id,
                amount: usdt(amount),
                conditions: "soon".to_owned(),
            },
            &self.listing,
            &self.exchanger,
            &Policy::default(),
            NOW,
        )
        .unwrap();
        self.follow(moved, None)
    }

    /// What a move of a deal changes. The stall is as after it.
    pub(crate) fn follow(&mut self, moved: Transition, loaded: Option<u64>) -> (Offer, ChangeSet) {
        let mut changes = ChangeSet {
            history: moved.history,
            offers: vec![Versioned {
                value: moved.offer.clone(),
                expected_version: loaded,
            }],
            ..ChangeSet::default()
        };
        if let Some(step) = moved.listing {
            let version = self.listing.version;
            self.listing = self.listing.clone().follow(step).unwrap();
            changes
                .listings
                .push(changed(self.listing.clone(), version));
        }
        if let Some(posting) = moved.posting {
            let account = match self.listing.exchange_type {
                ExchangeType::CryptoToFiat => &mut self.customer_account,
                ExchangeType::FiatToCrypto => &mut self.exchanger_account,
            };
            let version = account.version;
            changes.transfers.push(post(posting, &mut [account]));
            changes.accounts.push(changed(*account, version));
        }
        (moved.offer, changes)
    }

    pub(crate) fn accept(&mut self, offer: Offer) -> (Offer, ChangeSet) {
        let version = offer.version;
        let step = Act::by(Actor::Exchanger, self.exchanger.user, NOW);
        let moved = offer.accept(step, &Policy::default()).unwrap();
        self.follow(moved, Some(version))
    }

    pub(crate) fn decline(&mut self, offer: Offer) -> (Offer, ChangeSet) {
        let version = offer.version;
        let step = Act::by(Actor::Exchanger, self.exchanger.user, NOW);
        let moved = offer.decline(step, &Policy::default()).unwrap();
        assert!(matches!(moved.listing, Some(ListingMove::Return(_))));
        self.follow(moved, Some(version))
    }

    pub(crate) fn listing_id(&self) -> ListingId {
        self.listing.id
    }
}

/// A payment report with a callback, an amount, a currency, a deal and an outcome.
pub(crate) fn report(test: &TestDatabase, values: &str) -> String {
    let id = literal(test, fresh::<OfferId>());
    format!(
        "INSERT INTO payment_reports (id, provider, deal_reference, payment_reference, received_at, \
         callback, paid, currency, offer_id, outcome) VALUES ({id}, 'bank', '', '', 1, {values})"
    )
}

/// A deal with one dispute, committed.
pub(crate) async fn with_dispute(database: &Database, stall: &mut Stall) -> (Offer, Dispute) {
    let (offer, changes) = stall.offer(50_000_000);
    commit(database, &changes).await.unwrap();
    let (dispute, _) = Dispute::open(
        fresh::<DisputeId>(),
        offer.deal(),
        Act::by(Actor::Customer, stall.customer.id, NOW),
        "no response".to_owned(),
        &[],
    )
    .unwrap();
    let changes = ChangeSet {
        disputes: vec![new(dispute.clone())],
        ..ChangeSet::default()
    };
    commit(database, &changes).await.unwrap();
    (offer, dispute)
}
