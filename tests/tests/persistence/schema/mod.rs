//! The schema itself: it refuses impossible rows, and keeps rows that others refer to.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test; its own functions are not recognised as one"
)]

mod accounts;
mod disputes;
mod journal;
mod listings;
mod messages;
mod notifications;
mod offers;
mod orders;
mod payment_reports;
mod payments;
mod rows;
mod withdrawals;

use crate::common::*;
use anyhow::Result;
use p2p_domain::{Account, Asset, OfferId, User};
use p2p_tests::databases::TestDatabase;
use rows::Rows;
use sea_orm::DatabaseConnection;

on_both! {
    the_system_has_its_accounts
    the_journal_and_the_histories_are_append_only
    referenced_rows_are_kept
    impossible_rows_are_refused
}

async fn the_system_has_its_accounts(test: TestDatabase) -> Result<()> {
    use p2p_application::ports::Store;
    use p2p_application::user::UserQueries;
    use p2p_application::wallet::WalletQueries;
    use p2p_domain::user::Email;
    use p2p_domain::{AccountKey, TypedId, UserId};

    let database = test.open().await?;
    let mut keys: Vec<AccountKey> = Asset::ALL
        .iter()
        .flat_map(|asset| {
            [
                AccountKey::external(*asset),
                AccountKey::fees(*asset),
                AccountKey::merchant(None, *asset),
            ]
        })
        .collect();
    keys.sort_unstable();
    let mut unit = database.begin().await?;
    let accounts = unit.load_by_key::<Account>(&keys).await?;
    let mut found: Vec<AccountKey> = accounts.iter().map(|account| account.key).collect();
    found.sort_unstable();
    assert_eq!(found, keys);

    // They belong to no user: not by id, by e-mail address or by account.
    for bits in [1, 2, 3] {
        let system = UserId::from_u128(bits);
        assert_eq!(database.find_user(system).await?, None);
        assert_eq!(unit.load_by_key::<User>(&[system]).await?, Vec::new());
        assert_eq!(unit.known_users(&[system]).await?, Vec::new());
        assert_eq!(database.accounts_of(system).await?, Vec::new());
        let key = AccountKey::user(system, Asset::Usdt);
        assert_eq!(unit.load_by_key::<Account>(&[key]).await?, Vec::new());
    }
    for name in ["system:external", "system:fees", "system:shop"] {
        let email = Email::new(name);
        assert_eq!(database.find_user_by_email(&email).await?, None);
        assert_eq!(unit.load_by::<User>(&[], &[email]).await?, Vec::new());
    }
    unit.rollback().await?;
    test.drop_now().await
}

async fn the_journal_and_the_histories_are_append_only(test: TestDatabase) -> Result<()> {
    let database = test.open().await?;
    let mut stall = Stall::open(&database).await;
    let (_, changes) = stall.offer(50_000_000);
    commit(&database, &changes).await?;
    let raw = test.raw().await?;
    for (table, column) in [
        ("journal_entries", "amount"),
        ("offer_history", "at"),
        ("dispute_comments", "at"),
        ("payment_reports", "received_at"),
    ] {
        let before = count(&raw, &format!("SELECT count(*) FROM {table}")).await?;
        if table == "dispute_comments" && test.is_sqlite() {
            // Row triggers need a row.
            plant_comment(&test, &raw).await?;
        }
        if table == "payment_reports" {
            sql(&raw, &report(&test, "'a', 1, 'EUR', NULL, 'UNKNOWN_DEAL'")).await?;
        }
        let mut attempts = vec![
            format!("UPDATE {table} SET {column} = 1"),
            format!("DELETE FROM {table}"),
        ];
        if !test.is_sqlite() {
            attempts.push(format!("TRUNCATE {table} CASCADE"));
        }
        for attempt in attempts {
            let refusal = refusal(&raw, &attempt).await;
            assert!(
                refusal.contains(&format!("{table} is append-only")),
                "{attempt}: {refusal}"
            );
        }
        let after = count(&raw, &format!("SELECT count(*) FROM {table}")).await?;
        assert!(after >= before);
    }
    raw.close().await?;
    database.close().await?;
    test.drop_now().await
}

/// Rows that others refer to are neither deleted nor given another key.
async fn referenced_rows_are_kept(test: TestDatabase) -> Result<()> {
    let database = test.open().await?;
    let mut stall = Stall::open(&database).await;
    let (_, changes) = stall.offer(50_000_000);
    commit(&database, &changes).await?;
    let raw = test.raw().await?;
    let other = literal(&test, fresh::<OfferId>());
    for (table, key) in [
        ("users", "id"),
        ("accounts", "id"),
        ("exchangers", "user_id"),
        ("listings", "id"),
        ("offers", "id"),
    ] {
        let mut attempts = vec![
            format!("DELETE FROM {table}"),
            format!("UPDATE {table} SET {key} = {other}"),
        ];
        if !test.is_sqlite() {
            attempts.push(format!("TRUNCATE {table} CASCADE"));
        }
        for attempt in attempts {
            let refusal = refusal(&raw, &attempt).await;
            let said = ["keeps its rows", "FOREIGN KEY", "UNIQUE", "append-only"];
            assert!(
                said.iter().any(|words| refusal.contains(words)),
                "{attempt}: {refusal}"
            );
        }
    }
    raw.close().await?;
    database.close().await?;
    test.drop_now().await
}

async fn plant_comment(test: &TestDatabase, raw: &DatabaseConnection) -> Result<()> {
    let id = literal(test, fresh::<OfferId>());
    sql(raw, "PRAGMA foreign_keys = OFF").await?;
    sql(
        raw,
        &format!(
            "INSERT INTO dispute_comments (dispute_id, id, author_id, text, at) \
             VALUES ({id}, {id}, {id}, 'so it was', 1)"
        ),
    )
    .await?;
    Ok(())
}

/// Breaks every CHECK, unique key and foreign key by one change of a valid row.
async fn impossible_rows_are_refused(test: TestDatabase) -> Result<()> {
    let database = test.open().await?;
    let mut stall = Stall::open(&database).await;
    let (offer, changes) = stall.offer(50_000_000);
    commit(&database, &changes).await?;
    let raw = test.raw().await?;
    let rows = Rows::new(&test, &stall, &offer);
    for statement in rows.valid() {
        sql(&raw, &statement).await?;
    }
    let tables = [
        accounts::refused(&rows),
        journal::refused(&rows),
        listings::refused(&rows),
        offers::refused(&rows),
        disputes::refused(&rows),
        messages::refused(&rows),
        notifications::refused(&rows),
        payment_reports::refused(&rows),
        orders::refused(&rows),
        payments::refused(&rows),
        withdrawals::refused(&rows),
    ];
    for (names, statement) in tables.into_iter().flatten() {
        let refusal = refusal(&raw, &statement).await;
        assert!(
            names.split('|').any(|name| refusal.contains(name)),
            "{statement}: {refusal}"
        );
    }
    if test.is_sqlite() {
        // SQLite would turn money into a REAL.
        let account = &rows.account;
        for value in ["1.5", "9223372036854775807 + 1", "'much'"] {
            let statement = format!("UPDATE accounts SET available = {value} WHERE id = {account}");
            let refusal = refusal(&raw, &statement).await;
            assert!(refusal.contains("cannot store"), "{statement}: {refusal}");
        }
    }
    raw.close().await?;
    database.close().await?;
    test.drop_now().await
}

/// The error with which the database refuses a statement.
async fn refusal(raw: &DatabaseConnection, statement: &str) -> String {
    let refusal = sql(raw, statement).await.expect_err(statement);
    refusal.to_string()
}
