//! PostgreSQL connections kept at hand for statements that commit themselves.
//!
//! A pool asks each connection that is given back for a sign of life, on a way of its own to the database and back. For
//! one short statement after another that costs more than the statements. What was just used without a complaint is put
//! aside here instead, and asked only when it has not been used for a while.

use std::fmt;
use std::sync::{Arc, Mutex as StdMutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use sea_orm::sqlx::pool::PoolConnection;
use sea_orm::sqlx::postgres::{PgPool, Postgres};
use sea_orm::sqlx::{self, Connection};
use sea_orm::{ConnectionTrait, DbBackend, DbErr, ExecResult, QueryResult, RuntimeErr, Statement};
use sea_query_sqlx::SqlxValues;
use tokio::sync::{Mutex, OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

/// A connection that was idle for longer, or does not answer for as long, may be gone.
const IDLE: Duration = Duration::from_secs(5);

/// Connections, and when they were last used.
type IdleConnections = Vec<(PoolConnection<Postgres>, Instant)>;

/// The connections at hand. Cheap to clone.
#[derive(Clone)]
pub(crate) struct ConnectionCache {
    pool: PgPool,
    /// As many as the pool has connections: who waits, waits for one at hand as well as for one of the pool.
    turns: Arc<Semaphore>,
    at_hand: Arc<StdMutex<IdleConnections>>,
}

impl fmt::Debug for ConnectionCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConnectionCache").finish_non_exhaustive()
    }
}

impl ConnectionCache {
    pub(crate) fn new(pool: PgPool, connections: u32) -> Self {
        Self {
            pool,
            turns: Arc::new(Semaphore::new(connections as usize)),
            at_hand: Arc::default(),
        }
    }

    /// The connection that was used last, or one of the pool's.
    pub(crate) async fn take(&self) -> Result<CachedConnection, DbErr> {
        let turn = Arc::clone(&self.turns).acquire_owned().await;
        let turn = turn.map_err(|_| failed(sqlx::Error::PoolClosed))?;
        let last = self.stash().pop();
        if let Some((mut connection, since)) = last {
            let alive = since.elapsed() < IDLE
                || matches!(timeout(IDLE, connection.ping()).await, Ok(Ok(())));
            if alive {
                return Ok(CachedConnection::new(connection, turn));
            }
            // What is left of it goes the pool's way.
        }
        let connection = self.pool.acquire().await.map_err(failed)?;
        Ok(CachedConnection::new(connection, turn))
    }

    /// Keeps a connection at hand on which nothing went wrong.
    pub(crate) fn put_back(&self, cache: CachedConnection) {
        self.stash()
            .push((cache.connection.into_inner(), Instant::now()));
    }

    pub(crate) async fn close(&self) {
        self.stash().clear();
        self.pool.close().await;
    }

    fn stash(&self) -> MutexGuard<'_, IdleConnections> {
        self.at_hand.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One connection. Dropped, it goes back to the pool, which looks at it.
pub(crate) struct CachedConnection {
    connection: Mutex<PoolConnection<Postgres>>,
    _turn: OwnedSemaphorePermit,
}

impl CachedConnection {
    fn new(connection: PoolConnection<Postgres>, turn: OwnedSemaphorePermit) -> Self {
        Self {
            connection: Mutex::new(connection),
            _turn: turn,
        }
    }
}

fn failed(error: sqlx::Error) -> DbErr {
    DbErr::Query(RuntimeErr::SqlxError(error.into()))
}

fn query(statement: Statement) -> (sqlx::AssertSqlSafe<String>, SqlxValues) {
    let Statement { sql, values, .. } = statement;
    let values = values.unwrap_or(sea_orm::Values(Vec::new()));
    (sqlx::AssertSqlSafe(sql), SqlxValues(values))
}

#[async_trait]
impl ConnectionTrait for CachedConnection {
    fn get_database_backend(&self) -> DbBackend {
        DbBackend::Postgres
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        let (sql, values) = query(statement);
        let mut connection = self.connection.lock().await;
        let done = sqlx::query_with(sql, values)
            .execute(&mut **connection)
            .await;
        done.map(Into::into).map_err(failed)
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        let sql = sqlx::raw_sql(sqlx::AssertSqlSafe(sql.to_owned()));
        let mut connection = self.connection.lock().await;
        let done = sql.execute(&mut **connection).await;
        done.map(Into::into).map_err(failed)
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        let (sql, values) = query(statement);
        let mut connection = self.connection.lock().await;
        let found = sqlx::query_with(sql, values)
            .fetch_optional(&mut **connection)
            .await;
        Ok(found.map_err(failed)?.map(Into::into))
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        let (sql, values) = query(statement);
        let mut connection = self.connection.lock().await;
        let found = sqlx::query_with(sql, values)
            .fetch_all(&mut **connection)
            .await;
        Ok(found.map_err(failed)?.into_iter().map(Into::into).collect())
    }
}
