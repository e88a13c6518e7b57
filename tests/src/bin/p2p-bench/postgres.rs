//! The PostgreSQL server that both sides use.

use anyhow::{Context, Result, ensure};
use p2p_tests::databases;
use sea_orm::{ConnectionTrait, DatabaseConnection, QueryResult, Statement, TryGetable};
use serde_json::{Value, json};

use crate::processes::Postmaster;

/// Without these, a commit is not kept, and a measurement is of something else.
const DURABILITY: [&str; 3] = ["fsync", "synchronous_commit", "full_page_writes"];

const SETTINGS: [&str; 7] = [
    "fsync",
    "synchronous_commit",
    "full_page_writes",
    "wal_sync_method",
    "shared_buffers",
    "max_wal_size",
    "max_connections",
];

#[derive(Debug)]
pub(crate) struct Postgres {
    connection: DatabaseConnection,
    /// If it runs on this machine.
    pub(crate) postmaster: Option<Postmaster>,
}

impl Postgres {
    /// Fails if the server does not keep what it commits.
    pub(crate) async fn connect() -> Result<Self> {
        let connection = databases::postgres_server().await?;
        let session: i32 = one(&connection, "SELECT pg_backend_pid()").await?;
        let postmaster = Postmaster::of_session(session.try_into()?);
        let postgres = Self {
            connection,
            postmaster,
        };
        for name in DURABILITY {
            let value = postgres.setting(name).await?;
            ensure!(
                value != "off",
                "{name} is off: PostgreSQL would not keep what it commits, and nothing could be compared"
            );
        }
        Ok(postgres)
    }

    /// Writes out what earlier work left in memory, so that it does not disturb the next. A user who may not do that
    /// measures without.
    pub(crate) async fn settle(&self) {
        let _ = self.connection.execute_unprepared("CHECKPOINT").await;
    }

    /// Version and settings.
    pub(crate) async fn json(&self) -> Result<Value> {
        let mut settings = serde_json::Map::new();
        for name in SETTINGS {
            settings.insert(name.to_owned(), self.setting(name).await?.into());
        }
        let version: String = one(&self.connection, "SELECT version()").await?;
        Ok(json!({ "version": version, "settings": settings }))
    }

    /// The time of day, to the second.
    pub(crate) async fn now(&self) -> Result<String> {
        let sql = r#"SELECT to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')"#;
        one(&self.connection, sql).await
    }

    async fn setting(&self, name: &str) -> Result<String> {
        one(
            &self.connection,
            &format!("SELECT current_setting('{name}')"),
        )
        .await
    }
}

/// Vacuums and analyses the tables that hold something, as the server would do by itself after a while. Tables that are
/// empty yet are left alone: the planner would take them for small for ever.
pub(crate) async fn tidy(connection: &DatabaseConnection) -> Result<()> {
    let sql = "SELECT oid::regclass::text FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace \
        AND pg_relation_size(oid) > 0";
    let statement = Statement::from_string(connection.get_database_backend(), sql);
    let rows: Vec<QueryResult> = connection.query_all_raw(statement).await?;
    for row in rows {
        let table: String = row.try_get_by_index(0)?;
        connection
            .execute_unprepared(&format!("VACUUM (ANALYZE, FREEZE) {table}"))
            .await?;
    }
    Ok(())
}

/// The one value that a query answers.
pub(crate) async fn one<T: TryGetable>(connection: &DatabaseConnection, sql: &str) -> Result<T> {
    let statement = Statement::from_string(connection.get_database_backend(), sql);
    let row = connection.query_one_raw(statement).await?;
    Ok(row.context("no row")?.try_get_by_index(0)?)
}
