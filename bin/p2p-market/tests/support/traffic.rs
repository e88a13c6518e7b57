//! Offers that are made during a failure, each with a mark of its own; afterwards the database must agree with all
//! responses.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use p2p_domain::{OfferId, TypedId};
use sea_orm::prelude::Uuid;
use sea_orm::{ConnectionTrait, Statement};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::cast::Cast;
use super::run;

/// A request that takes longer hangs.
const HANGS: Duration = Duration::from_secs(60);

/// The outcome of a request for an offer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// 201, and the offer's id.
    Created(String),
    /// Nothing was changed; by the problem's code.
    Undone(String),
    /// In doubt; by the problem's code.
    InDoubt(String),
}

/// A request for an offer, and its outcome.
#[derive(Debug)]
pub(crate) struct Request {
    /// The `conditions` of the offer: found again in the database, if it is there.
    pub(crate) mark: String,
    pub(crate) outcome: Outcome,
}

/// Requests one offer. A response other than those of [`Outcome`], or none, is an error.
pub(crate) async fn ask(
    client: &reqwest::Client,
    url: &str,
    token: &str,
    listing: &str,
    mark: String,
) -> Result<Request> {
    let body = json!({"listing_id": listing, "amount": 1, "exchange_type": "CRYPTO2FIAT", "conditions": mark});
    let response = client
        .post(format!("{url}/api/p2p/exchange-offers"))
        .bearer_auth(token)
        .json(&body)
        .timeout(HANGS)
        .send()
        .await
        .context("a request without an answer")?;
    let status = response.status().as_u16();
    let retry_after = response.headers().contains_key("retry-after");
    let answer: Value = response.json().await.context("half an answer")?;
    let text = |field: &str| answer[field].as_str().unwrap_or_default().to_owned();
    let outcome = match (status, text("code").as_str()) {
        (201, _) => Outcome::Created(text("offer_id")),
        (503, code @ ("BUSY" | "UNAVAILABLE")) => {
            ensure!(retry_after, "when to try again is not said: {answer}");
            Outcome::Undone(code.to_owned())
        }
        (503, code @ "OUTCOME_UNKNOWN") | (504, code @ "TIMEOUT") => {
            Outcome::InDoubt(code.to_owned())
        }
        _ => bail!("{status}: {answer}"),
    };
    Ok(Request { mark, outcome })
}

/// Counts of the outcomes so far.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    pub(crate) created: AtomicUsize,
    pub(crate) failed: AtomicUsize,
}

impl Counts {
    pub(crate) fn created(&self) -> usize {
        self.created.load(Ordering::Relaxed)
    }

    pub(crate) fn failed(&self) -> usize {
        self.failed.load(Ordering::Relaxed)
    }
}

/// Customers who request offers, one after another, until they are stopped.
pub(crate) struct Traffic {
    stop: Arc<AtomicBool>,
    pub(crate) counts: Arc<Counts>,
    connections: JoinSet<Result<Vec<Request>>>,
}

impl Traffic {
    pub(crate) fn start(url: &str, cast: &Cast, connections: usize) -> Self {
        let mut traffic = Self {
            stop: Arc::default(),
            counts: Arc::default(),
            connections: JoinSet::new(),
        };
        let client = reqwest::Client::new();
        for number in 0..connections {
            let (stop, counts) = (Arc::clone(&traffic.stop), Arc::clone(&traffic.counts));
            let (client, url) = (client.clone(), url.to_owned());
            let token = cast.customers[number % cast.customers.len()].token.clone();
            let listing = cast.listing.clone();
            traffic.connections.spawn(async move {
                let mut all = Vec::new();
                while !stop.load(Ordering::Relaxed) {
                    let mark = format!("request {} of {number}", all.len());
                    let asked = ask(&client, &url, &token, &listing, mark).await?;
                    let count = match asked.outcome {
                        Outcome::Created(_) => &counts.created,
                        Outcome::Undone(_) | Outcome::InDoubt(_) => &counts.failed,
                    };
                    count.fetch_add(1, Ordering::Relaxed);
                    all.push(asked);
                }
                Ok(all)
            });
        }
        traffic
    }

    /// Waits for these counts. An unexpected response is an error.
    pub(crate) async fn until(&mut self, enough: impl Fn(&Counts) -> bool) -> Result<()> {
        let counts = Arc::clone(&self.counts);
        let waiting = async {
            while !enough(&counts) {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        tokio::select! {
            waited = tokio::time::timeout(HANGS, waiting) => {
                waited.with_context(|| format!("the server does not go on: {counts:?}"))
            }
            Some(ended) = self.connections.join_next() => {
                ended??;
                bail!("a connection has ended before its time")
            }
        }
    }

    /// Waits for some more offers.
    pub(crate) async fn until_more_created(&mut self, more: usize) -> Result<()> {
        let enough = self.counts.created() + more;
        self.until(|counts| counts.created() >= enough).await
    }

    /// Waits for some more requests that were not, or perhaps not, carried out.
    pub(crate) async fn until_more_failed(&mut self, more: usize) -> Result<()> {
        let enough = self.counts.failed() + more;
        self.until(|counts| counts.failed() >= enough).await
    }

    /// Waits for all responses.
    pub(crate) async fn end(mut self) -> Result<Vec<Request>> {
        self.stop.store(true, Ordering::Relaxed);
        let mut all = Vec::new();
        while let Some(asked) = self.connections.join_next().await {
            all.extend(asked??);
        }
        Ok(all)
    }
}

/// An offer as it is stored.
struct Stored {
    id: String,
    mark: String,
    /// Steps in its history, entries in the journal and their sum, events in the outbox.
    parts: [i64; 4],
}

/// What an offer consists of: its first step, two entries that cancel each other out, its event.
const WHOLE: [i64; 4] = [1, 2, 0, 1];

const OFFERS: &str = "SELECT o.id, o.conditions, \
     COALESCE(h.steps, 0), COALESCE(j.entries, 0), COALESCE(j.sum, 0), COALESCE(e.events, 0) \
     FROM offers o \
     LEFT JOIN (SELECT offer_id, count(*) AS steps FROM offer_history GROUP BY offer_id) h ON h.offer_id = o.id \
     LEFT JOIN (SELECT offer_id, count(*) AS entries, sum(amount)::bigint AS sum FROM journal_entries \
       GROUP BY offer_id) j ON j.offer_id = o.id \
     LEFT JOIN (SELECT aggregate_id, count(*) AS events FROM outbox GROUP BY aggregate_id) e ON e.aggregate_id = o.id";

async fn stored(url: &str) -> Result<Vec<Stored>> {
    let database = sea_orm::Database::connect(url).await?;
    let statement = Statement::from_string(database.get_database_backend(), OFFERS);
    let mut stored = Vec::new();
    for row in database.query_all_raw(statement).await? {
        let id: Uuid = row.try_get_by_index(0)?;
        let mut parts = [0; 4];
        for (column, part) in parts.iter_mut().enumerate() {
            *part = row.try_get_by_index(column + 2)?;
        }
        stored.push(Stored {
            id: OfferId::from_u128(id.as_u128()).to_string(),
            mark: row.try_get_by_index(1)?,
            parts,
        });
    }
    database.close().await?;
    Ok(stored)
}

/// Checks that every created offer is stored, that an undone one is not, that each offer is stored as a whole or not at all,
/// that none is stored twice, and that every law holds. Returns the count of each outcome.
pub(crate) async fn reckon(url: &str, asked: &[Request]) -> Result<HashMap<String, usize>> {
    let mut found = HashMap::new();
    for offer in stored(url).await? {
        ensure!(offer.parts == WHOLE, "{}: {:?}", offer.mark, offer.parts);
        let twice = found.insert(offer.mark.clone(), offer.id);
        ensure!(twice.is_none(), "{} is stored twice", offer.mark);
    }
    let mut counts: HashMap<String, usize> = HashMap::new();
    let mut marks = HashSet::new();
    for Request { mark, outcome } in asked {
        marks.insert(mark);
        let there = found.get(mark);
        let what = match (outcome, there) {
            (Outcome::Created(id), Some(offer)) => {
                ensure!(id == offer, "{mark} was told {id}, and is {offer}");
                "created".to_owned()
            }
            (Outcome::Created(id), None) => bail!("{mark} was told {id}, and is not stored"),
            (Outcome::Undone(code), Some(offer)) => bail!("{mark} was told {code}, and is {offer}"),
            (Outcome::Undone(code), None) => code.clone(),
            (Outcome::InDoubt(code), Some(_)) => format!("{code}, stored"),
            (Outcome::InDoubt(code), None) => format!("{code}, not stored"),
        };
        *counts.entry(what).or_default() += 1;
    }
    let strangers = found.keys().filter(|mark| !marks.contains(mark)).count();
    ensure!(strangers == 0, "{strangers} offers without a request");
    audit(url)?;
    Ok(counts)
}

/// Every law holds.
pub(crate) fn audit(url: &str) -> Result<()> {
    let audit = run(url, &["audit"])?;
    let report = String::from_utf8_lossy(&audit.stdout);
    ensure!(audit.status.success(), "{report}");
    Ok(())
}
