//! Databases for tests: fresh, migrated, and gone afterwards.
//!
//! On PostgreSQL each is copied from a template that is migrated once and kept; its name contains a hash of the
//! migrations, so a change of the schema brings a new one. The server is that of `DATABASE_URL`, by default the one on
//! this machine.

use std::collections::hash_map::{DefaultHasher, RandomState};
use std::hash::{BuildHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use p2p_migration::{Migrator, MigratorTrait};
use p2p_persistence::{Database, DatabaseSettings};
use sea_orm::{ConnectOptions, ConnectionTrait, DatabaseConnection, Statement};
use tempfile::TempDir;

const SERVER: &str = "postgres://postgres@127.0.0.1:5432/postgres";

/// The advisory lock under which the template is made: one test process makes it, the others wait.
const TEMPLATE_LOCK: i64 = 0x7032_705f_7465;

/// A database of a test's own.
#[derive(Debug)]
pub struct TestDatabase {
    url: String,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    /// Dropped with its folder.
    Sqlite(TempDir),
    Postgres(Fresh),
}

/// A database on a server, to be dropped.
#[derive(Debug)]
struct Fresh {
    server: String,
    name: String,
    dropped: bool,
}

impl TestDatabase {
    /// An SQLite file in a folder of its own.
    pub async fn sqlite() -> Result<Self> {
        let folder = TempDir::new()?;
        let url = format!("sqlite://{}", folder.path().join("market.db").display());
        let database = Self {
            url,
            kind: Kind::Sqlite(folder),
        };
        migrate(&database.url).await?;
        Ok(database)
    }

    /// A database on the PostgreSQL server.
    pub async fn postgres() -> Result<Self> {
        let server = server();
        let connection = connect(&server).await?;
        let template = template(&server, &connection).await?;
        connection.close().await?;
        Self::create_postgres(&format!("TEMPLATE {template}")).await
    }

    /// A database on the PostgreSQL server without any schema.
    pub async fn empty_postgres() -> Result<Self> {
        Self::create_postgres("").await
    }

    async fn create_postgres(how: &str) -> Result<Self> {
        let server = server();
        let name = unique_name();
        let connection = connect(&server).await?;
        let create = format!("CREATE DATABASE {name} {how}");
        // Before it is there, so that it goes again whatever happens.
        let database = Self {
            url: with_database(&server, &name)?,
            kind: Kind::Postgres(Fresh {
                server,
                name,
                dropped: false,
            }),
        };
        run(&connection, &create).await?;
        connection.close().await?;
        Ok(database)
    }

    /// An SQLite file that does not exist yet, in a folder that does not either.
    pub fn empty_sqlite() -> Result<Self> {
        let folder = TempDir::new()?;
        let file = folder.path().join("not").join("yet").join("market.db");
        Ok(Self {
            url: format!("sqlite://{}", file.display()),
            kind: Kind::Sqlite(folder),
        })
    }

    /// Another one with the same content. Nobody may be connected to this one.
    pub async fn copy(&self) -> Result<Self> {
        match &self.kind {
            Kind::Sqlite(folder) => {
                let copy = Self::empty_sqlite()?;
                let file = |database: &Self| {
                    let path = database.url.strip_prefix("sqlite://").map(PathBuf::from);
                    path.context("not an SQLite file")
                };
                let (from, to) = (file(self)?, file(&copy)?);
                let left = std::fs::read_dir(folder.path())?.count();
                ensure!(left == 1, "somebody is connected to {}", from.display());
                std::fs::create_dir_all(to.parent().context("no folder")?)?;
                std::fs::copy(from, to)?;
                Ok(copy)
            }
            Kind::Postgres(fresh) => {
                Self::create_postgres(&format!("TEMPLATE {}", fresh.name)).await
            }
        }
    }

    /// Where it is.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Whether it is an SQLite file.
    #[must_use]
    pub const fn is_sqlite(&self) -> bool {
        matches!(self.kind, Kind::Sqlite(_))
    }

    /// Opens it as the product would.
    pub async fn open(&self) -> Result<Database> {
        Ok(Database::open(&self.settings()).await?)
    }

    /// How [`open`](Self::open) opens it.
    #[must_use]
    pub fn settings(&self) -> DatabaseSettings {
        DatabaseSettings {
            url: self.url.clone(),
            max_connections: 8,
            acquire_timeout: Duration::from_secs(30),
        }
    }

    /// A connection for SQL of a test's own.
    pub async fn raw(&self) -> Result<DatabaseConnection> {
        connect(&self.url).await
    }

    /// Drops it, whoever is still connected.
    pub async fn drop_now(self) -> Result<()> {
        match self.kind {
            Kind::Sqlite(folder) => Ok(folder.close()?),
            Kind::Postgres(mut fresh) => {
                fresh.dropped = true;
                drop_database(&fresh.server, &fresh.name).await
            }
        }
    }
}

/// A test that failed leaves its database to this.
impl Drop for Fresh {
    fn drop(&mut self) {
        if self.dropped {
            return;
        }
        let (server, name) = (self.server.clone(), self.name.clone());
        let dropping = std::thread::spawn(move || -> Result<()> {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()?;
            runtime.block_on(drop_database(&server, &name))
        });
        // Nobody is left to be told of a failure.
        let _ = dropping.join();
    }
}

/// A connection to the PostgreSQL server itself.
pub async fn postgres_server() -> Result<DatabaseConnection> {
    connect(&server()).await
}

fn server() -> String {
    std::env::var("DATABASE_URL")
        .ok()
        .filter(|url| url.starts_with("postgres"))
        .unwrap_or_else(|| SERVER.to_owned())
}

async fn drop_database(server: &str, name: &str) -> Result<()> {
    let connection = connect(server).await?;
    run(
        &connection,
        &format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"),
    )
    .await?;
    Ok(connection.close().await?)
}

/// The migrated template, made if this is the first test that needs it. A template that is not finished has another
/// name, so a process that dies over it does no harm.
async fn template(server: &str, connection: &DatabaseConnection) -> Result<String> {
    let name = format!("p2p_template_{:016x}", migrations_hash());
    run(
        connection,
        &format!("SELECT pg_advisory_lock({TEMPLATE_LOCK})"),
    )
    .await?;
    if !exists(connection, &name).await? {
        let unfinished = format!("{name}_unfinished");
        run(
            connection,
            &format!("DROP DATABASE IF EXISTS {unfinished} WITH (FORCE)"),
        )
        .await?;
        run(connection, &format!("CREATE DATABASE {unfinished}")).await?;
        migrate(&with_database(server, &unfinished)?).await?;
        run(
            connection,
            &format!("ALTER DATABASE {unfinished} RENAME TO {name}"),
        )
        .await?;
    }
    run(
        connection,
        &format!("SELECT pg_advisory_unlock({TEMPLATE_LOCK})"),
    )
    .await?;
    Ok(name)
}

async fn exists(connection: &DatabaseConnection, name: &str) -> Result<bool> {
    let statement = Statement::from_sql_and_values(
        connection.get_database_backend(),
        "SELECT 1 FROM pg_database WHERE datname = $1",
        [name.into()],
    );
    Ok(connection.query_one_raw(statement).await?.is_some())
}

async fn migrate(url: &str) -> Result<()> {
    let database = Database::open(&DatabaseSettings {
        url: url.to_owned(),
        max_connections: 1,
        acquire_timeout: Duration::from_secs(30),
    })
    .await?;
    database.migrate().await?;
    Ok(database.close().await?)
}

/// One connection, so that an advisory lock stays where it was taken.
async fn connect(url: &str) -> Result<DatabaseConnection> {
    let mut options = ConnectOptions::new(url);
    options
        .max_connections(1)
        .sqlx_logging(false)
        .acquire_timeout(Duration::from_secs(60));
    sea_orm::Database::connect(options)
        .await
        .context("is PostgreSQL running? `cargo xtask services` says how to start it")
}

async fn run(connection: &DatabaseConnection, sql: &str) -> Result<()> {
    connection
        .execute_unprepared(sql)
        .await
        .with_context(|| sql.to_owned())?;
    Ok(())
}

/// The server's URL with another database.
fn with_database(server: &str, name: &str) -> Result<String> {
    let (rest, query) = match server.split_once('?') {
        Some((rest, query)) => (rest, format!("?{query}")),
        None => (server, String::new()),
    };
    let authority = rest.split_once("://").context("not a URL")?.1;
    let slash = authority.find('/').unwrap_or(authority.len());
    let end = rest.len() - authority.len() + slash;
    ensure!(end > 0, "not a URL");
    Ok(format!("{}/{name}{query}", &rest[..end]))
}

fn unique_name() -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let random = RandomState::new().hash_one(count);
    format!("p2p_test_{}_{count}_{random:016x}", std::process::id())
}

/// Changes with the list of migrations and with their text.
fn migrations_hash() -> u64 {
    let mut hasher = DefaultHasher::new();
    for migration in Migrator::migrations() {
        migration.name().hash(&mut hasher);
    }
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("../migration/src");
    let mut files: Vec<_> = std::fs::read_dir(sources)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .collect();
    files.sort();
    for file in files {
        std::fs::read(file).unwrap_or_default().hash(&mut hasher);
    }
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_copy_has_the_same_content() {
        let original = TestDatabase::sqlite().await.unwrap();
        let copy = original.copy().await.unwrap();
        assert_ne!(copy.url(), original.url());
        let connection = copy.raw().await.unwrap();
        let read = connection.execute_unprepared("SELECT * FROM offers").await;
        assert!(read.is_ok(), "{read:?}");
        connection.close().await.unwrap();
    }

    #[test]
    fn the_database_in_a_url_is_replaced() {
        for (server, url) in [
            ("postgres://u:p@h:1/old", "postgres://u:p@h:1/new"),
            ("postgres://h", "postgres://h/new"),
            (
                "postgres://h/old?sslmode=disable",
                "postgres://h/new?sslmode=disable",
            ),
        ] {
            assert_eq!(with_database(server, "new").unwrap(), url);
        }
    }
}
