//! Orders from end to end: HTTP, a real database, a real broker, the consumers of both modules. On PostgreSQL with RabbitMQ
//! and on SQLite with the broker in the process alike.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test; its own functions are not recognised as one"
)]

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use async_trait::async_trait;
use p2p_application::ports::{
    Broadcasts, Broker, BrokerError, DeadLetter, Deliveries, OutboxMessage, Queue,
};
use p2p_broker::InProcess;
use p2p_domain::{Asset, EventId, Role};
use p2p_system::SystemClock;
use p2p_tests::brokers::TestBroker;
use p2p_tests::databases::TestDatabase;
use p2p_tests::live::{Live, Parts, published, settled};
use p2p_tests::served::{Person, Reply, Served, reply};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::task::JoinSet;

/// A guard, and no promise.
const HANGS: Duration = Duration::from_secs(120);

struct Shop {
    served: Arc<Served>,
    broker: Arc<dyn Broker>,
    live: Live,
    anna: Person,
    admin: Person,
    // Dropped last: what is above still uses them.
    rabbit: Option<TestBroker>,
    database: TestDatabase,
}

impl Shop {
    async fn on_servers() -> Result<Self> {
        let rabbit = TestBroker::rabbitmq().await?;
        let broker: Arc<dyn Broker> = Arc::new(rabbit.open()?);
        Self::open(TestDatabase::postgres().await?, broker, Some(rabbit)).await
    }

    async fn embedded() -> Result<Self> {
        let database = TestDatabase::sqlite().await?;
        let graves = Arc::new(database.open().await?);
        let broker = Arc::new(InProcess::new(graves, Arc::new(SystemClock)));
        Self::open(database, broker, None).await
    }

    async fn open(
        database: TestDatabase,
        broker: Arc<dyn Broker>,
        rabbit: Option<TestBroker>,
    ) -> Result<Self> {
        let served = Served::start(database.open().await?, Arc::new(SystemClock)).await?;
        let live = Live::start(&served, &broker, Parts::All);
        let anna = served.person("Anna", &[Role::Customer]).await?;
        let admin = served.person("Adam", &[Role::Admin]).await?;
        Ok(Self {
            served: Arc::new(served),
            broker,
            live,
            anna,
            admin,
            rabbit,
            database,
        })
    }

    async fn order(&self, key: &str, body: Value) -> Result<Reply> {
        order(&self.served, &self.anna, key, body).await
    }

    /// All orders of Anna's, once none of them is NEW any more.
    async fn settled(&self) -> Result<Vec<Value>> {
        let none_is_new = async {
            loop {
                let path = "/api/orders?status=NEW&limit=1";
                let page = self.served.get(&self.anna, path).await?.expect(200);
                if page["items"].as_array().context("no items")?.is_empty() {
                    return anyhow::Ok(());
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        let waited = tokio::time::timeout(HANGS, none_is_new).await;
        waited.context("an order stays NEW")??;
        let (mut all, mut cursor) = (Vec::new(), String::new());
        loop {
            let path = format!("/api/orders?limit=100{cursor}");
            let page = self.served.get(&self.anna, &path).await?.expect(200);
            all.extend_from_slice(page["items"].as_array().context("no items")?);
            match page["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return Ok(all),
            }
        }
    }

    async fn roubles(&self) -> Result<i64> {
        Ok(self.served.balance(&self.anna, Asset::Rub).await?.0)
    }

    async fn close(self) -> Result<()> {
        published(&self.served.database).await?;
        self.served.audit().await?;
        drop((self.served, self.broker, self.live, self.rabbit));
        self.database.drop_now().await
    }
}

/// Publishes everything twice.
struct Twice(Arc<dyn Broker>);

#[async_trait]
impl Broker for Twice {
    async fn publish(&self, messages: &[OutboxMessage]) -> Result<Vec<EventId>, BrokerError> {
        self.0.publish(messages).await?;
        self.0.publish(messages).await
    }

    async fn consume(&self, queue: Queue, window: u16) -> Result<Box<dyn Deliveries>, BrokerError> {
        self.0.consume(queue, window).await
    }

    async fn broadcast(&self, news: &[u8]) -> Result<(), BrokerError> {
        self.0.broadcast(news).await
    }

    async fn subscribe(&self) -> Result<Box<dyn Broadcasts>, BrokerError> {
        self.0.subscribe().await
    }

    async fn dead_letters(&self, limit: u32) -> Result<Vec<DeadLetter>, BrokerError> {
        self.0.dead_letters(limit).await
    }

    async fn replay(&self, id: Option<&str>, limit: u32) -> Result<u32, BrokerError> {
        self.0.replay(id, limit).await
    }
}

async fn order(served: &Served, buyer: &Person, key: &str, body: Value) -> Result<Reply> {
    let request = served
        .request(Method::POST, "/api/orders")
        .bearer_auth(&buyer.token)
        .header("idempotency-key", key)
        .json(&body);
    reply(request).await
}

/// How many there are of each status, and of each reason.
fn counted(orders: &[Value]) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for order in orders {
        let name = order["reason"].as_str().or(order["status"].as_str());
        *counts.entry(name.unwrap().to_owned()).or_default() += 1;
    }
    counts
}

async fn an_order_is_paid_and_told(shop: Shop) -> Result<()> {
    shop.served.deposit(&shop.anna, "1000", Asset::Rub).await?;
    let request = shop
        .served
        .request(Method::POST, "/api/orders")
        .bearer_auth(&shop.anna.token)
        .header("idempotency-key", "first")
        .header("prefer", "wait=20")
        .json(&json!({"userId": shop.anna.id.to_string(), "email": shop.anna.email, "price": 400}));
    let paid = reply(request).await?;
    ensure!(paid.headers["preference-applied"] == "wait", "{paid:?}");
    let paid = paid.expect(201);
    ensure!(paid["status"] == "FINISHED", "{paid}");
    ensure!(shop.roubles().await? == 60_000);

    let dear = shop
        .order("second", json!({"amount": "600.01"}))
        .await?
        .expect(201);
    ensure!(dear["status"] == "NEW", "{dear}");
    let all = shop.settled().await?;
    ensure!(all[0]["reason"] == "INSUFFICIENT_FUNDS", "{all:?}");
    ensure!(shop.roubles().await? == 60_000);
    let path = "/api/notifications";
    let told = shop.served.get(&shop.anna, path).await?.expect(200);
    let told: Vec<&Value> = told["items"].as_array().unwrap().iter().collect();
    ensure!(told.len() == 2, "{told:?}");
    ensure!(told[0]["order_id"] == dear["order_id"], "{told:?}");
    ensure!(told[1]["order_id"] == paid["order_id"], "{told:?}");
    shop.close().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_is_paid_and_told_on_servers() -> Result<()> {
    an_order_is_paid_and_told(Shop::on_servers().await?).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_is_paid_and_told_embedded() -> Result<()> {
    an_order_is_paid_and_told(Shop::embedded().await?).await
}

/// More than the wallet holds, all at once: it pays for what fits, to the last rouble, and never goes below zero.
async fn a_wallet_pays_for_what_fits(shop: Shop, count: usize) -> Result<()> {
    let fits = count / 3;
    let money = (fits * 7 + 6).to_string();
    shop.served.deposit(&shop.anna, &money, Asset::Rub).await?;
    let mut asking = JoinSet::new();
    for number in 0..count {
        let (served, anna) = (Arc::clone(&shop.served), shop.anna.clone());
        asking.spawn(async move {
            let made = order(&served, &anna, &format!("n{number}"), json!({"amount": 7})).await?;
            made.expect(201);
            anyhow::Ok(())
        });
    }
    while let Some(asked) = asking.join_next().await {
        asked??;
    }
    let all = shop.settled().await?;
    ensure!(all.len() == count, "{} orders", all.len());
    let expected = BTreeMap::from([
        ("FINISHED".to_owned(), fits),
        ("INSUFFICIENT_FUNDS".to_owned(), count - fits),
    ]);
    ensure!(counted(&all) == expected, "{:?}", counted(&all));
    ensure!(shop.roubles().await? == 600, "{}", shop.roubles().await?);
    shop.close().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_thousand_orders_at_once_of_one_account_on_servers() -> Result<()> {
    a_wallet_pays_for_what_fits(Shop::on_servers().await?, 2_000).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_thousand_orders_at_once_of_one_account_embedded() -> Result<()> {
    a_wallet_pays_for_what_fits(Shop::embedded().await?, 2_000).await
}

async fn one_key_is_one_order(shop: Shop) -> Result<()> {
    shop.served.deposit(&shop.anna, "1000", Asset::Rub).await?;
    let mut asking = JoinSet::new();
    for _ in 0..50 {
        let (served, anna) = (Arc::clone(&shop.served), shop.anna.clone());
        asking.spawn(async move { order(&served, &anna, "one", json!({"amount": 100})).await });
    }
    let mut answers = Vec::new();
    while let Some(answer) = asking.join_next().await {
        answers.push(answer??);
    }
    let texts: HashSet<&str> = answers.iter().map(|one| one.text.as_str()).collect();
    ensure!(texts.len() == 1, "{texts:?}");
    ensure!(answers.iter().all(|one| one.status == 201));
    let replayed = |one: &&Reply| one.headers.contains_key("idempotency-replayed");
    ensure!(answers.iter().filter(replayed).count() == 49);
    let other = shop.order("one", json!({"amount": 101})).await?;
    other.expect_problem(422, "IDEMPOTENCY_KEY_REUSED");
    ensure!(shop.settled().await?.len() == 1);
    ensure!(shop.roubles().await? == 90_000);
    shop.close().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_requests_with_one_key_on_servers() -> Result<()> {
    one_key_is_one_order(Shop::on_servers().await?).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_requests_with_one_key_embedded() -> Result<()> {
    one_key_is_one_order(Shop::embedded().await?).await
}

/// The same id under twenty keys, and ten refunds, all at once.
async fn one_id_is_one_order(shop: Shop) -> Result<()> {
    shop.served.deposit(&shop.anna, "1000", Asset::Rub).await?;
    let id: p2p_domain::OrderId = shop.served.market.fresh();
    let mut asking = JoinSet::new();
    for number in 0..20 {
        let (served, anna) = (Arc::clone(&shop.served), shop.anna.clone());
        let body = json!({"order_id": id.to_string(), "amount": 100});
        asking.spawn(async move { order(&served, &anna, &format!("k{number}"), body).await });
    }
    while let Some(answer) = asking.join_next().await {
        let made = answer??.expect(201);
        ensure!(made["order_id"] == id.to_string(), "{made}");
    }
    let all = shop.settled().await?;
    ensure!(counted(&all) == BTreeMap::from([("FINISHED".to_owned(), 1)]));
    ensure!(shop.roubles().await? == 90_000);

    let mut refunding = JoinSet::new();
    for _ in 0..10 {
        let (served, admin) = (Arc::clone(&shop.served), shop.admin.clone());
        let path = format!("/api/orders/{id}/refund");
        refunding.spawn(async move { served.post(&admin, &path, json!({})).await });
    }
    let mut answers = HashSet::new();
    while let Some(answer) = refunding.join_next().await {
        let answer = answer??;
        ensure!(answer.status == 200, "{}", answer.text);
        answers.insert(answer.text);
    }
    ensure!(answers.len() == 1, "{answers:?}");
    ensure!(shop.roubles().await? == 100_000);
    let noted = async {
        loop {
            let path = format!("/api/orders/{id}");
            let order = shop.served.get(&shop.anna, &path).await?.expect(200);
            if order["refunded_at"].is_string() {
                return anyhow::Ok(());
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let waited = tokio::time::timeout(HANGS, noted).await;
    waited.context("the order does not hear of its refund")??;
    shop.close().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_order_id_twenty_times_and_ten_refunds_on_servers() -> Result<()> {
    one_id_is_one_order(Shop::on_servers().await?).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_order_id_twenty_times_and_ten_refunds_embedded() -> Result<()> {
    one_id_is_one_order(Shop::embedded().await?).await
}

/// Fifty orders, of which forty can be paid; every message of theirs is published twice, and counts once.
async fn every_message_counts_once(shop: Shop) -> Result<()> {
    shop.served.deposit(&shop.anna, "200", Asset::Rub).await?;
    for number in 0..50 {
        let key = format!("k{number}");
        shop.order(&key, json!({"amount": 5})).await?.expect(201);
    }
    let consumers = [&*shop.live.order_payments, &*shop.live.order_results];
    settled(&consumers, 200).await?;
    let all = shop.settled().await?;
    let expected = BTreeMap::from([
        ("FINISHED".to_owned(), 40),
        ("INSUFFICIENT_FUNDS".to_owned(), 10),
    ]);
    ensure!(counted(&all) == expected, "{:?}", counted(&all));
    let path = "/api/notifications?limit=100";
    let told = shop.served.get(&shop.anna, path).await?.expect(200);
    ensure!(told["items"].as_array().unwrap().len() == 50);
    ensure!(shop.roubles().await? == 0);
    ensure!(shop.broker.dead_letters(1).await?.is_empty());
    shop.close().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_message_comes_twice_on_servers() -> Result<()> {
    let rabbit = TestBroker::rabbitmq().await?;
    let twice: Arc<dyn Broker> = Arc::new(Twice(Arc::new(rabbit.open()?)));
    let database = TestDatabase::postgres().await?;
    every_message_counts_once(Shop::open(database, twice, Some(rabbit)).await?).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_message_comes_twice_embedded() -> Result<()> {
    let database = TestDatabase::sqlite().await?;
    let graves = Arc::new(database.open().await?);
    let inner = InProcess::new(graves, Arc::new(SystemClock));
    let twice: Arc<dyn Broker> = Arc::new(Twice(Arc::new(inner)));
    every_message_counts_once(Shop::open(database, twice, None).await?).await
}
