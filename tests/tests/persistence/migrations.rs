//! The migrations: up, down and up again, over an empty schema and over one with a past.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test; its own functions are not recognised as one"
)]

use crate::common::*;
use anyhow::Result;
use p2p_application::ports::{IdempotencyKey, IdempotencyRecord, Reply, Store};
use p2p_domain::{OfferId, Timestamp, TypedId};
use p2p_migration::{Migrator, MigratorTrait};
use p2p_tests::databases::TestDatabase;
use sea_orm::{DatabaseConnection, DbBackend};

on_both! {
    migrations_go_up_down_and_up
    a_market_with_a_past_gets_orders_and_loses_nothing
    there_is_no_way_down_from_money_that_has_moved
    stored_replies_are_converted_both_ways
}

/// How many changes lead to the schema.
const CHANGES: usize = 30;

/// Everything that makes the schema, as text.
async fn schema(connection: &DatabaseConnection) -> Result<Vec<String>> {
    let text = if connection.get_database_backend() == DbBackend::Sqlite {
        "SELECT type || ' ' || name || ': ' || COALESCE(sql, '') FROM sqlite_master \
         WHERE name <> 'seaql_migrations' AND name NOT LIKE 'sqlite_autoindex_seaql%' ORDER BY 1"
    } else {
        "SELECT line FROM ( \
           SELECT 'column ' || table_name || '.' || ordinal_position || ' ' || column_name || ' ' || data_type || ' ' || is_nullable AS line \
             FROM information_schema.columns WHERE table_schema = 'public' AND table_name <> 'seaql_migrations' \
           UNION ALL SELECT 'constraint ' || conrelid::regclass || ' ' || conname || ' ' || pg_get_constraintdef(oid) \
             FROM pg_constraint WHERE connamespace = 'public'::regnamespace AND conrelid::regclass::text <> 'seaql_migrations' \
           UNION ALL SELECT 'index ' || indexdef FROM pg_indexes WHERE schemaname = 'public' AND tablename <> 'seaql_migrations' \
           UNION ALL SELECT 'trigger ' || pg_get_triggerdef(t.oid) FROM pg_trigger t WHERE NOT tgisinternal \
           UNION ALL SELECT 'function ' || proname || ' ' || prosrc FROM pg_proc WHERE pronamespace = 'public'::regnamespace \
           UNION ALL SELECT 'options ' || relname || ' ' || COALESCE(reloptions::text, '') FROM pg_class \
             WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND relname <> 'seaql_migrations' \
         ) AS lines ORDER BY line"
    };
    let found = rows(connection, text).await?;
    Ok(found
        .iter()
        .map(|row| row.try_get_by_index(0))
        .collect::<Result<_, _>>()?)
}

async fn migrations_go_up_down_and_up(test: TestDatabase) -> Result<()> {
    let database = test.open().await?;
    let raw = test.raw().await?;
    let up = schema(&raw).await?;
    assert!(up.len() > 30, "{up:#?}");
    let once = up
        .iter()
        .any(|line| line.contains("SELECT DISTINCT account_id"));
    assert!(once || test.is_sqlite(), "{up:#?}");
    assert_eq!(database.pending_migrations().await?, Vec::<String>::new());

    let mut below = Vec::new();
    for steps in 1..=CHANGES {
        database.migrate_down(1).await?;
        assert_eq!(database.pending_migrations().await?.len(), steps);
        below.push(schema(&raw).await?);
    }
    assert_eq!(below.pop(), Some(Vec::new()));
    database.migrate_down(1).await?;

    // Each step down has taken back what the step up does, and no more.
    while let Some(expected) = below.pop() {
        Migrator::up(&raw, Some(1)).await?;
        assert_eq!(
            schema(&raw).await?,
            expected,
            "{} steps down",
            below.len() + 1
        );
    }
    database.migrate().await?;
    assert_eq!(schema(&raw).await?, up);
    database.migrate().await?;
    assert_eq!(schema(&raw).await?, up);
    raw.close().await?;
    database.close().await?;
    test.drop_now().await
}

/// Rows of every table that is written anew, or gets columns, as they were before.
async fn a_market_with_a_past_gets_orders_and_loses_nothing(test: TestDatabase) -> Result<()> {
    const TABLES: [&str; 8] = [
        "journal_entries",
        "accounts",
        "users",
        "offers",
        "outbox",
        "dead_letters",
        "notifications",
        "payment_reports",
    ];
    let database = test.open().await?;
    let mut stall = Stall::open(&database).await;
    let (offer, changes) = stall.offer(50_000_000);
    commit(&database, &changes).await?;
    let raw = test.raw().await?;
    let (offer, customer) = (literal(&test, offer.id), literal(&test, stall.customer.id));
    let id = literal(&test, fresh::<OfferId>());
    for row in [
        report(&test, &format!("'a', 1, 'EUR', {offer}, 'APPLIED'")),
        format!(
            "INSERT INTO outbox (id, name, aggregate_type, aggregate_id, version, body, created_at, only_queue) \
             VALUES ({id}, 'x', 'OFFER', {offer}, 1, '', 1, 'q')"
        ),
        format!(
            "INSERT INTO dead_letters (message_id, queue, name, aggregate_type, aggregate_id, version, body, created_at, reason, died_at) \
             VALUES ({id}, 'q', 'x', 'OFFER', {offer}, 1, '', 1, '', 1)"
        ),
        format!(
            "INSERT INTO notifications (id, user_id, event, at, number, version) VALUES ({id}, {customer}, 'x', 1, 1, 1)"
        ),
    ] {
        sql(&raw, &row).await?;
    }
    let counts = async || -> Result<Vec<i64>> {
        let mut counts = Vec::new();
        for table in TABLES {
            counts.push(count(&raw, &format!("SELECT count(*) FROM {table}")).await?);
        }
        Ok(counts)
    };
    let entries = async || {
        count(
            &raw,
            "SELECT CAST(sum(amount * (posted_at % 7 + 1)) AS bigint) FROM journal_entries \
             WHERE bucket = 'AVAILABLE' AND (offer_id IS NOT NULL OR staff_id IS NOT NULL)",
        )
        .await
    };
    let (up, before, sum) = (schema(&raw).await?, counts().await?, entries().await?);
    database.migrate_down(changes_from("m0014_shop")).await?;
    let mut without = counts().await?;
    // The shop and its accounts.
    without[1] += 11;
    without[2] += 1;
    assert_eq!(without, before);
    database.migrate().await?;
    assert_eq!((counts().await?, entries().await?), (before, sum));
    if test.is_sqlite() {
        assert_eq!(schema(&raw).await?, up);
    }
    raw.close().await?;
    database.close().await?;
    test.drop_now().await
}

/// What the older schema can't say is not thrown away; messages that nobody could read are.
async fn there_is_no_way_down_from_money_that_has_moved(test: TestDatabase) -> Result<()> {
    let database = test.open().await?;
    let stall = Stall::open(&database).await;
    let raw = test.raw().await?;
    let account = literal(&test, stall.customer_account.id);
    let id = literal(&test, fresh::<OfferId>());
    for row in [
        format!(
            "INSERT INTO outbox (id, name, aggregate_type, aggregate_id, version, body, created_at) \
             VALUES ({id}, 'x', 'ORDER', {id}, 1, '', 1)"
        ),
        format!(
            "INSERT INTO journal_entries (account_id, transfer_id, bucket, amount, kind, subject_id, posted_at) \
             VALUES ({account}, {id}, 'HELD', 1, 'WITHDRAWAL_HOLD', {id}, 1)"
        ),
    ] {
        sql(&raw, &row).await?;
    }
    let after_journal = changes_from("m0020_new_aggregates");
    database.migrate_down(after_journal).await?;
    let told = "SELECT count(*) FROM outbox WHERE aggregate_type = 'ORDER'";
    assert_eq!(count(&raw, told).await?, 0);
    // The journal.
    assert!(database.migrate_down(1).await.is_err());
    let pending = database.pending_migrations().await?;
    assert_eq!(pending.len(), after_journal as usize);
    database.migrate().await?;
    // The reports.
    let after_reports = changes_from("m0023_account_dates");
    database.migrate_down(after_reports).await?;
    sql(&raw, &report(&test, "'a', 1, 'EUR', NULL, 'APPLIED'")).await?;
    assert!(database.migrate_down(1).await.is_err());
    let pending = database.pending_migrations().await?;
    assert_eq!(pending.len(), after_reports as usize);
    raw.close().await?;
    database.close().await?;
    test.drop_now().await
}

/// Replies that were stored before the upgrade are replayed after it, and those stored after it once it is taken back.
async fn stored_replies_are_converted_both_ways(test: TestDatabase) -> Result<()> {
    const HTTP: &str = "POST /api/orders";
    const GRPC: &str = "/p2p.ExchangeService/CreateOffer";
    type Conversion<'a> = (&'a str, &'a str, i16, &'a str, u16, &'a [u8]);
    let rows: [Conversion<'_>; 5] = [
        (
            HTTP,
            "text",
            201,
            "{\"ёлка\": \"🦀\"}",
            201,
            "{\"ёлка\": \"🦀\"}".as_bytes(),
        ),
        (HTTP, "empty", 204, "", 204, b""),
        (HTTP, "hexadecimal", 404, "00ff", 404, b"00ff"),
        (GRPC, "message", 200, "00ff80", 0, b"\x00\xff\x80"),
        (GRPC, "error", 409, "0807", 1, b"\x08\x07"),
    ];
    let database = test.open().await?;
    let raw = test.raw().await?;
    database
        .migrate_down(changes_from("m0030_opaque_replies"))
        .await?;
    let id = literal(&test, OfferId::from_u128(7));
    for (operation, key, status, body, ..) in rows {
        sql(
            &raw,
            &format!(
                "INSERT INTO idempotency_keys (caller, operation, key, fingerprint, status, body, created_at) \
                 VALUES ({id}, '{operation}', '{key}', {id}, {status}, '{body}', 5)"
            ),
        )
        .await?;
    }
    database.migrate().await?;
    let mut unit = database.begin().await?;
    for (operation, key, .., tag, body) in rows {
        let key = IdempotencyKey {
            caller: 7,
            operation: operation.to_owned(),
            key: key.to_owned(),
        };
        let record = IdempotencyRecord {
            key: key.clone(),
            fingerprint: 7,
            reply: Reply {
                tag,
                body: body.to_vec(),
            },
            at: Timestamp::from_micros(5),
        };
        assert_eq!(unit.replies(&[key]).await?, [record]);
    }
    unit.rollback().await?;
    database
        .migrate_down(changes_from("m0030_opaque_replies"))
        .await?;
    for (operation, key, status, body, ..) in rows {
        let stored = format!(
            "SELECT count(*) FROM idempotency_keys WHERE caller = {id} AND operation = '{operation}' AND key = '{key}' \
                 AND fingerprint = {id} AND status = {status} AND body = '{body}' AND created_at = 5"
        );
        let found = count(&raw, &stored).await?;
        assert_eq!(found, 1, "{operation} {key}");
    }
    raw.close().await?;
    database.close().await?;
    test.drop_now().await
}

/// Two processes that start at the same time both come up.
#[tokio::test(flavor = "multi_thread")]
async fn two_may_migrate_at_once() -> Result<()> {
    for test in [
        TestDatabase::empty_sqlite()?,
        TestDatabase::empty_postgres().await?,
    ] {
        let (one, two) = (test.open().await?, test.open().await?);
        assert_eq!(one.pending_migrations().await?.len(), CHANGES);
        let (first, second) = tokio::join!(one.migrate(), two.migrate());
        first?;
        second?;
        assert_eq!(two.pending_migrations().await?, Vec::<String>::new());
        one.close().await?;
        two.close().await?;
        test.drop_now().await?;
    }
    Ok(())
}
