//! Opening a database by its URL.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use sea_orm::sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions, PgSslMode};
use sea_orm::sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use sea_orm::sqlx::{self, ConnectOptions, Connection, Executor};
use sea_orm::{SqlxPostgresConnector, SqlxSqliteConnector};

use crate::connection_cache::ConnectionCache;
use crate::pools::Pools;
use crate::table::StatementLimit;

/// A connection that was idle for longer is asked for a sign of life before it is used.
const IDLE: Duration = Duration::from_secs(5);

/// A connection that is given back must answer within this time, or it is thrown away: the other end may be gone without
/// a word.
const LIFE: Duration = Duration::from_secs(5);

/// How long SQLite waits for another process that is writing.
const BUSY: Duration = Duration::from_secs(5);

/// Statements that each connection keeps prepared; the adapter has far fewer.
const STATEMENTS: usize = 512;

/// What each PostgreSQL connection begins with. A unit of work never waits for ever, neither for a lock nor for its
/// program. A page anywhere costs little more than the next one (memory, SSD): so a page of a list is a walk along its
/// index, and not a sort of all that might be on it. A plan is made once for each text: these are written so that one plan is
/// right for all values, and planning would cost more than running.
const SESSION: &str = "SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL READ COMMITTED; \
     SET lock_timeout = '2s'; SET idle_in_transaction_session_timeout = '60s'; SET jit = off; \
     SET random_page_cost = 1.1; SET plan_cache_mode = force_generic_plan";

/// What a writer adds to it. A unit of work finds and changes rows by their keys and nothing else, however the tables grow.
const WRITING: &str =
    "SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off";

/// What the relay's connections begin with. Each of its windows is found by the key, whatever the statistics say of a
/// table that is empty most of the time; and if what was published is not known to be after a crash of the database, it is
/// published again.
const RELAYING: &str = "SET plan_cache_mode = force_generic_plan; SET enable_seqscan = off; \
     SET synchronous_commit = off";

/// Which database, and how it is used.
#[derive(Clone)]
pub struct DatabaseSettings {
    /// `sqlite://path/of/file.db` (created if it is missing) or `postgres://user:password@host/database`.
    pub url: String,
    /// Connections at most.
    pub max_connections: u32,
    /// How long a caller waits for a connection before storage counts as unavailable.
    pub acquire_timeout: Duration,
}

/// Without the URL: it may hold a password.
impl fmt::Debug for DatabaseSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DatabaseSettings")
            .field("max_connections", &self.max_connections)
            .field("acquire_timeout", &self.acquire_timeout)
            .finish_non_exhaustive()
    }
}

/// Why a database can't be opened. Never shows the URL: it may hold a password.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("the database's URL must begin with sqlite:// or postgres://")]
    UnknownScheme,
    #[error("the database's URL can't be read")]
    Url(#[source] sqlx::Error),
    #[error("an SQLite database in memory would be gone with its connection: name a file")]
    InMemory,
    #[error("the folder {} can't be created", .path.display())]
    Folder {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("the database can't be reached")]
    Connect(#[source] sqlx::Error),
}

pub(crate) async fn open(settings: &DatabaseSettings) -> Result<Pools, OpenError> {
    let url = settings.url.as_str();
    if url.starts_with("sqlite:") {
        sqlite(settings).await
    } else if url.starts_with("postgres://") || url.starts_with("postgresql://") {
        postgres(settings).await
    } else {
        Err(OpenError::UnknownScheme)
    }
}

/// How many connections of so many the relay has: one for each of its workers if there are some to spare, and none where
/// there is only one at all.
const fn relays(all: u32) -> u32 {
    match all {
        0..=1 => 0,
        2..=7 => 1,
        _ => 2,
    }
}

/// Writers have a few connections of their own: however many read, a unit of work never waits for them. So has the relay,
/// which keeps rows locked as long as the broker takes.
async fn postgres(settings: &DatabaseSettings) -> Result<Pools, OpenError> {
    let options = PgConnectOptions::from_str(&settings.url)
        .map_err(OpenError::Url)?
        .application_name("p2p-market")
        .statement_cache_capacity(STATEMENTS)
        .disable_statement_logging();
    let options = plain_at_home(options, &settings.url);
    let encrypted = !matches!(options.get_ssl_mode(), PgSslMode::Disable);
    let limit = if encrypted {
        StatementLimit::TlsRecord
    } else {
        StatementLimit::Unlimited
    };
    let all = settings.max_connections.max(1);
    let writers = (all / 4).min(16);
    // For statements that commit themselves. These carry everything at once, whatever its size.
    let own = if limit == StatementLimit::Unlimited {
        writers / 2
    } else {
        0
    };
    let relays = relays(all);
    let reading = all - writers - own - relays;
    let readers = postgres_pool(settings, options.clone(), reading, "").await?;
    let reader = SqlxPostgresConnector::from_sqlx_postgres_pool(readers);
    let cache = match own {
        0 => None,
        own => Some(ConnectionCache::new(
            postgres_pool(settings, options.clone(), own, WRITING).await?,
            own,
        )),
    };
    let writer = match writers {
        0 => reader.clone(),
        writers => SqlxPostgresConnector::from_sqlx_postgres_pool(
            postgres_pool(settings, options.clone(), writers, WRITING).await?,
        ),
    };
    // Not every process relays: its connections are made when they are needed.
    let relay = match relays {
        0 => writer.clone(),
        relays => SqlxPostgresConnector::from_sqlx_postgres_pool(
            pool_options(settings, relays, RELAYING).connect_lazy_with(options),
        ),
    };
    Ok(Pools {
        writer,
        reader,
        relay,
        limit,
        cache,
    })
}

/// Unless the URL or PGSSLMODE says otherwise, a loopback connection is not encrypted: its traffic never leaves this machine,
/// and its statements may be of any size (see [`StatementLimit::TlsRecord`]).
fn plain_at_home(options: PgConnectOptions, url: &str) -> PgConnectOptions {
    let home = ["localhost", "127.0.0.1", "::1", "[::1]"].contains(&options.get_host());
    let said = url.contains("sslmode=")
        || url.contains("ssl-mode=")
        || std::env::var_os("PGSSLMODE").is_some();
    if home && !said {
        options.ssl_mode(PgSslMode::Disable)
    } else {
        options
    }
}

async fn postgres_pool(
    settings: &DatabaseSettings,
    options: PgConnectOptions,
    connections: u32,
    purpose: &'static str,
) -> Result<PgPool, OpenError> {
    pool_options(settings, connections, purpose)
        .connect_with(options)
        .await
        .map_err(OpenError::Connect)
}

fn pool_options(
    settings: &DatabaseSettings,
    connections: u32,
    purpose: &'static str,
) -> PgPoolOptions {
    PgPoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(settings.acquire_timeout)
        .test_before_acquire(false)
        .before_acquire(|connection, meta| {
            Box::pin(async move {
                if meta.idle_for < IDLE {
                    return Ok(true);
                }
                Ok(connection.ping().await.is_ok())
            })
        })
        .after_connect(move |connection, _| {
            Box::pin(async move {
                connection.execute(SESSION).await?;
                connection.execute(purpose).await.map(|_| ())
            })
        })
        .after_release(|connection, _| {
            Box::pin(async move {
                match tokio::time::timeout(LIFE, connection.ping()).await {
                    Ok(answer) => answer.map(|()| true),
                    Err(_) => Err(sqlx::Error::PoolTimedOut),
                }
            })
        })
}

/// One connection writes, so that no two units of work wait for SQLite's one lock; the others only read.
async fn sqlite(settings: &DatabaseSettings) -> Result<Pools, OpenError> {
    let options = SqliteConnectOptions::from_str(&settings.url).map_err(OpenError::Url)?;
    let file = options.get_filename().to_path_buf();
    let memory = settings.url.contains(":memory:") || settings.url.contains("mode=memory");
    if memory || file.as_os_str().is_empty() {
        return Err(OpenError::InMemory);
    }
    create_folder(&file)?;
    let options = options
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        // Otherwise REPLACE would delete rows of append-only tables without asking their triggers.
        .pragma("recursive_triggers", "ON")
        .busy_timeout(BUSY)
        .statement_cache_capacity(STATEMENTS)
        .disable_statement_logging();
    let writer = sqlite_pool(settings, options.clone(), 1).await?;
    let reading = options.create_if_missing(false).pragma("query_only", "ON");
    let readers = settings.max_connections.saturating_sub(1).max(1);
    let reader = sqlite_pool(settings, reading, readers).await?;
    let writer = SqlxSqliteConnector::from_sqlx_sqlite_pool(writer);
    Ok(Pools {
        relay: writer.clone(),
        writer,
        reader: SqlxSqliteConnector::from_sqlx_sqlite_pool(reader),
        limit: StatementLimit::Bound,
        cache: None,
    })
}

async fn sqlite_pool(
    settings: &DatabaseSettings,
    options: SqliteConnectOptions,
    connections: u32,
) -> Result<SqlitePool, OpenError> {
    SqlitePoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(settings.acquire_timeout)
        .idle_timeout(None)
        .max_lifetime(None)
        .test_before_acquire(false)
        .connect_with(options)
        .await
        .map_err(OpenError::Connect)
}

fn create_folder(file: &Path) -> Result<(), OpenError> {
    match file.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => {
            std::fs::create_dir_all(folder).map_err(|source| OpenError::Folder {
                path: folder.to_owned(),
                source,
            })
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use sea_orm::{ConnectionTrait, DatabaseConnection};

    use super::*;

    async fn pragma(connection: &DatabaseConnection, name: &str) -> String {
        let statement = sea_orm::Statement::from_string(
            connection.get_database_backend(),
            format!("SELECT CAST({name} AS TEXT) AS value FROM pragma_{name}"),
        );
        let row = connection.query_one_raw(statement).await.unwrap().unwrap();
        row.try_get("", "value").unwrap()
    }

    #[tokio::test]
    async fn sqlite_is_durable_and_reads_apart_from_writes() {
        let folder = tempfile::tempdir().unwrap();
        let opened = open(&DatabaseSettings {
            url: format!("sqlite://{}", folder.path().join("a/b/market.db").display()),
            max_connections: 4,
            acquire_timeout: Duration::from_secs(5),
        })
        .await
        .unwrap();
        for (name, value) in [
            ("journal_mode", "wal"),
            ("synchronous", "2"),
            ("foreign_keys", "1"),
            ("query_only", "0"),
        ] {
            assert_eq!(pragma(&opened.writer, name).await, value, "{name}");
        }
        assert_eq!(pragma(&opened.reader, "query_only").await, "1");
        let write = opened.reader.execute_unprepared("CREATE TABLE t (a)").await;
        assert!(write.is_err());
        opened.reader.close().await.unwrap();
        opened.writer.close().await.unwrap();
    }
}
