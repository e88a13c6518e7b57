//! How SQLite answers the queries: along an index, never by reading a whole table or sorting a whole answer. What
//! PostgreSQL does is counted in `tests/`, over real rows.

mod access;

use std::time::Duration;

use p2p_application::dispute::DisputeFilter;
use p2p_application::listing::{ListingCursor, ListingFilter, ListingOrder};
use p2p_application::notification::NotificationFilter;
use p2p_application::offer::OfferFilter;
use p2p_application::order::OrderFilter;
use p2p_application::payment_report::ReportFilter;
use p2p_application::ports::IdempotencyKey;
use p2p_application::wallet::{StatementCursor, StatementFilter};
use p2p_application::withdrawal::WithdrawalFilter;
use p2p_domain::ledger::Bucket;
use p2p_domain::order::OrderStatus;
use p2p_domain::withdrawal::WithdrawalStatus;
use p2p_domain::{Actor, Asset, ExchangeType, Money, Timestamp, TypedId, UserId};
use sea_orm::sea_query::{SelectStatement, SqliteQueryBuilder};
use sea_orm::{ConnectionTrait, DbBackend, QueryTrait, Statement};
use uuid::Uuid;

use crate::connect::DatabaseSettings;
use crate::database::Database;
use crate::ledger::account;
use crate::{
    dispute, idempotency, inbox, ledger, listing, notification, offer, order, outbox, payment,
    payment_report, user, withdrawal,
};

async fn plan(database: &Database, sql: &str) -> String {
    let statement = Statement::from_string(DbBackend::Sqlite, format!("EXPLAIN QUERY PLAN {sql}"));
    let rows = database.reader().query_all_raw(statement).await.unwrap();
    let lines: Vec<String> = rows
        .iter()
        .map(|row| row.try_get::<String>("", "detail").unwrap())
        .collect();
    lines.join("\n")
}

/// A name, a query, and the ways into tables by which it must go.
type Case = (&'static str, String, &'static [&'static str]);

fn cases() -> Vec<Case> {
    let user = UserId::from_u128(9);
    let deals = |side, active_since| OfferFilter {
        user,
        side,
        active_since,
        after: Some(TypedId::from_u128(9)),
        limit: 20,
    };
    let since = Some(Timestamp::from_micros(9));
    let book = ListingFilter {
        exchanger: None,
        exchange_type: None,
        asset: None,
        fiat: None,
        amount: None,
        payment_method: None,
        online_only: false,
        order: ListingOrder::Newest,
        after: Some(ListingCursor {
            price_e8: 9,
            id: TypedId::from_u128(9),
        }),
        limit: 20,
    };
    let side = |exchange_type, order| ListingFilter {
        exchange_type: Some(exchange_type),
        asset: Some(Asset::Usdt),
        fiat: Some(Asset::Usd),
        amount: Some(Money::new(9, Asset::Usd)),
        payment_method: Some("CARD".to_owned()),
        online_only: true,
        order,
        ..book.clone()
    };
    let disputes = |side, open| DisputeFilter {
        side,
        open,
        after: Some(TypedId::from_u128(9)),
        limit: 20,
    };
    let statement = |asset| StatementFilter {
        user,
        asset,
        after: Some(StatementCursor {
            transfer: TypedId::from_u128(9),
            bucket: Bucket::Available,
        }),
        limit: 20,
    };
    // Parameters may stay open: nothing depends on them.
    let offers = |filter| {
        offer::queries::page(&filter, DbBackend::Sqlite)
            .unwrap()
            .sql
    };
    let listings = |filter| {
        let search = listing::search::search(&filter, DbBackend::Sqlite).unwrap();
        search.statement.sql
    };
    let built = |select: SelectStatement| select.to_string(SqliteQueryBuilder);
    vec![
        (
            "deals",
            offers(deals(None, None)),
            &[
                "offers_of_customer (customer_id=? AND id<?)",
                "offers_of_exchanger (exchanger_id=? AND id<?)",
            ],
        ),
        (
            "deals of a side",
            offers(deals(Some(Actor::Customer), None)),
            &["offers_of_customer (customer_id=? AND id<?)"],
        ),
        (
            "active deals",
            offers(deals(None, since)),
            &[
                "offers_active_of_customer (customer_id=? AND closed_at=? AND id<?)",
                "offers_active_of_customer (customer_id=? AND closed_at>?)",
                "offers_active_of_exchanger (exchanger_id=? AND closed_at=? AND id<?)",
                "offers_active_of_exchanger (exchanger_id=? AND closed_at>?)",
            ],
        ),
        (
            "newest listings",
            listings(book.clone()),
            &["listings_newest (id<?)"],
        ),
        (
            "listings to buy",
            listings(side(
                ExchangeType::FiatToCrypto,
                ListingOrder::PriceAscending,
            )),
            &["listings_book_buy (asset=? AND fiat=? AND price_e8>?)"],
        ),
        (
            "listings to sell",
            listings(side(
                ExchangeType::CryptoToFiat,
                ListingOrder::PriceDescending,
            )),
            &["listings_book_sell (asset=? AND fiat=? AND price_e8<?)"],
        ),
        (
            "own listings",
            listings(ListingFilter {
                exchanger: Some(user),
                ..book
            }),
            &["listings_of_exchanger (exchanger_id=? AND id<?)"],
        ),
        (
            "all disputes",
            built(dispute::queries::page(&disputes(None, None))),
            &["sqlite_autoindex_disputes_1 (id>?)"],
        ),
        (
            "open disputes",
            built(dispute::queries::page(&disputes(None, Some(true)))),
            &["disputes_open (id>?)"],
        ),
        (
            "own disputes",
            built(dispute::queries::page(&disputes(Some(user), None))),
            &[
                "disputes_of_customer (customer_id=? AND id>?)",
                "disputes_of_exchanger (exchanger_id=? AND id>?)",
            ],
        ),
        (
            "statement",
            built(ledger::queries::page(&statement(None)).unwrap()),
            &["PRIMARY KEY (account_id=? AND transfer_id<?)"],
        ),
        (
            "statement of one asset",
            built(ledger::queries::page(&statement(Some(Asset::Usdt))).unwrap()),
            &["PRIMARY KEY (account_id=? AND transfer_id<?)"],
        ),
    ]
}

/// What goes out, what comes in, and what people are told.
fn messages() -> Vec<Case> {
    let user = UserId::from_u128(9);
    let told = |unread_after| NotificationFilter {
        user,
        unread_after,
        before: Some(9),
        limit: 20,
    };
    let reports = |applied, offer| ReportFilter {
        applied,
        offer,
        after: Some(TypedId::from_u128(9)),
        limit: 20,
    };
    let sql = |select: SelectStatement| select.to_string(SqliteQueryBuilder);
    let report = |applied, offer| sql(payment_report::page(&reports(applied, offer)).into_query());
    let offer = Some(TypedId::from_u128(9));
    let messages = vec!["a".to_owned(), "b".to_owned()];
    vec![
        (
            "notifications",
            sql(notification::queries::page(&told(None)).into_query()),
            &["sqlite_autoindex_notifications_2 (user_id=? AND number<?)"],
        ),
        (
            "unread notifications",
            sql(notification::queries::page(&told(Some(3))).into_query()),
            &["notifications_unread (user_id=? AND number>? AND number<?)"],
        ),
        (
            "the next notifications",
            sql(notification::queries::following(user, 9, 20).into_query()),
            &["sqlite_autoindex_notifications_2 (user_id=? AND number>?)"],
        ),
        (
            "how many are unread",
            notification::queries::unread(DbBackend::Sqlite, user, 9, 100).sql,
            &["notifications_unread (user_id=? AND number>?)"],
        ),
        (
            "reports",
            report(None, None),
            &["sqlite_autoindex_payment_reports_1 (id<?)"],
        ),
        (
            "reports to look into",
            report(Some(false), None),
            &["payment_reports_open (id<?)"],
        ),
        (
            "reports that were applied",
            report(Some(true), None),
            &["payment_reports_applied (id<?)"],
        ),
        (
            "reports of a deal",
            report(None, offer),
            &["payment_reports_of_offer (offer_id=? AND id<?)"],
        ),
        (
            "messages on their way, from a place on",
            sql(outbox::oldest(Some(Uuid::nil()), 20).into_query()),
            &["sqlite_autoindex_outbox_1 (id>?)"],
        ),
        (
            "messages to be forgotten",
            inbox::forgetting(
                DbBackend::Sqlite,
                "notifications",
                Timestamp::from_micros(9),
                20,
            )
            .sql,
            &["inbox_oldest (consumer=? AND taken_at<?)"],
        ),
        (
            "messages that were taken in",
            sql(inbox::of(DbBackend::Sqlite, "c", messages).into_query()),
            &["PRIMARY KEY (consumer=? AND message=?)"],
        ),
    ]
}

/// Orders, withdrawals, and requests that were answered.
fn orders() -> Vec<Case> {
    let (user, after) = (UserId::from_u128(9), 9);
    let orders = |user, status| {
        let filter = OrderFilter {
            user,
            status,
            after: Some(TypedId::from_u128(after)),
            limit: 20,
        };
        let page = order::page(&filter);
        page.statement::<order::Entity>(DbBackend::Sqlite).sql
    };
    let withdrawals = |user, status| {
        let filter = WithdrawalFilter {
            user,
            status,
            after: Some(TypedId::from_u128(after)),
            limit: 20,
        };
        let page = withdrawal::page(&filter);
        page.statement::<withdrawal::Entity>(DbBackend::Sqlite).sql
    };
    let (some, requested) = (Some(user), Some(WithdrawalStatus::Requested));
    vec![
        (
            "orders",
            orders(None, None),
            &["sqlite_autoindex_orders_1 (id<?)"],
        ),
        (
            "own orders",
            orders(some, None),
            &["orders_of_user (user_id=? AND id<?)"],
        ),
        (
            "own new orders",
            orders(some, Some(OrderStatus::New)),
            &["orders_new (user_id=? AND id<?)"],
        ),
        (
            "own cancelled orders",
            orders(some, Some(OrderStatus::Cancelled)),
            &["orders_cancelled (user_id=? AND id<?)"],
        ),
        (
            "own finished orders",
            orders(some, Some(OrderStatus::Finished)),
            &["orders_of_user (user_id=? AND id<?)"],
        ),
        (
            "withdrawals",
            withdrawals(None, None),
            &["sqlite_autoindex_withdrawals_1 (id<?)"],
        ),
        (
            "withdrawals to decide",
            withdrawals(None, requested),
            &["withdrawals_by_status (status=? AND id<?)"],
        ),
        (
            "own withdrawals",
            withdrawals(some, None),
            &["withdrawals_of_user (user_id=? AND id<?)"],
        ),
        (
            "own withdrawals to be decided",
            withdrawals(some, requested),
            &["withdrawals_of_user_by_status (user_id=? AND status=? AND id<?)"],
        ),
        (
            "answers to be forgotten",
            idempotency::forgetting(DbBackend::Sqlite, Timestamp::from_micros(9), 20).sql,
            &["idempotency_keys_oldest (created_at<?)"],
        ),
    ]
}

#[tokio::test]
async fn sqlite_answers_along_its_indexes() {
    let folder = tempfile::tempdir().unwrap();
    let database = Database::open(&DatabaseSettings {
        url: format!("sqlite://{}", folder.path().join("plans.db").display()),
        max_connections: 2,
        acquire_timeout: Duration::from_secs(5),
    })
    .await
    .unwrap();
    database.migrate().await.unwrap();
    let all = cases().into_iter().chain(messages()).chain(orders());
    let all = all.chain(access::cases());
    for (name, statement, access_paths) in all {
        let plan = plan(&database, &statement).await;
        for way in access_paths {
            assert!(plan.contains(way), "{name} does not use {way}:\n{plan}");
        }
        // What a way has found is as much as a page may look at: it is read as a whole, and sorted in with the others.
        let (mut found, mut before) = (false, "");
        for step in plan.lines() {
            if let Some(what) = step.strip_prefix("SCAN ") {
                found = ["page", "way", "walked", "found"].contains(&what)
                    || what.starts_with("(subquery");
                assert!(found, "{name} reads a whole table:\n{plan}");
            } else if step.starts_with("USE TEMP B-TREE") {
                let few = found || before.contains("closed_at>?");
                assert!(few, "{name} sorts what it finds:\n{plan}");
            } else if !step.starts_with("SEARCH ") && !step.starts_with("CORRELATED ") {
                found = false;
            }
            before = step;
        }
    }
    database.close().await.unwrap();
}

/// The keys of a batch of commands.
#[tokio::test]
async fn sqlite_finds_keys_along_its_indexes() {
    let folder = tempfile::tempdir().unwrap();
    let database = Database::open(&DatabaseSettings {
        url: format!("sqlite://{}", folder.path().join("keys.db").display()),
        max_connections: 2,
        acquire_timeout: Duration::from_secs(5),
    })
    .await
    .unwrap();
    database.migrate().await.unwrap();
    let ids = || (1..=3).map(Uuid::from_u128).collect::<Vec<_>>();
    let keys: Vec<(Uuid, &'static str)> = ids().into_iter().map(|id| (id, "USDT")).collect();
    let emails = vec!["a@example.com".to_owned(), "b@example.com".to_owned()];
    let key = |name: &str| IdempotencyKey {
        caller: 9,
        operation: "o".to_owned(),
        key: name.to_owned(),
    };
    let asked: Vec<(Uuid, String)> = ids().into_iter().map(|id| (id, "k".to_owned())).collect();
    for (statement, access_paths) in [
        (
            account::by_owner(DbBackend::Sqlite, &keys).to_string(),
            &["sqlite_autoindex_accounts_2 (owner_id=? AND asset=?)"][..],
        ),
        (
            user::by_id_or_email(DbBackend::Sqlite, ids(), emails)
                .build(DbBackend::Sqlite)
                .to_string(),
            &[
                "sqlite_autoindex_users_1 (id=?)",
                "sqlite_autoindex_users_2 (email=?)",
            ],
        ),
        (
            idempotency::of(DbBackend::Sqlite, &[&key("a"), &key("b")]).to_string(),
            &["PRIMARY KEY (caller=? AND operation=? AND key=?)"],
        ),
        (
            payment::of_orders(DbBackend::Sqlite, ids())
                .build(DbBackend::Sqlite)
                .to_string(),
            &["payments_of_order (order_id=?)"],
        ),
        (
            payment::of_callers(DbBackend::Sqlite, &asked).to_string(),
            &["payments_of_caller (caller_id=? AND key=?)"],
        ),
        (
            listing::by_id_or_exchanger(DbBackend::Sqlite, ids(), ids())
                .build(DbBackend::Sqlite)
                .to_string(),
            &[
                "sqlite_autoindex_listings_1 (id=?)",
                "listings_of_exchanger (exchanger_id=?)",
            ],
        ),
        (
            payment::of_orders(DbBackend::Sqlite, ids())
                .build(DbBackend::Sqlite)
                .to_string(),
            &["payments_of_order (order_id=?)"],
        ),
        (
            payment::of_callers(DbBackend::Sqlite, &asked).to_string(),
            &["payments_of_caller (caller_id=? AND key=?)"],
        ),
    ] {
        let plan = plan(&database, &statement).await;
        for way in access_paths {
            assert!(
                plan.contains(way),
                "{statement} does not use {way}:\n{plan}"
            );
        }
        assert!(
            !plan.contains("SCAN users")
                && !plan.contains("SCAN listings")
                && !plan.contains("SCAN p")
                && !plan.contains("SCAN r"),
            "{plan}"
        );
    }
    database.close().await.unwrap();
}
