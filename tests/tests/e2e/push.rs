//! Following one's notifications at one replica while the other commits and delivers them, over real RabbitMQ and PostgreSQL:
//! a reader that comes and goes as it likes misses nothing and gets nothing twice.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test; its own functions are not recognised as one"
)]

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use futures::{SinkExt, StreamExt};
use p2p_application::ports::Broker;
use p2p_domain::{Asset, Role};
use p2p_system::SystemClock;
use p2p_tests::brokers::TestBroker;
use p2p_tests::databases::TestDatabase;
use p2p_tests::live::{Live, Parts};
use p2p_tests::served::{Person, Served};
use reqwest::Method;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

/// Notifications in all.
const OFFERS: u64 = 400;

/// How often the reader comes back.
const RETURNS: usize = 50;

/// A guard, and no promise.
const HANGS: Duration = Duration::from_secs(60);

/// Two replicas, of which one commits and delivers, and the other is followed.
struct Pair {
    database: TestDatabase,
    one: Served,
    other: Served,
    lives: [Live; 2],
    customer: Person,
    exchanger: Person,
    listing: String,
    /// Its queues go with it.
    _rabbit: TestBroker,
}

impl Pair {
    async fn start() -> Result<Self> {
        let (database, rabbit) = (
            TestDatabase::postgres().await?,
            TestBroker::rabbitmq().await?,
        );
        let clock = Arc::new(SystemClock);
        let one = Served::start(database.open().await?, clock.clone()).await?;
        let other = Served::start(database.open().await?, clock).await?;
        let here: Arc<dyn Broker> = Arc::new(rabbit.open()?);
        let there: Arc<dyn Broker> = Arc::new(rabbit.open()?);
        let lives = [
            Live::start(&one, &here, Parts::All),
            Live::start(&other, &there, Parts::Listening),
        ];
        let customer = one.person("Carol", &[Role::Customer]).await?;
        let exchanger = one.person("Eve", &[Role::Exchanger]).await?;
        one.deposit(&customer, "100000", Asset::Usdt).await?;
        let body = json!({
            "exchange_type": "CRYPTO2FIAT", "crypto_asset": "USDT", "fiat_currency": "EUR", "price": "0.9",
            "total_amount": 1_000_000, "min_amount": "0.1", "max_amount": 100_000, "payment_methods": ["SEPA"]
        });
        let published = one.post(&exchanger, "/api/p2p/listings", body).await?;
        let published = published.expect(201);
        let listing = published["listing_id"].as_str().context("no listing")?;
        Ok(Self {
            listing: listing.to_owned(),
            database,
            one,
            other,
            lives,
            customer,
            exchanger,
            _rabbit: rabbit,
        })
    }

    async fn offers(&self, count: u64) -> Result<()> {
        let body = json!({"listing_id": self.listing, "amount": 1, "exchange_type": "CRYPTO2FIAT"});
        for _ in 0..count {
            let path = "/api/p2p/exchange-offers";
            let created = self.one.post(&self.customer, path, body.clone()).await?;
            created.expect(201);
        }
        Ok(())
    }

    async fn end(self) -> Result<()> {
        drop((self.lives, self.one, self.other));
        self.database.drop_now().await
    }
}

/// Reads server-sent events until a number has come or so many pieces have been read; the answer is the numbers.
async fn some(
    served: &Served,
    who: &Person,
    after: u64,
    pieces: usize,
    until: u64,
) -> Result<Vec<u64>> {
    let mut stream = served
        .request(Method::GET, "/api/events")
        .bearer_auth(&who.token)
        .header("last-event-id", after.to_string())
        .send()
        .await?
        .error_for_status()?;
    let (mut text, mut read) = (String::new(), 0);
    let mut numbers = Vec::new();
    while read < pieces && numbers.last() != Some(&until) {
        let piece = tokio::time::timeout(HANGS, stream.chunk()).await;
        let piece = piece
            .context("nothing comes")??
            .context("the stream ended")?;
        text.push_str(std::str::from_utf8(&piece)?);
        read += 1;
        // Whole events only: one that was cut off comes again.
        while let Some((event, rest)) = text.split_once("\n\n") {
            numbers.extend(number(event)?);
            text = rest.to_owned();
        }
    }
    Ok(numbers)
}

/// The number of an event that says something, which must agree with what it says.
fn number(event: &str) -> Result<Option<u64>> {
    let field = |name: &str| event.lines().find_map(|line| line.strip_prefix(name));
    let Some(data) = field("data:") else {
        return Ok(None);
    };
    let id: u64 = field("id:").context("no id")?.trim().parse()?;
    let data: Value = serde_json::from_str(data)?;
    ensure!(data["number"] == id, "{event}");
    Ok(Some(id))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_that_reconnects_at_random_misses_and_repeats_nothing() -> Result<()> {
    let pair = Pair::start().await?;
    let creating = pair.offers(OFFERS);
    let reading = async {
        let (mut all, random) = (Vec::<u64>::new(), RandomState::new());
        for visit in 0..=RETURNS {
            let after = all.last().copied().unwrap_or(0);
            let pieces = match visit {
                RETURNS => usize::MAX,
                _ => 1 + usize::try_from(random.hash_one(visit) % 8)?,
            };
            // Now at the one, now at the other.
            let served = if random.hash_one((visit, 1)) % 4 == 0 {
                &pair.one
            } else {
                &pair.other
            };
            all.extend(some(served, &pair.exchanger, after, pieces, OFFERS).await?);
        }
        anyhow::Ok(all)
    };
    let ((), all) = tokio::try_join!(creating, reading)?;
    let expected: Vec<u64> = (1..=OFFERS).collect();
    assert_eq!(all, expected);
    pair.end().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_web_socket_at_the_other_replica_hears_the_same() -> Result<()> {
    let pair = Pair::start().await?;
    let url = pair.other.url.replace("http://", "ws://") + "/api/ws";
    let mut request = url.into_client_request()?;
    let protocols = format!("p2p.v1, bearer.{}", pair.exchanger.token);
    request
        .headers_mut()
        .insert("sec-websocket-protocol", protocols.parse()?);
    let (mut socket, answer) = tokio_tungstenite::connect_async(request).await?;
    assert_eq!(answer.headers()["sec-websocket-protocol"], "p2p.v1");
    pair.offers(20).await?;
    let mut numbers = Vec::new();
    while numbers.len() < 20 {
        let frame = tokio::time::timeout(HANGS, socket.next()).await?;
        if let Message::Text(text) = frame.context("the socket was closed")?? {
            let frame: Value = serde_json::from_str(&text)?;
            if frame["event"] != "connected" {
                assert_eq!(frame["event"], "ExchangeOfferCreated");
                assert_eq!(frame["data"]["number"], frame["id"]);
                numbers.extend(frame["id"].as_u64());
            }
        }
    }
    assert_eq!(numbers, (1..=20).collect::<Vec<u64>>());
    socket.send(Message::Close(None)).await?;
    pair.end().await
}
