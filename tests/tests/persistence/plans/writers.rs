//! What a connection that writes reads: a look, and a commit by one statement, go by keys alone, whatever PostgreSQL knows
//! of the tables.

use std::collections::HashMap;

use anyhow::Result;
use p2p_application::ports::{
    ChangeSet, Entry, Snapshot, SnapshotQuery, Store, Transfer, Versioned,
};
use p2p_domain::ledger::Bucket;
use p2p_domain::offer::HistoryEntry;
use p2p_domain::{Actor, Asset, ListingId, Money, OfferId, Posting, Status, Timestamp, TypedId};
use p2p_persistence::{Database, DatabaseSettings};
use p2p_tests::databases::TestDatabase;

use super::counter::{Counter, TIMES};
use super::market::{LISTING, OFFER, user};
use super::payments;
use crate::common::{Stall, fresh};

/// How many keys a batch has.
const KEYS: u128 = 30;

/// With a connection of its own for writing.
async fn open(test: &TestDatabase) -> Result<Database> {
    let settings = DatabaseSettings {
        max_connections: 8,
        ..test.settings()
    };
    Ok(Database::open(&settings).await?)
}

/// Other keys at each turn, all over the tables.
fn picks(turn: usize) -> impl Iterator<Item = u128> {
    (1..=KEYS).map(move |i| i * 97 + 7 * turn as u128)
}

fn offers(turn: usize) -> Vec<OfferId> {
    picks(turn).map(|i| OfferId::from_u128(OFFER + i)).collect()
}

fn answers(turn: usize) -> SnapshotQuery {
    let answers = picks(turn).map(|i| (ListingId::from_u128(LISTING + i), user(2_000 + i)));
    SnapshotQuery {
        answers: answers.collect(),
        open_offers: 20,
        ..SnapshotQuery::default()
    }
}

/// One customer with a long past answers as many listings.
fn answers_of_one(turn: usize) -> SnapshotQuery {
    let answers = picks(turn).map(|i| (ListingId::from_u128(LISTING + i), user(1_000)));
    SnapshotQuery {
        answers: answers.collect(),
        open_offers: 20,
        ..SnapshotQuery::default()
    }
}

fn conducts(turn: usize) -> SnapshotQuery {
    SnapshotQuery {
        conducts: picks(turn).map(user).collect(),
        ..SnapshotQuery::default()
    }
}

/// Looks for the keys of a turn.
type Kind = fn(usize) -> SnapshotQuery;

/// Each kind of glance.
const GLANCES: [(&str, Kind); 7] = [
    ("answers", answers),
    ("answers of one", answers_of_one),
    ("conducts", conducts),
    ("deals", deals),
    ("settled", settled),
    ("replies", replies),
    ("payments", payments::snapshot_query),
];

fn replies(turn: usize) -> SnapshotQuery {
    SnapshotQuery {
        replies: super::orders::answered(picks(turn)),
        ..SnapshotQuery::default()
    }
}

/// How much a look has found, of the kind that each glance is sure to find: an exchanger with each deal or listing, replies,
/// payments, or conduct.
fn found(seen: &Snapshot) -> Vec<()> {
    let payments = seen.payments.len().min(seen.accounts.len());
    vec![(); seen.exchangers.len() + seen.replies.len() + seen.conducts.len() + payments]
}

fn deals(turn: usize) -> SnapshotQuery {
    SnapshotQuery {
        deals: offers(turn),
        ..SnapshotQuery::default()
    }
}

fn settled(turn: usize) -> SnapshotQuery {
    SnapshotQuery {
        settled: offers(turn),
        ..SnapshotQuery::default()
    }
}

/// The versions that rows will have when it is their turn again.
#[derive(Default)]
struct Versions(HashMap<u128, u64>);

impl Versions {
    /// Each row once, one version later.
    fn next<T>(
        &mut self,
        mut rows: Vec<T>,
        key: impl Fn(&T) -> u128,
        version: impl Fn(&mut T) -> &mut u64,
    ) -> Vec<Versioned<T>> {
        rows.sort_by_key(&key);
        rows.dedup_by_key(|row| key(row));
        let saved = rows.into_iter().map(|mut value| {
            let now = self.0.entry(key(&value));
            let now = now.or_insert(*version(&mut value));
            let expected_version = Some(*now);
            *now += 1;
            *version(&mut value) = *now;
            Versioned {
                value,
                expected_version,
            }
        });
        saved.collect()
    }

    /// Another version of all that settling these deals may move, with a step and transfers of their own.
    async fn changes(
        &mut self,
        database: &Database,
        deals: Vec<OfferId>,
        turn: usize,
    ) -> Result<ChangeSet> {
        let snapshot_query = SnapshotQuery {
            settled: deals,
            conducts: (1..=KEYS).map(user).collect(),
            ..SnapshotQuery::default()
        };
        let seen = database
            .read_snapshot(&snapshot_query)
            .await?
            .unwrap_or_default();
        let at = Timestamp::from_micros(50_000);
        let history = seen.offers.iter().map(|offer| HistoryEntry {
            offer: offer.id,
            version: 10 + turn as u64,
            status: Status::Pending,
            actor: Actor::Customer,
            user: Some(offer.terms.customer),
            comment: None,
            at,
        });
        let amount = Money::new(1, Asset::Usdt);
        let transfers = seen.accounts.iter().map(|account| Transfer {
            id: fresh(),
            posting: Posting::deposit(user(1), amount, user(1)).unwrap(),
            entries: vec![Entry {
                account: account.id,
                bucket: Bucket::Available,
                amount: 1,
            }],
            at,
        });
        Ok(ChangeSet {
            history: history.collect(),
            transfers: transfers.collect(),
            offers: self.next(seen.offers, |row| row.id.as_u128(), |row| &mut row.version),
            exchangers: self.next(
                seen.exchangers,
                |row| row.user.as_u128(),
                |row| &mut row.version,
            ),
            listings: self.next(
                seen.listings,
                |row| row.id.as_u128(),
                |row| &mut row.version,
            ),
            accounts: self.next(
                seen.accounts,
                |row| row.id.as_u128(),
                |row| &mut row.version,
            ),
            // Not to be taken for exchangers, which have the same keys.
            conducts: self.next(
                seen.conducts,
                |row| !row.user.as_u128(),
                |row| &mut row.version,
            ),
            ..ChangeSet::default()
        })
    }
}

/// Changes made beforehand, one commit for each turn.
async fn prepared(test: &TestDatabase) -> Result<Vec<ChangeSet>> {
    let database = open(test).await?;
    let (mut versions, mut prepared) = (Versions::default(), Vec::new());
    for turn in 0..usize::try_from(TIMES)? {
        let changes = versions.changes(&database, offers(turn), turn).await?;
        assert_eq!(changes.offers.len(), usize::try_from(KEYS)?);
        prepared.push(changes);
    }
    database.close().await?;
    Ok(prepared)
}

#[tokio::test(flavor = "multi_thread")]
async fn writers_read_what_they_are_asked_for() -> Result<()> {
    let counter = Counter::open(TestDatabase::postgres().await?).await?;
    let test = &counter.test;
    let keys = usize::try_from(KEYS)?;
    for (what, snapshot_query) in GLANCES {
        counter.settle().await?;
        let database = open(test).await?;
        counter
            .check_writer(what, 120, keys, database, async |db, turn| {
                let seen = db
                    .read_snapshot(&snapshot_query(turn))
                    .await?
                    .unwrap_or_default();
                Ok(found(&seen))
            })
            .await?;
    }
    let prepared = prepared(test).await?;
    counter.settle().await?;
    counter
        .check_writer("a commit", 250, 1, open(test).await?, async |db, turn| {
            db.commit(&prepared[turn]).await?;
            Ok(vec![()])
        })
        .await?;
    counter.end().await
}

/// Plans that were made when the market was all but empty are still right when it no longer is.
#[tokio::test(flavor = "multi_thread")]
async fn plans_of_an_empty_market_stay_right() -> Result<()> {
    let test = TestDatabase::postgres().await?;
    let early = open(&test).await?;
    let mut stall = Stall::open(&early).await;
    let (offer, opened) = stall.offer(50_000_000);
    early.commit(&opened).await?;
    for turn in 0..8 {
        for (_, snapshot_query) in GLANCES {
            let seen = early
                .read_snapshot(&snapshot_query(turn))
                .await?
                .unwrap_or_default();
            assert!(found(&seen).is_empty());
        }
        // What is loaded each time has the version of the time before.
        let deals = vec![offer.id];
        let changes = Versions::default().changes(&early, deals, turn).await?;
        early.commit(&changes).await?;
    }
    let counter = Counter::fill(test).await?;
    let prepared = prepared(&counter.test).await?;
    counter
        .check_writer("all of it", 400, 1, early, async |db, turn| {
            for (what, snapshot_query) in GLANCES {
                let seen = db
                    .read_snapshot(&snapshot_query(turn))
                    .await?
                    .unwrap_or_default();
                assert!(!found(&seen).is_empty(), "{what}");
            }
            db.commit(&prepared[turn]).await?;
            Ok(vec![()])
        })
        .await?;
    counter.end().await
}
