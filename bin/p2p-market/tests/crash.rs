//! The server as a process: killed with -9 under load, or told to stop; what was answered is there, and every law holds.

mod support;

use std::collections::HashSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use p2p_tests::databases::TestDatabase;
use serde_json::{Value, json};
use support::cast::{Cast, cast};
use support::traffic::audit;
use support::{Server, program};
use tokio::task::JoinSet;

/// Creates offers until the server is gone; the answer is what it said it had created.
async fn load(
    url: &str,
    cast: &Cast,
    answered: &Arc<AtomicUsize>,
) -> JoinSet<Result<Vec<(usize, String)>>> {
    let client = reqwest::Client::new();
    let mut connections = JoinSet::new();
    for number in 0..32 {
        let customer = number % cast.customers.len();
        let (client, token) = (client.clone(), cast.customers[customer].token.clone());
        let url = format!("{url}/api/p2p/exchange-offers");
        let body = json!({"listing_id": cast.listing, "amount": 1, "exchange_type": "CRYPTO2FIAT"});
        let answered = Arc::clone(answered);
        connections.spawn(async move {
            let mut created = Vec::new();
            loop {
                let request = client.post(&url).bearer_auth(&token).json(&body);
                let Ok(response) = request.send().await else {
                    break;
                };
                let status = response.status();
                let Ok(answer) = response.json::<Value>().await else {
                    break;
                };
                ensure!(status == 201, "{status}: {answer}");
                let offer = answer["offer_id"].as_str().context("no offer")?.to_owned();
                created.push((customer, offer));
                answered.fetch_add(1, Ordering::Relaxed);
            }
            Ok(created)
        });
    }
    connections
}

async fn until(answered: &AtomicUsize, count: usize) -> Result<()> {
    let enough = async {
        while answered.load(Ordering::Relaxed) < count {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), enough)
        .await
        .context("the server answers too slowly to be tested")
}

/// Everything that was answered, as the restarted server shows it.
async fn all_there(url: &str, cast: &Cast, answered: &[(usize, String)]) -> Result<()> {
    let client = reqwest::Client::new();
    let mut shown = HashSet::new();
    for customer in &cast.customers {
        let mut after = String::new();
        loop {
            let path = format!("{url}/api/p2p/exchange-offers?limit=100{after}");
            let page: Value = client
                .get(path)
                .bearer_auth(&customer.token)
                .send()
                .await?
                .json()
                .await?;
            for item in page["items"].as_array().context("no items")? {
                shown.insert(item["offer_id"].as_str().unwrap_or_default().to_owned());
            }
            match page["next_cursor"].as_str() {
                Some(next) => after = format!("&after={next}"),
                None => break,
            }
        }
    }
    let lost: Vec<_> = answered
        .iter()
        .filter(|(_, offer)| !shown.contains(offer))
        .collect();
    ensure!(
        lost.is_empty(),
        "{} of {} answered offers are gone",
        lost.len(),
        answered.len()
    );
    Ok(())
}

async fn killed_and_restarted(database: TestDatabase) -> Result<()> {
    let url = database.url().to_owned();
    let cast = cast(&url).await?;
    let mut all = Vec::new();
    for round in 1..=3 {
        let server = Server::start(program(&url, &["serve"]))?;
        let answered = Arc::new(AtomicUsize::new(0));
        let mut connections = load(&server.url, &cast, &answered).await;
        until(&answered, 200 * round).await?;
        server.kill()?;
        while let Some(created) = connections.join_next().await {
            all.extend(created??);
        }
        audit(&url)?;
    }
    let server = Server::start(program(&url, &["serve"]))?;
    all_there(&server.url, &cast, &all).await?;
    server.kill()?;
    database.drop_now().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_with_9_under_load_nothing_answered_is_lost_on_postgres() -> Result<()> {
    killed_and_restarted(TestDatabase::postgres().await?).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_with_9_under_load_nothing_answered_is_lost_on_sqlite() -> Result<()> {
    killed_and_restarted(TestDatabase::sqlite().await?).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn told_to_stop_under_load_everything_accepted_is_answered() -> Result<()> {
    let database = TestDatabase::postgres().await?;
    let url = database.url().to_owned();
    let cast = cast(&url).await?;
    let server = Server::start(program(&url, &["serve"]))?;
    let answered = Arc::new(AtomicUsize::new(0));
    let mut connections = load(&server.url, &cast, &answered).await;
    until(&answered, 200).await?;
    server.terminate()?;
    let all = Mutex::new(Vec::new());
    while let Some(created) = connections.join_next().await {
        all.lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .extend(created??);
    }
    let status = server.wait()?;
    ensure!(status.success(), "{status}");
    let all = all.into_inner()?;

    let opened = database.open().await?;
    let mut stored = 0;
    for customer in &cast.customers {
        let filter = p2p_application::offer::OfferFilter {
            user: customer.id,
            side: None,
            active_since: None,
            after: None,
            limit: 1_000_000,
        };
        use p2p_application::offer::OfferQueries;
        stored += opened.list_offers(&filter).await?.len();
    }
    // No offer was stored without a response: each accepted request got one.
    ensure!(
        stored == all.len(),
        "{stored} stored, {} answered",
        all.len()
    );
    opened.close().await?;
    audit(&url)?;
    database.drop_now().await
}
