//! The server loses its connections to PostgreSQL under load, in the middle of batches: every request gets a response, nothing
//! is left half done, and it goes on by itself.

mod support;

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use anyhow::{Result, ensure};
use p2p_tests::databases::TestDatabase;
use sea_orm::{ConnectionTrait, Statement};
use support::cast::cast;
use support::proxy::{How, Position, Proxy};
use support::traffic::{Traffic, reckon};
use support::{Server, program};

/// Ends every connection of the server, and says whether a transaction was under way on it.
const TERMINATE: &str = "SELECT state <> 'idle', pg_terminate_backend(pid) FROM pg_stat_activity \
     WHERE datname = current_database() AND application_name = 'p2p-market'";

/// Up to so many milliseconds, never the same.
async fn pause(most: u64) {
    let random = RandomState::new().hash_one(());
    tokio::time::sleep(Duration::from_millis(random % most)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_terminated_again_and_again() -> Result<()> {
    let database = TestDatabase::postgres().await?;
    let cast = cast(database.url()).await?;
    let server = Server::start(program(database.url(), &["serve"]))?;
    let raw = database.raw().await?;
    let mut traffic = Traffic::start(&server.url, &cast, 32);
    let mut transactions = 0;
    for _ in 0..30 {
        traffic.until_more_created(1).await?;
        pause(40).await;
        let statement = Statement::from_string(raw.get_database_backend(), TERMINATE);
        for ended in raw.query_all_raw(statement).await? {
            let during_a_transaction: Option<bool> = ended.try_get_by_index(0)?;
            transactions += u32::from(during_a_transaction == Some(true));
        }
    }
    traffic.until_more_created(100).await?;
    let requests = traffic.end().await?;
    ensure!(transactions > 0, "no batch was hit");
    let counts = reckon(database.url(), &requests).await?;
    println!("{counts:?}");
    raw.close().await?;
    server.kill()?;
    database.drop_now().await
}

/// How the server commits a batch.
#[derive(Debug, Clone, Copy)]
enum Way {
    /// By one statement that commits itself.
    AtOnce,
    /// By a transaction: so few connections leave none for the other way.
    Transaction,
}

impl Way {
    const fn connections(self) -> &'static str {
        match self {
            Self::AtOnce => "16",
            Self::Transaction => "4",
        }
    }

    fn serve(self, database: &str) -> Result<Server> {
        let mut command = program(database, &["serve"]);
        command.env("P2P_DATABASE__MAX_CONNECTIONS", self.connections());
        Server::start(command)
    }
}

/// Connections are reset at these places again and again, after which so many requests at least must have ended in doubt,
/// and must have been stored or not.
async fn reset(way: Way, positions: &[Position], in_doubt: &[&str]) -> Result<()> {
    const TIMES: usize = 10;
    let database = TestDatabase::postgres().await?;
    let cast = cast(database.url()).await?;
    let proxy = Proxy::before(database.url()).await?;
    let server = way.serve(&proxy.url)?;
    let mut traffic = Traffic::start(&server.url, &cast, 32);
    for _ in 0..TIMES {
        for position in positions {
            traffic.until_more_created(1).await?;
            proxy.cut(*position, How::Reset).await?;
        }
    }
    traffic.until_more_created(100).await?;
    let requests = traffic.end().await?;
    let counts = reckon(database.url(), &requests).await?;
    for stored in in_doubt {
        let outcome = counts.get(&format!("OUTCOME_UNKNOWN, {stored}"));
        ensure!(
            outcome.is_some_and(|outcome| *outcome >= TIMES),
            "{counts:?}"
        );
    }
    server.kill()?;
    database.drop_now().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn transactions_reset_at_the_worst_moments() -> Result<()> {
    let positions = [
        Position::Statement,
        Position::BeforeCommit,
        Position::AfterCommit,
    ];
    reset(Way::Transaction, &positions, &["stored", "not stored"]).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn statements_reset_at_the_worst_moments() -> Result<()> {
    let positions = [Position::Statement, Position::Response];
    reset(Way::AtOnce, &positions, &["stored", "not stored"]).await
}

/// The other end is gone without a word: the server waits for a while, and goes on without.
async fn silence(way: Way, position: Position) -> Result<()> {
    let database = TestDatabase::postgres().await?;
    let cast = cast(database.url()).await?;
    let proxy = Proxy::before(database.url()).await?;
    let server = way.serve(&proxy.url)?;
    let mut traffic = Traffic::start(&server.url, &cast, 32);
    traffic.until_more_created(100).await?;
    proxy.cut(position, How::Silence).await?;
    traffic.until_more_created(100).await?;
    let requests = traffic.end().await?;
    reckon(database.url(), &requests).await?;
    server.kill()?;
    database.drop_now().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn silence_in_the_middle_of_a_statement() -> Result<()> {
    silence(Way::AtOnce, Position::Statement).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn silence_after_a_statement() -> Result<()> {
    silence(Way::AtOnce, Position::Response).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn silence_before_the_commit() -> Result<()> {
    silence(Way::Transaction, Position::BeforeCommit).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn silence_after_the_commit() -> Result<()> {
    silence(Way::Transaction, Position::AfterCommit).await
}
