//! Events leave and enter: real RabbitMQ, real PostgreSQL, several replicas.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test; its own functions are not recognised as one"
)]

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use p2p_application::ports::{Broker, Outbox, Queue};
use p2p_domain::{Asset, Role};
use p2p_memory::ManualClock;
use p2p_tests::brokers::TestBroker;
use p2p_tests::databases::TestDatabase;
use p2p_tests::live::{Live, Parts, published, settled};
use p2p_tests::observer::{self, Observer, Seen};
use p2p_tests::served::{Person, Served};
use reqwest::Method;
use serde_json::{Value, json};

/// 2025-04-18T15:00:00Z.
const NOON: p2p_domain::Timestamp = p2p_domain::Timestamp::from_micros(1_744_988_400_000_000);

struct Town {
    served: Served,
    clock: ManualClock,
    customer: Person,
    exchanger: Person,
    moderator: Person,
    listing: String,
}

async fn town(database: &TestDatabase) -> Result<Town> {
    let clock = ManualClock::at(NOON);
    let served = Served::start(database.open().await?, Arc::new(clock.clone())).await?;
    let customer = served.person("Carol", &[Role::Customer]).await?;
    let exchanger = served.person("Eve", &[Role::Exchanger]).await?;
    let moderator = served.person("Mod", &[Role::Moderator]).await?;
    served.deposit(&customer, "100000", Asset::Usdt).await?;
    let body = json!({
        "exchange_type": "CRYPTO2FIAT", "crypto_asset": "USDT", "fiat_currency": "EUR", "price": "0.9",
        "total_amount": 1_000_000, "min_amount": 1, "max_amount": 100_000, "payment_methods": ["SEPA"]
    });
    let listing = served
        .post(&exchanger, "/api/p2p/listings", body)
        .await?
        .expect(201);
    let listing = text(&listing["listing_id"]);
    Ok(Town {
        served,
        clock,
        customer,
        exchanger,
        moderator,
        listing,
    })
}

fn text(value: &Value) -> String {
    value.as_str().expect("a text").to_owned()
}

impl Town {
    async fn create(&self) -> Result<String> {
        let body =
            json!({"listing_id": self.listing, "amount": 100, "exchange_type": "CRYPTO2FIAT"});
        let path = "/api/p2p/exchange-offers";
        let created = self
            .served
            .post(&self.customer, path, body)
            .await?
            .expect(201);
        Ok(text(&created["offer_id"]))
    }

    async fn step(&self, who: &Person, offer: &str, step: &str, body: Value) -> Result<Value> {
        let path = format!("/api/p2p/exchange-offers/{offer}/{step}");
        let method = if step == "response" {
            Method::PUT
        } else {
            Method::POST
        };
        Ok(self
            .served
            .call(Some(who), method, &path, body)
            .await?
            .expect(200))
    }

    async fn accept(&self, offer: &str) -> Result<()> {
        self.step(
            &self.exchanger,
            offer,
            "response",
            json!({"action": "ACCEPT"}),
        )
        .await?;
        Ok(())
    }

    async fn pay(&self, offer: &str) -> Result<()> {
        let body = json!({"payment_reference": "SEPA 4711"});
        self.step(&self.exchanger, offer, "confirm-payment", body)
            .await?;
        Ok(())
    }

    async fn finish(&self, offer: &str) -> Result<()> {
        self.accept(offer).await?;
        self.pay(offer).await?;
        self.step(&self.customer, offer, "confirm-receipt", json!({}))
            .await?;
        Ok(())
    }

    async fn notifications(&self, who: &Person) -> Result<Vec<Value>> {
        let (mut all, mut before) = (Vec::new(), String::new());
        loop {
            let path = format!("/api/notifications?limit=100{before}");
            let page = self.served.get(who, &path).await?.expect(200);
            all.extend(
                page["items"]
                    .as_array()
                    .context("no items")?
                    .iter()
                    .cloned(),
            );
            match page["next_cursor"].as_str() {
                Some(next) => before = format!("&before={next}"),
                None => return Ok(all),
            }
        }
    }

    /// Waits until somebody has so many notifications.
    async fn notified(&self, who: &Person, count: usize) -> Result<Vec<Value>> {
        let enough = async {
            loop {
                let found = self.notifications(who).await?;
                if found.len() >= count {
                    return Ok(found);
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(60), enough)
            .await
            .with_context(|| format!("{} is not told of everything", who.email))?
    }
}

fn names(seen: &[Seen]) -> Vec<&str> {
    seen.iter().map(|one| one.name.as_str()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_event_is_observed_with_its_exact_body() -> Result<()> {
    let (database, rabbit) = (
        TestDatabase::postgres().await?,
        TestBroker::rabbitmq().await?,
    );
    let mut observer = Observer::bound(&rabbit).await?;
    let town = town(&database).await?;
    let broker: Arc<dyn Broker> = Arc::new(rabbit.open()?);
    let live = Live::start(&town.served, &broker, Parts::All);

    // A full deal.
    let deal = town.create().await?;
    let created = observer.take(1).await?;
    let body = format!(
        r#"{{"event":"ExchangeOfferCreated","data":{{"offerId":"{deal}","customerId":"{}","listingId":"{}","amount":100.0,"timestamp":"2025-04-18T15:00:00Z"}}}}"#,
        town.customer.id, town.listing
    );
    assert_eq!(created[0].body, body);
    assert_eq!(
        (created[0].name.as_str(), created[0].version),
        ("ExchangeOfferCreated", Some(1))
    );
    town.finish(&deal).await?;
    let mut rest = observer.take(4).await?;
    rest.sort_by_key(|one| one.version);
    assert_eq!(
        names(&rest),
        [
            "ExchangeOfferApproved",
            "PaymentConfirmed",
            "ReceiptConfirmed",
            "ExchangeOfferFinished"
        ]
    );
    let about = |more: &str| {
        format!(
            r#""offerId":"{deal}","customerId":"{}","exchangerId":"{}","listingId":"{}","amount":100.0,"asset":"USDT"{more},"timestamp":"2025-04-18T15:00:00Z"}}}}"#,
            town.customer.id, town.exchanger.id, town.listing
        )
    };
    let more = [
        "",
        r#","paymentReference":"SEPA 4711","confirmedBy":"EXCHANGER""#,
        "",
        r#","paidOut":99.9,"fee":0.1"#,
    ];
    for (seen, more) in rest.iter().zip(more) {
        let body = format!(r#"{{"event":"{}","data":{{{}"#, seen.name, about(more));
        assert_eq!(seen.body, body);
    }

    // A deal that is declined, one that is cancelled, and a dispute.
    let declined = town.create().await?;
    town.step(
        &town.exchanger,
        &declined,
        "response",
        json!({"action": "DECLINE"}),
    )
    .await?;
    let cancelled = town.create().await?;
    town.step(
        &town.customer,
        &cancelled,
        "cancel",
        json!({"reason": "changed my mind"}),
    )
    .await?;
    let disputed = town.create().await?;
    town.accept(&disputed).await?;
    town.pay(&disputed).await?;
    let opened = town
        .step(
            &town.customer,
            &disputed,
            "dispute",
            json!({"reason": "nothing came"}),
        )
        .await?;
    let path = format!("/api/p2p/disputes/{}/resolve", text(&opened["dispute_id"]));
    let decision = json!({"resolution": "RESOLVED_CANCELLED", "comment": "no payment seen"});
    town.served
        .post(&town.moderator, &path, decision)
        .await?
        .expect(200);
    let mut some: Vec<String> = observer
        .take(10)
        .await?
        .into_iter()
        .map(|one| one.name)
        .collect();
    some.sort_unstable();
    assert_eq!(
        some,
        [
            "DisputeOpened",
            "DisputeResolved",
            "ExchangeOfferApproved",
            "ExchangeOfferCancelled",
            "ExchangeOfferCancelled",
            "ExchangeOfferCreated",
            "ExchangeOfferCreated",
            "ExchangeOfferCreated",
            "ExchangeOfferDeclined",
            "PaymentConfirmed",
        ]
    );

    // A freeze, and its end.
    for _ in 0..6 {
        town.create().await?;
    }
    town.clock.advance(Duration::from_secs(31 * 60));
    town.served.sweeper().sweep().await?;
    let frozen = observer.take(6 + 6 + 1).await?;
    let freeze = frozen
        .iter()
        .find(|one| one.name == "ExchangerFrozen")
        .context("no freeze")?;
    assert_eq!(
        freeze.body,
        format!(
            r#"{{"event":"ExchangerFrozen","data":{{"exchangerId":"{}","unanswered":6,"timestamp":"2025-04-18T15:31:00Z"}}}}"#,
            town.exchanger.id
        )
    );
    let path = format!("/api/p2p/exchanger/{}/unfreeze", town.exchanger.id);
    let moderator = town.served.signed_in(
        town.moderator.id,
        town.moderator.email.clone(),
        [Role::Moderator].into(),
    )?;
    town.served
        .post(&moderator, &path, json!({}))
        .await?
        .expect(200);
    assert_eq!(names(&observer.take(1).await?), ["ExchangerUnfrozen"]);

    // Everybody concerned is told, and nothing is left anywhere.
    published(&town.served.database).await?;
    let exchanger = town.served.signed_in(
        town.exchanger.id,
        town.exchanger.email.clone(),
        [Role::Exchanger].into(),
    )?;
    let told = town
        .notified(&exchanger, 4 + 1 + 1 + 2 + 6 + 6 + 1 + 1)
        .await?;
    let of = |name: &str| told.iter().filter(|one| one["event"] == name).count();
    assert_eq!(
        [
            "ExchangeOfferCreated",
            "ExchangeOfferFinished",
            "DisputeOpened",
            "ExchangerFrozen"
        ]
        .map(of),
        [10, 1, 1, 1]
    );
    let told = town.notified(&moderator, 2).await?;
    assert_eq!(
        [&told[0]["event"], &told[1]["event"]],
        ["ExchangerFrozen", "DisputeOpened"]
    );
    ensure!(live.relay.published() >= 28, "{}", live.relay.published());
    assert_eq!(broker.dead_letters(10).await?, []);
    town.served.audit().await?;
    drop(live);
    database.drop_now().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_replicas_publish_and_none_is_lost() -> Result<()> {
    let (database, rabbit) = (
        TestDatabase::postgres().await?,
        TestBroker::rabbitmq().await?,
    );
    let mut observer = Observer::bound(&rabbit).await?;
    let town = Arc::new(town(&database).await?);
    let other = Served::start(database.open().await?, Arc::new(town.clock.clone())).await?;
    let (one, two): (Arc<dyn Broker>, Arc<dyn Broker>) =
        (Arc::new(rabbit.open()?), Arc::new(rabbit.open()?));
    let lives = [
        Live::start(&town.served, &one, Parts::All),
        Live::start(&other, &two, Parts::All),
    ];
    let mut creating = tokio::task::JoinSet::new();
    for _ in 0..300 {
        let town = Arc::clone(&town);
        creating.spawn(async move { town.create().await });
    }
    let mut offers = HashSet::new();
    while let Some(created) = creating.join_next().await {
        offers.insert(created??);
    }
    published(&town.served.database).await?;
    let seen = observer.take(300).await?;
    let mut by_id: HashMap<&str, usize> = HashMap::new();
    for one in &seen {
        *by_id.entry(&one.id).or_default() += 1;
    }
    ensure!(by_id.len() == 300, "{} of 300 are seen", by_id.len());
    let told = town.notified(&town.exchanger, 300).await?;
    let told: HashSet<String> = told.iter().map(|one| text(&one["offer_id"])).collect();
    assert_eq!(told, offers, "each is told once");
    assert_eq!(town.notifications(&town.exchanger).await?.len(), 300);
    drop(lives);
    drop(other);
    database.drop_now().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_that_comes_five_times_at_once_takes_effect_once() -> Result<()> {
    let (database, rabbit) = (
        TestDatabase::postgres().await?,
        TestBroker::rabbitmq().await?,
    );
    let town = town(&database).await?;
    let other = Served::start(database.open().await?, Arc::new(town.clock.clone())).await?;
    town.create().await?;
    let lease = town.served.database.claim(10).await?;
    let message = lease.messages().first().context("nothing is told")?.clone();
    drop(lease);
    let (one, two): (Arc<dyn Broker>, Arc<dyn Broker>) =
        (Arc::new(rabbit.open()?), Arc::new(rabbit.open()?));
    let lives = [
        Live::start(&town.served, &one, Parts::Consuming),
        Live::start(&other, &two, Parts::Consuming),
    ];
    let copies = vec![message.clone(); 5];
    assert_eq!(one.publish(&copies).await?, [message.id; 5]);
    let consumers = lives.each_ref().map(|live| live.notifications.as_ref());
    settled(&consumers, 5).await?;
    // A sixth one, long after.
    one.publish(std::slice::from_ref(&message)).await?;
    settled(&consumers, 6).await?;
    let told = town.notifications(&town.exchanger).await?;
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(told[0]["number"], 1);
    drop(lives);
    drop(other);
    database.drop_now().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn poison_goes_to_the_dead_letters_and_comes_back_when_it_is_sent_back() -> Result<()> {
    let (database, rabbit) = (
        TestDatabase::postgres().await?,
        TestBroker::rabbitmq().await?,
    );
    let town = town(&database).await?;
    town.create().await?;
    let lease = town.served.database.claim(10).await?;
    let mut unknown = lease.messages().first().context("nothing is told")?.clone();
    drop(lease);
    // Of a deal that is not there (yet), and one that is no event at all.
    let missing = "offer_00000000000000000000000001";
    unknown.body = unknown.body.replace(&offer_of(&unknown.body)?, missing);
    let mut nonsense = unknown.clone();
    nonsense.id = p2p_domain::TypedId::from_u128(7);
    nonsense.body = r#"{"event": "Nonsense"}"#.to_owned();

    let broker: Arc<dyn Broker> = Arc::new(rabbit.open()?);
    let live = Live::start(&town.served, &broker, Parts::Consuming);
    broker.publish(&[unknown.clone(), nonsense.clone()]).await?;
    let letters = observer::dead(&broker, 2).await?;
    let reason = |id: &str| {
        let found = letters.iter().find(|one| one.message.id == id);
        found.map(|one| (one.queue.as_str(), one.reason.as_str()))
    };
    let (queue, why) = reason(&unknown.id.to_string()).context("the first is not dead")?;
    assert_eq!(queue, "p2p.notifications");
    ensure!(why.contains("OFFER_NOT_FOUND"), "{why}");
    let (_, why) = reason(&nonsense.id.to_string()).context("the second is not dead")?;
    ensure!(why.contains("not an event"), "{why}");

    // Nothing has become different, so it dies again; once.
    assert_eq!(broker.replay(Some(&unknown.id.to_string()), 10).await?, 1);
    settled(&[&live.notifications], 3).await?;
    assert_eq!(broker.dead_letters(10).await?.len(), 2);
    assert_eq!(town.notifications(&town.exchanger).await?.len(), 0);
    drop(live);
    database.drop_now().await
}

fn offer_of(body: &str) -> Result<String> {
    let body: Value = serde_json::from_str(body)?;
    Ok(text(&body["data"]["offerId"]))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_payment_report_through_the_queue_confirms_the_payment_once() -> Result<()> {
    let (database, rabbit) = (
        TestDatabase::postgres().await?,
        TestBroker::rabbitmq().await?,
    );
    let town = town(&database).await?;
    let deal = town.create().await?;
    town.accept(&deal).await?;
    let broker: Arc<dyn Broker> = Arc::new(rabbit.open()?);
    let live = Live::start(&town.served, &broker, Parts::All);
    let report = |callback: &str, amount: &str| {
        json!({"provider": "bank", "callback_id": callback, "deal_reference": deal,
            "payment_reference": "TX 99", "amount": amount, "currency": "EUR"})
        .to_string()
    };
    let outside = observer::Outside::connect(&rabbit).await?;
    for body in [
        report("first", "1.00"),
        report("second", "90.00"),
        report("second", "90.00"),
    ] {
        outside.send(Queue::PaymentCallbacks, &body).await?;
    }
    settled(&[&live.payments], 3).await?;
    let path = format!("/api/p2p/exchange-offers/{deal}/status");
    let status = town.served.get(&town.customer, &path).await?.expect(200);
    assert_eq!(status["status"], "PAYMENT_CONFIRMED");
    let reports = town
        .served
        .get(&town.moderator, "/api/p2p/payment-reports")
        .await?
        .expect(200);
    let outcomes: Vec<&Value> = reports["items"]
        .as_array()
        .context("no items")?
        .iter()
        .map(|one| &one["outcome"])
        .collect();
    let mut outcomes: Vec<String> = outcomes.into_iter().map(text).collect();
    outcomes.sort_unstable();
    assert_eq!(outcomes, ["APPLIED", "WRONG_AMOUNT"]);
    drop(live);
    database.drop_now().await
}
