//! Far more requests than the queue holds: those beyond it are rejected at once and leave no trace, the
//! server grows no larger by them, and it is well again as soon as they stop. And far more log-ins than can be looked at: deals
//! go on meanwhile.

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use p2p_tests::databases::TestDatabase;
use sea_orm::{ConnectionTrait, DatabaseConnection, TransactionTrait};
use serde_json::json;
use support::cast::{Cast, cast};
use support::traffic::{Outcome, Request, ask, reckon};
use support::{Server, program};
use tokio::task::JoinSet;

/// Small enough to be full at once: commands that wait, and commands in one commit.
const QUEUE: usize = 64;
const BATCH: usize = 16;

/// Requests at the same time, each on a connection of its own.
const CROWD: usize = 250;

/// Refusals of a wave, over all connections.
const REFUSALS: usize = 800;
const WAVES: usize = 4;

/// What makes a body of 7 KB.
const PADDING: usize = 1_800;

/// How much larger the server may be after [`WAVES`]: half of the rejected requests.
const ROOM_KIB: u64 = 12 * 1_024;

/// Log-ins at the same time, each of which takes a good part of a second; and offers meanwhile.
const LOG_INS: usize = 48;
const OFFERS: usize = 10;

struct Overload {
    database: TestDatabase,
    raw: DatabaseConnection,
    cast: Arc<Cast>,
    server: Server,
    client: reqwest::Client,
    asked: Vec<Request>,
}

impl Overload {
    async fn open() -> Result<Self> {
        let database = TestDatabase::postgres().await?;
        let cast = Arc::new(cast(database.url()).await?);
        let mut command = program(database.url(), &["serve"]);
        command
            .env("P2P_PIPELINE__QUEUE", QUEUE.to_string())
            .env("P2P_PIPELINE__BATCH", BATCH.to_string())
            // All ask for one listing: a second lane would keep its half of the queue to itself.
            .env("P2P_PIPELINE__LANES", "1")
            .env("P2P_LOG__FILTER", "error");
        Ok(Self {
            raw: database.raw().await?,
            database,
            cast,
            server: Server::start(command)?,
            client: reqwest::Client::new(),
            asked: Vec::new(),
        })
    }

    /// One wave: a row that every offer needs is held, so that nothing gets through; the crowd asks on until enough of
    /// them were rejected. Only then the row is released, and the queued requests get their offers.
    async fn wave(&mut self, number: usize) -> Result<()> {
        let holding = self.raw.begin().await?;
        holding
            .execute_unprepared("SELECT 1 FROM listings FOR UPDATE")
            .await?;
        let (refused, open) = (
            Arc::new(AtomicUsize::new(0)),
            Arc::new(AtomicBool::new(false)),
        );
        let mut crowd = JoinSet::new();
        for one in 0..CROWD {
            let (client, url, cast) = (
                self.client.clone(),
                self.server.url.clone(),
                Arc::clone(&self.cast),
            );
            let (refused, open) = (Arc::clone(&refused), Arc::clone(&open));
            crowd.spawn(async move {
                let token = &cast.customers[one % cast.customers.len()].token;
                let mut all = Vec::new();
                // A rejected request is sent again, until the row is released.
                while !open.load(Ordering::Relaxed) {
                    let mark = format!("{number} {one} {} {}", all.len(), "🟦".repeat(PADDING));
                    let asked = ask(&client, &url, token, &cast.listing, mark).await?;
                    if asked.outcome == Outcome::Undone("BUSY".to_owned()) {
                        refused.fetch_add(1, Ordering::Relaxed);
                    }
                    all.push(asked);
                }
                anyhow::Ok(all)
            });
        }
        let rejected = async {
            while refused.load(Ordering::Relaxed) < REFUSALS {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(60), rejected)
            .await
            .context("no request is rejected")?;
        // Reads go on all the while.
        let read = self
            .client
            .get(format!("{}/api/p2p/listings", self.server.url));
        let read = read
            .bearer_auth(&self.cast.customers[0].token)
            .send()
            .await?;
        ensure!(read.status() == 200, "{}", read.status());
        open.store(true, Ordering::Relaxed);
        holding.rollback().await?;
        while let Some(all) = crowd.join_next().await {
            self.asked.extend(all??);
        }
        Ok(())
    }

    /// As many as the queue holds, all at once, right after an overload: none is rejected.
    async fn well_again(&mut self, number: usize) -> Result<()> {
        let mut requests = JoinSet::new();
        for one in 0..QUEUE {
            let (client, url, cast) = (
                self.client.clone(),
                self.server.url.clone(),
                Arc::clone(&self.cast),
            );
            requests.spawn(async move {
                let token = &cast.customers[one % cast.customers.len()].token;
                ask(
                    &client,
                    &url,
                    token,
                    &cast.listing,
                    format!("well {number} {one}"),
                )
                .await
            });
        }
        while let Some(asked) = requests.join_next().await {
            let asked = asked??;
            ensure!(
                matches!(asked.outcome, Outcome::Created(_)),
                "{:?}",
                asked.outcome
            );
            self.asked.push(asked);
        }
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_beyond_the_queue_are_rejected_at_once() -> Result<()> {
    let mut overload = Overload::open().await?;
    // The first waves bring the server to its size.
    for number in 0..2 {
        overload.wave(number).await?;
        overload.well_again(number).await?;
    }
    let before = overload.server.resident_kib()?;
    for number in 2..2 + WAVES {
        overload.wave(number).await?;
        overload.well_again(number).await?;
    }
    let after = overload.server.resident_kib()?;
    println!("resident: {before} KiB, then {after} KiB");
    ensure!(
        after < before + ROOM_KIB,
        "it grew from {before} KiB to {after} KiB"
    );
    let counts = reckon(overload.database.url(), &overload.asked).await?;
    println!("{counts:?}");
    overload.raw.close().await?;
    overload.server.kill()?;
    overload.database.drop_now().await
}

/// Passwords are hashed two at a time, however many log-ins wait: deals are made long before the last log-in is decided.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn log_ins_do_not_stand_in_a_deals_way() -> Result<()> {
    let database = TestDatabase::postgres().await?;
    let cast = cast(database.url()).await?;
    let mut command = program(database.url(), &["serve"]);
    command
        .env("P2P_PASSWORDS__MEMORY_KIB", "65536")
        .env("P2P_PASSWORDS__PASSES", "10")
        .env("P2P_HTTP__REQUEST_TIMEOUT_SECONDS", "300")
        .env("P2P_LIMITS__LOGIN_PER_MINUTE", "0")
        .env("P2P_AUTH__FREE_FAILURES_PER_SOURCE", "0")
        .env("P2P_LOG__FILTER", "error");
    let server = Server::start(command)?;
    let client = reqwest::Client::new();
    let answered = Arc::new(AtomicUsize::new(0));
    let mut log_ins = JoinSet::new();
    for one in 0..LOG_INS {
        let answered = Arc::clone(&answered);
        let body =
            json!({"email": format!("unknown{one}@example.org"), "password": "a wrong password"});
        let request = client.post(format!("{}/api/auth/login", server.url));
        let request = request.json(&body).send();
        log_ins.spawn(async move {
            let status = request.await?.status().as_u16();
            answered.fetch_add(1, Ordering::Relaxed);
            anyhow::Ok(status)
        });
    }
    // The first answer shows that they are at it.
    let first = log_ins.join_next().await.context("no log-in")?;
    ensure!(first?? == 401);
    for number in 0..OFFERS {
        let token = &cast.customers[number % cast.customers.len()].token;
        let mark = format!("meanwhile {number}");
        let asked = ask(&client, &server.url, token, &cast.listing, mark).await?;
        ensure!(
            matches!(asked.outcome, Outcome::Created(_)),
            "{:?}",
            asked.outcome
        );
    }
    let before = answered.load(Ordering::Relaxed);
    ensure!(
        before < LOG_INS / 2,
        "the offers waited for {before} log-ins"
    );
    while let Some(status) = log_ins.join_next().await {
        ensure!(status?? == 401);
    }
    server.kill()?;
    database.drop_now().await
}
