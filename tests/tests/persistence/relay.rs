//! The outbox on PostgreSQL as its table grows old: what was removed stays in the index while anybody has a snapshot of
//! before, and messages may come late.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test; its own functions are not recognised as one"
)]

use std::time::{Duration, Instant};

use crate::common::*;
use anyhow::Result;
use p2p_application::ports::{Lease, Outbox};
use p2p_domain::EventId;
use p2p_persistence::Database;
use p2p_tests::databases::TestDatabase;
use sea_orm::DatabaseConnection;
use tokio::time::{sleep, timeout};

/// As the relay takes them.
const WINDOW: u32 = 512;

/// How many messages there were. With `P2P_RELAY_ROWS` more, to see what becomes of it.
fn many() -> u32 {
    let said = std::env::var("P2P_RELAY_ROWS").ok();
    said.and_then(|rows| rows.parse().ok()).unwrap_or(20_000)
}

/// So many messages, one made in each of so many milliseconds.
async fn fill(raw: &DatabaseConnection, from: u32, count: u32) -> Result<()> {
    let last = from + count - 1;
    sql(
        raw,
        &format!(
            "INSERT INTO outbox (id, name, aggregate_type, aggregate_id, version, body, created_at) \
             SELECT (lpad(to_hex(i), 12, '0') || '7000800000000000' || '0000')::uuid, 'ExchangeOfferCreated', 'OFFER', \
               gen_random_uuid(), 1, repeat('x', 300), i FROM generate_series({from}, {last}) AS i"
        ),
    )
    .await?;
    Ok(())
}

async fn deliver(lease: Box<dyn Lease>) -> Result<usize> {
    let arrived: Vec<EventId> = lease.messages().iter().map(|one| one.id).collect();
    lease.ack(&arrived).await?;
    Ok(arrived.len())
}

/// Delivers everything; tells how long the longest look took.
async fn drain(database: &Database) -> Result<(u32, Duration)> {
    let (mut all, mut longest) = (0, Duration::ZERO);
    loop {
        let begun = Instant::now();
        let lease = database.claim(WINDOW).await?;
        longest = longest.max(begun.elapsed());
        if lease.messages().is_empty() {
            return Ok((all, longest));
        }
        all += u32::try_from(deliver(lease).await?)?;
    }
}

/// Entries of the key that were read so far.
async fn entries_read(raw: &DatabaseConnection) -> Result<i64> {
    let read = "SELECT idx_tup_read FROM pg_stat_user_indexes WHERE indexrelname = 'outbox_pkey'";
    Ok(count(raw, read).await?)
}

/// While a snapshot keeps what was removed from being forgotten (a backup takes that long), a look does not go through
/// all of it each time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn looks_stay_short_while_nothing_is_cleaned_up() -> Result<()> {
    let many = many();
    let test = TestDatabase::postgres().await?;
    let (raw, backup) = (test.raw().await?, test.raw().await?);
    fill(&raw, 1, many).await?;
    sql(
        &backup,
        "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1 FROM outbox LIMIT 1",
    )
    .await?;
    let database = test.open().await?;
    let begun = Instant::now();
    let (delivered, longest) = drain(&database).await?;
    let took = begun.elapsed();
    assert_eq!(delivered, many);
    // A connection that ends reports what it has counted.
    database.close().await?;
    raw.close().await?;
    let raw = test.raw().await?;
    let read = entries_read(&raw).await?;
    println!("{many} messages in {took:?}, the longest look {longest:?}, {read} entries read");
    // Each message is found and removed by the key. Then each look begins about 2,000 entries before what it finds, and one
    // in each second at the beginning.
    let looks = i64::from(many / WINDOW) + 2;
    let whole = i64::try_from(took.as_secs())? + 2;
    let most = 3 * i64::from(many) + looks * 3_000 + whole * i64::from(many);
    assert!(read < most, "{read} entries read, not {most}");
    sql(&backup, "ROLLBACK").await?;
    backup.close().await?;
    raw.close().await?;
    test.drop_now().await
}

/// A message that was made long before what is being delivered (on a replica whose clock is behind, say) is found soon.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_comes_late_is_found_soon() -> Result<()> {
    let test = TestDatabase::postgres().await?;
    let raw = test.raw().await?;
    let database = test.open().await?;
    fill(&raw, 1_000_000, 10).await?;
    assert_eq!(drain(&database).await?.0, 10);
    fill(&raw, 5, 1).await?;
    timeout(Duration::from_secs(10), async {
        while drain(&database).await?.0 == 0 {
            sleep(Duration::from_millis(20)).await;
        }
        anyhow::Ok(())
    })
    .await??;
    // A little late is found at once.
    fill(&raw, 1_000_100, 1).await?;
    assert_eq!(drain(&database).await?.0, 1);
    fill(&raw, 1_000_020, 1).await?;
    assert_eq!(drain(&database).await?.0, 1);
    database.close().await?;
    raw.close().await?;
    test.drop_now().await
}

/// A process that dies gives back what it had in hand.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dead_process_has_nothing_in_hand() -> Result<()> {
    let test = TestDatabase::postgres().await?;
    let raw = test.raw().await?;
    fill(&raw, 1, 10).await?;
    let (dying, other) = (test.open().await?, test.open().await?);
    let lease = dying.claim(WINDOW).await?;
    assert_eq!(lease.messages().len(), 10);
    assert_eq!(other.claim(WINDOW).await?.messages().len(), 0);
    sql(
        &raw,
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
         WHERE datname = current_database() AND state = 'idle in transaction'",
    )
    .await?;
    let back = timeout(Duration::from_secs(10), async {
        loop {
            let back = other.claim(WINDOW).await?;
            if !back.messages().is_empty() {
                return anyhow::Ok(back);
            }
            sleep(Duration::from_millis(5)).await;
        }
    })
    .await??;
    assert_eq!(deliver(back).await?, 10);
    // Whoever lost its connection learns of it; nothing is delivered in its name.
    assert!(deliver(lease).await.is_err());
    assert_eq!(drain(&other).await?.0, 0);
    assert_eq!(drain(&dying).await?.0, 0);
    dying.close().await?;
    other.close().await?;
    raw.close().await?;
    test.drop_now().await
}
