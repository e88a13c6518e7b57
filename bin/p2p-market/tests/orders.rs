//! Orders while everything around them breaks: the program is killed, its connections to the broker are cut and refused,
//! every message comes twice.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test; its own functions are not recognised as one"
)]

mod support;

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, RwLock};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use p2p_application::order::{OrderFilter, OrderQueries};
use p2p_application::ports::{Broker, Maintenance, OutboxMessage, Queue};
use p2p_application::wallet::WalletQueries;
use p2p_domain::event::AggregateRef;
use p2p_domain::order::OrderStatus;
use p2p_domain::{Asset, Timestamp, UserId};
use p2p_persistence::Database;
use p2p_tests::brokers::TestBroker;
use p2p_tests::databases::TestDatabase;
use p2p_tests::live::published;
use p2p_tests::observer::{Observer, Outside, Seen};
use p2p_tests::served::Person;
use serde_json::{Value, json};
use support::cast::cast;
use support::gate::Gate;
use support::{Server, program, whole};
use tokio::task::JoinSet;

/// A guard, and no promise.
const HANGS: Duration = Duration::from_secs(120);

/// How long an order may stay NEW once nothing is broken any more: connections are made anew within a second or two.
const RECOVERY: Duration = Duration::from_secs(15);

/// Each customer has a million, and orders fifty times something of which forty fit.
const ORDERS: usize = 50;
const FIT: usize = 40;
const PRICE: u32 = 25_000;

/// Where the program is just now: it comes back at another port.
#[derive(Clone)]
struct Address(Arc<RwLock<String>>);

impl Address {
    fn get(&self) -> String {
        self.0.read().unwrap().clone()
    }

    fn set(&self, server: &Server) {
        self.0.write().unwrap().clone_from(&server.url);
    }
}

struct Response {
    key: String,
    text: String,
    replayed: bool,
}

/// Asks for an order; again under the same key until there is an answer.
async fn order(
    client: &reqwest::Client,
    address: &Address,
    buyer: &Person,
    key: String,
) -> Result<Response> {
    let asking = async {
        loop {
            let sent = client
                .post(format!("{}/api/orders", address.get()))
                .bearer_auth(&buyer.token)
                .header("idempotency-key", &key)
                .json(&json!({"amount": PRICE, "asset": "USDT", "description": key}))
                .timeout(Duration::from_secs(10))
                .send()
                .await;
            if let Ok(answer) = sent {
                let replayed = answer.headers().contains_key("idempotency-replayed");
                let status = answer.status();
                if let Ok(text) = answer.text().await
                    && status != 503
                {
                    ensure!(status == 201, "{status}: {text}");
                    let key = key.clone();
                    return Ok(Response {
                        key,
                        text,
                        replayed,
                    });
                }
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(HANGS, asking)
        .await
        .with_context(|| format!("{key} is not answered"))?
}

/// What was published, once more, to the queue that it came to.
fn again(seen: &Seen) -> Result<OutboxMessage> {
    let only = match seen.name.as_str() {
        "OrderPaymentRequested" => Queue::OrderPaymentRequests,
        _ => Queue::OrderPaymentResults,
    };
    let body: Value = serde_json::from_str(&seen.body)?;
    let order = body["data"]["orderId"].as_str().context("no order")?;
    Ok(OutboxMessage {
        id: seen.id.parse()?,
        name: seen.name.clone().into(),
        aggregate: AggregateRef::Order(order.parse()?),
        version: 1,
        body: seen.body.clone(),
        at: Timestamp::from_micros(0),
        only: Some(only),
    })
}

/// Sends everything that is published once more, for as long as it lives.
async fn double(mut observer: Observer, broker: Arc<dyn Broker>, count: Arc<AtomicUsize>) {
    while let Ok(seen) = observer.take(1).await {
        for one in &seen {
            let copy = again(one).expect("an event of an order");
            let arrived = broker.publish(&[copy]).await.expect("a broker");
            count.fetch_add(arrived.len(), Ordering::Relaxed);
        }
    }
}

async fn until(counter: &AtomicUsize, many: usize) -> Result<()> {
    let enough = async {
        while counter.load(Ordering::Relaxed) < many {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(HANGS, enough)
        .await
        .with_context(|| format!("{} of {many}", counter.load(Ordering::Relaxed)))
}

async fn orders(
    store: &Database,
    user: Option<UserId>,
    status: OrderStatus,
) -> Result<Vec<p2p_domain::Order>> {
    let filter = OrderFilter {
        user,
        status: Some(status),
        after: None,
        limit: 10_000,
    };
    Ok(store.list_orders(&filter).await?)
}

/// No order stays NEW.
async fn settled(store: &Database) -> Result<()> {
    let all = async {
        while !orders(store, None, OrderStatus::New).await?.is_empty() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        anyhow::Ok(())
    };
    tokio::time::timeout(RECOVERY, all)
        .await
        .context("an order stays NEW")?
}

async fn available(store: &Database, user: UserId) -> Result<i64> {
    let accounts = store.accounts_of(user).await?;
    let usdt = accounts.iter().find(|one| one.key.asset == Asset::Usdt);
    Ok(usdt.context("no account")?.available().minor())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_orders_are_paid_once_whatever_breaks() -> Result<()> {
    let (database, rabbit) = (
        TestDatabase::postgres().await?,
        TestBroker::rabbitmq().await?,
    );
    let cast = cast(database.url()).await?;
    let gate = Gate::before(rabbit.url()).await?;
    let copies = Arc::<AtomicUsize>::default();
    let observer = Observer::bound(&rabbit).await?;
    let doubling = tokio::spawn(double(
        observer,
        Arc::new(rabbit.open()?),
        Arc::clone(&copies),
    ));
    let start = || Server::start(whole(database.url(), &gate.url, &rabbit));
    let mut server = start()?;
    let address = Address(Arc::new(RwLock::new(server.url.clone())));

    let answered = Arc::<AtomicUsize>::default();
    let client = reqwest::Client::new();
    let mut asking = JoinSet::new();
    for (number, buyer) in cast.customers.iter().cloned().enumerate() {
        let (client, address) = (client.clone(), address.clone());
        let answered = Arc::clone(&answered);
        asking.spawn(async move {
            let mut all = Vec::new();
            for one in 0..ORDERS {
                let key = format!("{number}-{one}");
                all.push(order(&client, &address, &buyer, key).await?);
                answered.fetch_add(1, Ordering::Relaxed);
            }
            anyhow::Ok(all)
        });
    }
    let count = cast.customers.len() * ORDERS;
    for part in [2, 5, 8] {
        until(&answered, count * part / 10).await?;
        server.kill()?;
        server = start()?;
        address.set(&server);
        until(&answered, count * (part + 1) / 10).await?;
        gate.shut();
        until(&answered, count * (part + 1) / 10 + 10).await?;
        gate.open();
    }
    let mut first = HashMap::new();
    while let Some(all) = asking.join_next().await {
        first.extend(all??.into_iter().map(|one| (one.key, one.text)));
    }
    ensure!(first.len() == count, "{} answers", first.len());

    let store = database.open().await?;
    settled(&store).await?;
    published(&store).await?;
    for customer in &cast.customers {
        let finished = orders(&store, Some(customer.id), OrderStatus::Finished).await?;
        let cancelled = orders(&store, Some(customer.id), OrderStatus::Cancelled).await?;
        let counts = (finished.len(), cancelled.len());
        ensure!(counts == (FIT, ORDERS - FIT), "{counts:?}");
        ensure!(available(&store, customer.id).await? == 0);
    }
    // Every request and every result was there twice at least.
    until(&copies, 2 * count).await?;
    let report = store.audit().await?;
    ensure!(report.violations.is_empty(), "{:#?}", report.violations);

    // Long after: the same answers, byte by byte.
    server.kill()?;
    let server = start()?;
    address.set(&server);
    for (number, buyer) in cast.customers.iter().enumerate() {
        let replay = order(&client, &address, buyer, format!("{number}-0")).await?;
        ensure!(replay.replayed, "{}", replay.key);
        ensure!(
            first.get(&replay.key) == Some(&replay.text),
            "{}",
            replay.key
        );
    }
    // All copies are settled, none is dead, and the books are as before.
    drained(&rabbit, server, start).await?;
    let broker = rabbit.open()?;
    let dead = broker.dead_letters(3).await?;
    ensure!(dead.is_empty(), "{dead:?}");
    for customer in &cast.customers {
        ensure!(available(&store, customer.id).await? == 0);
    }
    let report = store.audit().await?;
    ensure!(report.violations.is_empty(), "{:#?}", report.violations);
    ensure!(orders(&store, None, OrderStatus::New).await?.is_empty());
    doubling.abort();
    store.close().await?;
    database.drop_now().await
}

/// Ends the program when it has settled all messages of orders: its unacknowledged messages are delivered again afterwards.
async fn drained(
    rabbit: &TestBroker,
    mut server: Server,
    start: impl Fn() -> Result<Server>,
) -> Result<()> {
    let outside = Outside::connect(rabbit).await?;
    let queues = [Queue::OrderPaymentRequests, Queue::OrderPaymentResults];
    let standing = async || -> Result<(u32, u32)> {
        let (mut messages, mut consumers) = (0, 0);
        for queue in queues {
            let (waiting, consuming) = outside.standing(queue).await?;
            messages += waiting;
            consumers += consuming;
        }
        Ok((messages, consumers))
    };
    let all = async {
        loop {
            while standing().await?.0 > 0 {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            // It may settle its unacknowledged messages: each kill counts as a delivery of them.
            tokio::time::sleep(Duration::from_millis(500)).await;
            server.kill()?;
            while standing().await?.1 > 0 {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            if standing().await?.0 == 0 {
                return anyhow::Ok(());
            }
            server = start()?;
        }
    };
    tokio::time::timeout(HANGS, all)
        .await
        .context("messages are left")?
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn embedded_orders_are_paid_once_however_often_it_is_killed() -> Result<()> {
    let database = TestDatabase::sqlite().await?;
    let cast = cast(database.url()).await?;
    let start = || {
        let mut command = program(database.url(), &["serve"]);
        command.env("P2P_RELAY__ENABLED", "true");
        Server::start(command)
    };
    let client = reqwest::Client::new();
    let buyer = &cast.customers[0];
    let mut first = Vec::new();
    for round in 0..3 {
        let server = start()?;
        let address = Address(Arc::new(RwLock::new(server.url.clone())));
        for number in 0..15 {
            let key = format!("{round}-{number}");
            first.push(order(&client, &address, buyer, key).await?);
        }
        server.kill()?;
    }
    let server = start()?;
    let address = Address(Arc::new(RwLock::new(server.url.clone())));
    for one in &first {
        let replay = order(&client, &address, buyer, one.key.clone()).await?;
        ensure!(replay.replayed && replay.text == one.text, "{}", one.key);
    }
    let store = database.open().await?;
    settled(&store).await?;
    published(&store).await?;
    let finished = orders(&store, Some(buyer.id), OrderStatus::Finished).await?;
    ensure!(finished.len() == FIT, "{}", finished.len());
    ensure!(available(&store, buyer.id).await? == 0);
    let report = store.audit().await?;
    ensure!(report.violations.is_empty(), "{:#?}", report.violations);
    store.close().await?;
    server.kill()?;
    database.drop_now().await
}
