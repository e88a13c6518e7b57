//! Counts what PostgreSQL reads.

use std::collections::BTreeMap;

use anyhow::Result;
use p2p_persistence::{Database, DatabaseSettings};
use p2p_tests::databases::TestDatabase;
use sea_orm::DatabaseConnection;

use super::market::MARKET;
use crate::common::{count, rows, sql};

/// Often enough for PostgreSQL to think of a plan for any parameters.
pub(crate) const TIMES: i64 = 12;

/// Of each table: rows read by scanning, and entries of its indexes.
type Reads = BTreeMap<String, (i64, i64)>;

/// Rows that PostgreSQL has read in each table, one way or another.
async fn reads(raw: &DatabaseConnection) -> Result<Reads> {
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

pub(crate) struct Counter {
    pub(crate) test: TestDatabase,
    raw: DatabaseConnection,
}

impl Counter {
    /// Over a market with a long past, all of it known to PostgreSQL's statistics.
    pub(crate) async fn open(test: TestDatabase) -> Result<Self> {
        let counter = Self::fill(test).await?;
        sql(&counter.raw, "ANALYZE").await?;
        Ok(counter)
    }

    /// Over a market that has grown without PostgreSQL having noticed yet.
    pub(crate) async fn fill(test: TestDatabase) -> Result<Self> {
        let raw = test.raw().await?;
        sql(&raw, MARKET).await?;
        // What this connection has read is counted when it ends.
        raw.close().await?;
        let raw = test.raw().await?;
        Ok(Self { test, raw })
    }

    pub(crate) async fn end(self) -> Result<()> {
        self.raw.close().await?;
        self.test.drop_now().await
    }

    /// Runs a query [`TIMES`] times on one connection and counts what it reads. At most `most` rows of each table each
    /// time, whatever the way; the work that the query is for must happen.
    pub(crate) async fn check<T, F>(
        &self,
        what: &str,
        most: i64,
        least: usize,
        query: F,
    ) -> Result<()>
    where
        F: AsyncFn(&Database) -> Result<Vec<T>>,
    {
        self.settle().await?;
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
        self.compare(what, most, database, before).await?;
        Ok(())
    }

    /// The same on a connection that writes, where nothing is ever scanned. It is closed afterwards.
    pub(crate) async fn check_writer<T, F>(
        &self,
        what: &str,
        most: i64,
        least: usize,
        database: Database,
        query: F,
    ) -> Result<()>
    where
        F: AsyncFn(&Database, usize) -> Result<Vec<T>>,
    {
        let before = reads(&self.raw).await?;
        for turn in 0..usize::try_from(TIMES)? {
            let found = query(&database, turn).await?;
            assert!(found.len() >= least, "{what}: only {} found", found.len());
        }
        let scanned = self.compare(what, most, database, before).await?;
        assert_eq!(scanned, 0, "{what}: a table was scanned");
        Ok(())
    }

    /// Closes the database and looks at what was read since; tells how much of it by scanning.
    async fn compare(
        &self,
        what: &str,
        most: i64,
        database: Database,
        before: Reads,
    ) -> Result<i64> {
        // A connection that ends reports what it has counted.
        database.close().await?;
        self.settle().await?;
        let mut all_scanned = 0;
        for (table, (scanned, looked_up)) in reads(&self.raw).await? {
            let (scanned_before, looked_up_before) = before[&table];
            let read = scanned - scanned_before + looked_up - looked_up_before;
            assert!(
                read <= most * TIMES,
                "{what}: {} rows of {table} read each time ({} by scanning)",
                read / TIMES,
                (scanned - scanned_before) / TIMES
            );
            all_scanned += scanned - scanned_before;
        }
        Ok(all_scanned)
    }

    /// Waits until the connections of the query are gone.
    pub(crate) async fn settle(&self) -> Result<()> {
        let others = "SELECT count(*) FROM pg_stat_activity \
                      WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'";
        while count(&self.raw, others).await? > 0 {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        Ok(())
    }
}
