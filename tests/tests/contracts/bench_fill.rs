//! The scripts that fill large databases for the benchmark, on a small scale: they leave the schema as it was, and keep
//! every law.

use std::path::Path;
use std::process::Command;

use anyhow::{Result, ensure};
use p2p_application::offer::{OfferFilter, OfferQueries};
use p2p_application::ports::Maintenance;
use p2p_domain::{Actor, Asset, ExchangeType, Timestamp};
use p2p_tests::databases::TestDatabase;
use p2p_tests::harness::{Harness, Offering};
use sea_orm::{ConnectionTrait, DatabaseConnection, Statement};

const SCHEMA: &str = "SELECT pg_get_indexdef(indexrelid) FROM pg_index \
     WHERE indrelid IN (SELECT oid FROM pg_class WHERE relnamespace = 'public'::regnamespace) \
     UNION ALL SELECT conrelid::regclass || ' ' || conname || ' ' || pg_get_constraintdef(oid) FROM pg_constraint \
     WHERE connamespace = 'public'::regnamespace ORDER BY 1";

async fn schema(raw: &DatabaseConnection) -> Result<Vec<String>> {
    let statement = Statement::from_string(raw.get_database_backend(), SCHEMA);
    let rows = raw.query_all_raw(statement).await?;
    let texts = rows.iter().map(|row| row.try_get_by_index(0));
    Ok(texts.collect::<Result<_, _>>()?)
}

async fn count(raw: &DatabaseConnection, table: &str) -> Result<i64> {
    let sql = format!("SELECT count(*) FROM {table}");
    let statement = Statement::from_string(raw.get_database_backend(), sql);
    let row = raw.query_one_raw(statement).await?;
    Ok(row.map_or(Ok(0), |row| row.try_get_by_index(0))?)
}

fn fill(test: &TestDatabase, scripts: &[&str], variables: &[&str]) -> Result<()> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("bench/fill");
    let mut psql = Command::new("psql");
    psql.args(["-X", "-q", "-d", test.url()]);
    for variable in variables {
        psql.args(["-v", variable]);
    }
    for script in scripts {
        psql.arg("-f").arg(folder.join(script));
    }
    let output = psql.output()?;
    let complaint = String::from_utf8_lossy(&output.stderr);
    ensure!(
        output.status.success() && complaint.is_empty(),
        "{complaint}"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_filled_is_in_order() -> Result<()> {
    if Command::new("psql").arg("--version").output().is_err() {
        println!("SKIPPED: psql is not installed");
        return Ok(());
    }
    let test = TestDatabase::postgres().await?;
    let raw = test.raw().await?;
    let before = schema(&raw).await?;

    fill(&test, &["helpers.sql", "listings.sql"], &["listings=2000"])?;
    ensure!(count(&raw, "listings").await? == 2_000);

    let harness = Harness::open(test.open().await?).await;
    let mut customers = Vec::new();
    for name in ["carol", "clara", "chris"] {
        let customer = harness.customer(name).await;
        harness.deposit(customer, "100000", Asset::Usdt).await;
        customers.push(customer.user);
    }
    let anna = harness.exchanger("anna").await;
    for _ in 0..3 {
        let offering = Offering {
            fiat: Asset::Usd,
            total: "1000000",
            ..Offering::of(ExchangeType::CryptoToFiat)
        };
        harness.publish(anna, &offering).await;
    }
    fill(
        &test,
        &["helpers.sql", "past.sql"],
        &["offers=2000", "busy=500"],
    )?;
    fill(&test, &["offers.sql", "history.sql", "journal.sql"], &[])?;
    fill(&test, &["past_done.sql"], &["vacuum=true"])?;
    ensure!(count(&raw, "offers").await? == 2_000);

    assert_eq!(schema(&raw).await?, before);
    let report = harness.store.audit().await?;
    assert_eq!(report.violations, []);
    // The customer with the smallest id has a quarter of all, and every third of the rest.
    let busy = customers.into_iter().min();
    let all = OfferFilter {
        user: busy.unwrap_or(anna.user),
        side: Some(Actor::Customer),
        active_since: None,
        after: None,
        limit: 2_000,
    };
    let all_of_them = harness.store.list_offers(&all).await?;
    ensure!(all_of_them.len() > 900, "{}", all_of_them.len());
    let active = OfferFilter {
        active_since: Some(Timestamp::from_micros(0)),
        ..all
    };
    let finished = harness.store.list_offers(&active).await?;
    ensure!(finished.len() < all_of_them.len() / 2, "{}", finished.len());

    // A deal of today among them.
    let listing = harness
        .publish(anna, &Offering::of(ExchangeType::CryptoToFiat))
        .await;
    let dora = harness.customer("dora").await;
    harness.deposit(dora, "100", Asset::Usdt).await;
    harness.offer(dora, &listing, "10").await;
    harness.close().await;
    raw.close().await?;
    test.drop_now().await
}
