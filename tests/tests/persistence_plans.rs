//! Every query of the API, and every lock of a unit of work, reads about as many rows as it answers with, however many
//! there are: counted by PostgreSQL itself, table by table, over a market with a long past.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test; its own functions are not recognised as one"
)]

mod persistence_common;

use std::collections::BTreeMap;

use anyhow::Result;
use application::ports::{
    DisputeFilter, DisputeQueries, ListingCursor, ListingFilter, ListingOrder, ListingQueries,
    Maintenance, OfferFilter, OfferQueries, StatementCursor, StatementFilter, Store, Transaction,
    UserQueries, WalletQueries,
};
use domain::ledger::Bucket;
use domain::user::Email;
use domain::{
    AccountKey, Actor, Asset, DisputeId, ExchangeType, ListingId, Money, OfferId, Timestamp,
    TransferId, TypedId, UserId,
};
use p2p_tests::databases::TestDatabase;
use persistence::{Database, DatabaseSettings};
use persistence_common::*;
use sea_orm::DatabaseConnection;

const USER: u128 = 0x1000_0000_0000_0000_0000_0000_0000_0000;
const LISTING: u128 = 0x2000_0000_0000_0000_0000_0000_0000_0000;
const OFFER: u128 = 0x3000_0000_0000_0000_0000_0000_0000_0000;
const DISPUTE: u128 = 0x4000_0000_0000_0000_0000_0000_0000_0000;
const TRANSFER: u128 = 0x5000_0000_0000_0000_0000_0000_0000_0000;

/// Users 1 to 500 are exchangers, the rest customers. User 1000 has made half of all deals, user 1 has answered as many;
/// all but a few of them long ago. One listing in ten is active.
const MARKET: &str = "
CREATE FUNCTION nth(kind int, i bigint) RETURNS uuid LANGUAGE sql IMMUTABLE AS
  $$ SELECT (kind || '0000000-0000-0000-0000-' || lpad(to_hex(i), 12, '0'))::uuid $$;
INSERT INTO users (id, email, name, roles, created_at, version)
  SELECT nth(1, i), i || '@example.com', 'user ' || i, 1, 1, 1 FROM generate_series(1, 6000) i;
INSERT INTO accounts (id, owner_id, asset, available, held, version)
  SELECT nth(6, i * 16 + n), nth(1, i), asset, 0, 0, 1 FROM generate_series(1, 6000) i,
    unnest(ARRAY['BTC', 'ETH', 'USDT']) WITH ORDINALITY AS a (asset, n);
INSERT INTO exchangers (user_id, online, unanswered, frozen_at, version)
  SELECT nth(1, i), i % 2 = 0, 0, CASE WHEN i % 25 = 1 THEN i END, 1 FROM generate_series(1, 500) i;
INSERT INTO listings (id, exchanger_id, exchange_type, asset, fiat, price_e8, total, frozen, executed, remaining,
    min_fiat, max_fiat, available_fiat, payment_methods, payment_window_seconds, terms, state, created_at, updated_at, version)
  SELECT nth(2, i), nth(1, i % 500 + 1), CASE WHEN i % 20 < 10 THEN 'CRYPTO2FIAT' ELSE 'FIAT2CRYPTO' END,
    (ARRAY['BTC', 'ETH', 'USDT'])[i % 3 + 1], (ARRAY['USD', 'EUR'])[i % 2 + 1], 1000000 + i * 7919 % 1000000,
    1000, 0, 0, 1000, 100, 100000, 100000, '|CARD|SEPA|', 1800, 'terms', CASE WHEN i % 10 = 0 THEN 'ACTIVE' ELSE 'CLOSED' END, i, i, 1
  FROM generate_series(1, 20000) i;
INSERT INTO offers (id, listing_id, customer_id, exchanger_id, exchange_type, asset, amount, fiat, fiat_amount, price_e8,
    fee_basis_points, payment_window_seconds, conditions, created_at, status, deadline, cancel_proposed, closed_at, version)
  SELECT nth(3, i), nth(2, i % 20000 + 1), nth(1, CASE WHEN i % 2 = 0 THEN 1000 ELSE 1001 + i % 4000 END),
    nth(1, CASE WHEN i % 2 = 0 THEN 1 ELSE 2 + i % 499 END), 'FIAT2CRYPTO', 'USDT', 1, 'USD', 1, 1, 10, 1800, '', i,
    CASE WHEN i > 39960 THEN 'PENDING' WHEN i % 3 = 0 THEN 'FINISHED' WHEN i % 3 = 1 THEN 'DECLINED' ELSE 'CANCELLED' END,
    CASE WHEN i > 39960 THEN i END, false, CASE WHEN i <= 39960 THEN i END, 1
  FROM generate_series(1, 40000) i;
INSERT INTO offer_history (offer_id, version, status, actor, at)
  SELECT nth(3, i), v, 'PENDING', 'SYSTEM', 1 FROM generate_series(1, 40000) i, generate_series(1, 2) v;
INSERT INTO disputes (id, offer_id, customer_id, exchanger_id, opened_by, opener_id, reason, opened_at, state,
    resolution, resolved_by, resolution_comment, resolved_at, version)
  SELECT nth(4, i), o.id, o.customer_id, o.exchanger_id, 'CUSTOMER', o.customer_id, '', 1,
    CASE WHEN i > 11950 THEN 'OPEN' ELSE 'RESOLVED' END, CASE WHEN i <= 11950 THEN 'RESOLVED_FINISHED' END,
    CASE WHEN i <= 11950 THEN nth(1, 1) END, CASE WHEN i <= 11950 THEN '' END, CASE WHEN i <= 11950 THEN 1 END, 1
  FROM generate_series(1, 12000) i JOIN offers o ON o.id = nth(3, i);
INSERT INTO dispute_comments (dispute_id, id, author_id, text, at)
  SELECT nth(4, i), nth(7, i * 2 + n), nth(1, 1), 'text', 1 FROM generate_series(1, 12000) i, generate_series(0, 1) n;
INSERT INTO journal_entries (account_id, transfer_id, bucket, amount, kind, offer_id, posted_at)
  SELECT nth(6, CASE WHEN i % 2 = 0 THEN 1000 ELSE i % 6000 + 1 END * 16 + i / 2 % 2 + 2), nth(5, i), bucket, 1, 'HOLD', nth(3, 1), i
  FROM generate_series(1, 40000) i, unnest(ARRAY['AVAILABLE', 'HELD']) AS bucket;
ANALYZE";

const LIMIT: u32 = 20;
/// Often enough for PostgreSQL to think of a plan for any parameters.
const TIMES: i64 = 12;

fn user(i: u128) -> UserId {
    UserId::from_u128(USER + i)
}

/// Rows that PostgreSQL has read in each table, one way or another.
async fn reads(raw: &DatabaseConnection) -> Result<BTreeMap<String, (i64, i64)>> {
    let found = rows(
        raw,
        "SELECT t.relname, t.seq_tup_read, COALESCE(sum(i.idx_tup_read), 0)::bigint \
         FROM pg_stat_user_tables t LEFT JOIN pg_stat_user_indexes i ON i.relid = t.relid \
         GROUP BY t.relname, t.seq_tup_read",
    )
    .await?;
    let mut reads = BTreeMap::new();
    for row in found {
        let name: String = row.try_get_by_index(0)?;
        reads.insert(name, (row.try_get_by_index(1)?, row.try_get_by_index(2)?));
    }
    Ok(reads)
}

struct Counter {
    test: TestDatabase,
    raw: DatabaseConnection,
}

impl Counter {
    /// Runs a query [`TIMES`] times on one connection and counts what it reads. At most `most` rows of each table each
    /// time, whatever the way; the work that the query is for must happen.
    async fn check<T, F>(&self, what: &str, most: i64, least: usize, query: F) -> Result<()>
    where
        F: AsyncFn(&Database) -> Result<Vec<T>>,
    {
        let before = reads(&self.raw).await?;
        let database = Database::open(&DatabaseSettings {
            max_connections: 1,
            ..self.test.settings()
        })
        .await?;
        for _ in 0..TIMES {
            let found = query(&database).await?;
            assert!(found.len() >= least, "{what}: only {} found", found.len());
        }
        // A connection that ends reports what it has counted.
        database.close().await?;
        self.settle().await?;
        for (table, (scanned, looked_up)) in reads(&self.raw).await? {
            let (scanned_before, looked_up_before) = before[&table];
            let read = scanned - scanned_before + looked_up - looked_up_before;
            assert!(
                read <= most * TIMES,
                "{what}: {} rows of {table} read each time ({} by scanning)",
                read / TIMES,
                (scanned - scanned_before) / TIMES
            );
        }
        Ok(())
    }

    /// Waits until the connections of the query are gone.
    async fn settle(&self) -> Result<()> {
        let others = "SELECT count(*) FROM pg_stat_activity \
                      WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'";
        while count(&self.raw, others).await? > 0 {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        Ok(())
    }
}

fn deals(side: Option<Actor>, active: bool, after: Option<OfferId>, who: u128) -> OfferFilter {
    OfferFilter {
        user: user(who),
        side,
        active_since: active.then_some(Timestamp::from_micros(39_900)),
        after,
        limit: LIMIT,
    }
}

fn book() -> ListingFilter {
    ListingFilter {
        exchanger: None,
        exchange_type: None,
        asset: None,
        fiat: None,
        amount: None,
        payment_method: None,
        online_only: false,
        order: ListingOrder::Newest,
        after: None,
        limit: LIMIT,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn queries_read_what_they_answer_with() -> Result<()> {
    let test = TestDatabase::postgres().await?;
    let raw = test.raw().await?;
    sql(&raw, MARKET).await?;
    // What this connection has read is counted when it ends.
    raw.close().await?;
    let raw = test.raw().await?;
    let counter = Counter { test, raw };
    counter.settle().await?;
    offers(&counter).await?;
    listings(&counter).await?;
    disputes(&counter).await?;
    wallets(&counter).await?;
    people(&counter).await?;
    maintenance(&counter).await?;
    locks(&counter).await?;
    counter.raw.close().await?;
    counter.test.drop_now().await
}

async fn offers(counter: &Counter) -> Result<()> {
    let id = OfferId::from_u128(OFFER + 30_000);
    counter
        .check("find_offer", 12, 1, async |db| {
            Ok(db.find_offer(id).await?.into_iter().collect())
        })
        .await?;
    counter
        .check("offer_history", 12, 2, async |db| {
            Ok(db.offer_history(id).await?)
        })
        .await?;
    for (name, filter, least) in [
        ("all deals", deals(None, false, None, 1_000), 20),
        (
            "as customer",
            deals(Some(Actor::Customer), false, None, 1_000),
            20,
        ),
        (
            "as exchanger",
            deals(Some(Actor::Exchanger), false, Some(id), 1),
            20,
        ),
        ("next page", deals(None, false, Some(id), 1_000), 20),
        ("few deals", deals(None, false, None, 1_500), 5),
        ("active", deals(None, true, None, 1_000), 20),
        (
            "active as exchanger",
            deals(Some(Actor::Exchanger), true, None, 1),
            20,
        ),
        ("none active", deals(None, true, None, 5_900), 0),
    ] {
        // A page of each kind, and in the active ones all that is active: a few dozen here.
        counter
            .check(&format!("list_offers: {name}"), 90, least, async |db| {
                Ok(db.list_offers(&filter).await?)
            })
            .await?;
    }
    Ok(())
}

async fn listings(counter: &Counter) -> Result<()> {
    let id = ListingId::from_u128(LISTING + 10_000);
    let after = Some(ListingCursor {
        price_e8: 1_500_000,
        id,
    });
    counter
        .check("find_listing", 12, 1, async |db| {
            Ok(db.find_listing(id).await?.into_iter().collect())
        })
        .await?;
    let side = |exchange_type, order| ListingFilter {
        exchange_type: Some(exchange_type),
        asset: Some(Asset::Usdt),
        fiat: Some(Asset::Usd),
        order,
        ..book()
    };
    let buy = side(ExchangeType::FiatToCrypto, ListingOrder::PriceAscending);
    let sell = side(ExchangeType::CryptoToFiat, ListingOrder::PriceDescending);
    let own = ListingFilter {
        exchanger: Some(user(1)),
        ..book()
    };
    // `least`: the market has so few of them that a filter leaves some out.
    for (name, filter, most, least) in [
        ("newest", book(), 60, 20),
        (
            "newest, next page",
            ListingFilter { after, ..book() },
            60,
            20,
        ),
        ("to buy", buy.clone(), 60, 0),
        ("to sell", sell.clone(), 60, 20),
        (
            "to sell, next page",
            ListingFilter {
                after,
                ..sell.clone()
            },
            60,
            20,
        ),
        (
            "to sell, by amount and method",
            ListingFilter {
                amount: Some(Money::new(500, Asset::Usd)),
                payment_method: Some("SEPA".to_owned()),
                ..sell.clone()
            },
            60,
            20,
        ),
        ("an exchanger's own", own, 60, 0),
    ] {
        counter
            .check(&format!("list_listings: {name}"), most, least, async |db| {
                Ok(db.list_listings(&filter).await?)
            })
            .await?;
    }
    Ok(())
}

async fn disputes(counter: &Counter) -> Result<()> {
    let id = DisputeId::from_u128(DISPUTE + 9_000);
    let offer = OfferId::from_u128(OFFER + 9_000);
    counter
        .check("find_dispute", 12, 1, async |db| {
            Ok(db.find_dispute(id).await?.into_iter().collect())
        })
        .await?;
    counter
        .check("disputes_of", 12, 1, async |db| {
            Ok(db.disputes_of(offer).await?)
        })
        .await?;
    counter
        .check("dispute_comments", 12, 2, async |db| {
            Ok(db.dispute_comments(id).await?)
        })
        .await?;
    let filter = |side: Option<u128>, open, after| DisputeFilter {
        side: side.map(user),
        open,
        after,
        limit: LIMIT,
    };
    for (name, filter, least) in [
        ("queue", filter(None, Some(true), None), 20),
        ("resolved", filter(None, Some(false), Some(id)), 20),
        ("all", filter(None, None, Some(id)), 20),
        ("of a busy user", filter(Some(1_000), None, None), 20),
        ("of a busy exchanger", filter(Some(1), None, Some(id)), 20),
        ("of a user with few", filter(Some(1_500), None, None), 1),
        ("of a user with none", filter(Some(5_900), None, None), 0),
    ] {
        counter
            .check(&format!("list_disputes: {name}"), 60, least, async |db| {
                Ok(db.list_disputes(&filter).await?)
            })
            .await?;
    }
    Ok(())
}

async fn wallets(counter: &Counter) -> Result<()> {
    counter
        .check("accounts_of", 12, 3, async |db| {
            Ok(db.accounts_of(user(1_000)).await?)
        })
        .await?;
    let after = StatementCursor {
        transfer: TransferId::from_u128(TRANSFER + 20_000),
        bucket: Bucket::Available,
    };
    for (name, asset, after) in [
        ("of everything", None, None),
        ("of everything, next page", None, Some(after)),
        ("of one asset", Some(Asset::Usdt), None),
        ("of one asset, next page", Some(Asset::Usdt), Some(after)),
    ] {
        let filter = StatementFilter {
            user: user(1_000),
            asset,
            after,
            limit: LIMIT,
        };
        // Each account's page, and the transfer at the page's end read to its end.
        counter
            .check(&format!("statement {name}"), 60, 20, async |db| {
                Ok(db.statement(&filter).await?)
            })
            .await?;
    }
    Ok(())
}

async fn people(counter: &Counter) -> Result<()> {
    counter
        .check("find_user", 12, 1, async |db| {
            Ok(db.find_user(user(3_000)).await?.into_iter().collect())
        })
        .await?;
    let email = Email::new("3000@example.com");
    counter
        .check("find_user_by_email", 12, 1, async |db| {
            Ok(db.find_user_by_email(&email).await?.into_iter().collect())
        })
        .await?;
    counter
        .check("find_exchanger", 12, 1, async |db| {
            Ok(db.find_exchanger(user(300)).await?.into_iter().collect())
        })
        .await?;
    counter
        .check("frozen_exchangers", 25, 20, async |db| {
            Ok(db.frozen_exchangers(LIMIT).await?)
        })
        .await
}

async fn maintenance(counter: &Counter) -> Result<()> {
    counter
        .check("due_offers", 25, 20, async |db| {
            Ok(db.due_offers(Timestamp::from_micros(40_000), LIMIT).await?)
        })
        .await?;
    counter
        .check("due_offers, none due", 2, 0, async |db| {
            Ok(db.due_offers(Timestamp::from_micros(10), LIMIT).await?)
        })
        .await
}

/// As a batch of a few dozen commands would load.
async fn locks(counter: &Counter) -> Result<()> {
    let picks = || (1..=30u128).map(|i| i * 97);
    let offers: Vec<_> = picks().map(|i| OfferId::from_u128(OFFER + i)).collect();
    let listings: Vec<_> = picks().map(|i| ListingId::from_u128(LISTING + i)).collect();
    let disputes: Vec<_> = picks().map(|i| DisputeId::from_u128(DISPUTE + i)).collect();
    let users: Vec<_> = picks().map(|i| user(1 + i)).collect();
    let exchangers: Vec<_> = (1..=30).map(user).collect();
    let emails: Vec<_> = picks()
        .map(|i| Email::new(&format!("{i}@example.com")))
        .collect();
    let accounts: Vec<_> = users
        .iter()
        .map(|user| AccountKey::user(*user, Asset::Usdt))
        .collect();
    let owners = [user(2), user(3)];
    async fn unit(db: &Database) -> Result<Box<dyn Transaction>> {
        Ok(db.begin().await?)
    }
    counter
        .check("offers_of_disputes", 40, 30, async |db| {
            Ok(unit(db).await?.offers_of_disputes(&disputes).await?)
        })
        .await?;
    counter
        .check("listing_heads", 40, 30, async |db| {
            Ok(unit(db).await?.listing_heads(&listings).await?)
        })
        .await?;
    counter
        .check("lock_users", 90, 30, async |db| {
            Ok(unit(db).await?.lock_users(&users, &emails).await?)
        })
        .await?;
    counter
        .check("lock_offers", 40, 30, async |db| {
            Ok(unit(db).await?.lock_offers(&offers).await?)
        })
        .await?;
    counter
        .check("lock_disputes", 40, 30, async |db| {
            Ok(unit(db).await?.lock_disputes(&offers).await?)
        })
        .await?;
    counter
        .check("lock_exchangers", 40, 30, async |db| {
            Ok(unit(db).await?.lock_exchangers(&exchangers).await?)
        })
        .await?;
    counter
        .check("lock_listings", 80, 30, async |db| {
            Ok(unit(db).await?.lock_listings(&listings, &owners).await?)
        })
        .await?;
    counter
        .check("lock_accounts", 40, 30, async |db| {
            Ok(unit(db).await?.lock_accounts(&accounts).await?)
        })
        .await
}
