//! Events from a real process: it is killed between publishing and noting it, and the broker goes away under load. None is
//! lost, each takes effect once, and no deal is delayed.

mod support;

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use p2p_application::notification::{NotificationFilter, NotificationQueries};
use p2p_application::ports::{Outbox, Queue};
use p2p_application::user::UserQueries;
use p2p_domain::user::Email;
use p2p_persistence::Database;
use p2p_tests::brokers::TestBroker;
use p2p_tests::databases::TestDatabase;
use p2p_tests::live::published;
use p2p_tests::observer::{Observer, Outside};
use support::cast::cast;
use support::gate::Gate;
use support::traffic::{Outcome, Request, Traffic};
use support::{Server, program, whole};

/// The offers that people were told they had made.
fn made(asked: Vec<Request>) -> HashSet<String> {
    let ids = asked.into_iter().filter_map(|one| match one.outcome {
        Outcome::Created(id) => Some(id),
        Outcome::Undone(_) | Outcome::InDoubt(_) => None,
    });
    ids.collect()
}

/// Every offer is told to its exchanger, once, under consecutive numbers.
async fn each_is_told_once(database: &Database, offers: &HashSet<String>) -> Result<()> {
    let eve = database
        .find_user_by_email(&Email::new("eve@test.example"))
        .await?
        .context("no exchanger")?;
    let told = async {
        loop {
            let mailbox = database.mailbox(eve.id).await?;
            if mailbox.is_some_and(|mailbox| mailbox.last >= offers.len() as u64) {
                return anyhow::Ok(());
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(120), told)
        .await
        .context("not all is told")??;
    let (mut found, mut before) = (Vec::new(), None);
    loop {
        let filter = NotificationFilter {
            user: eve.id,
            unread_after: None,
            before,
            limit: 1_000,
        };
        let page = database.list_notifications(&filter).await?;
        let Some(last) = page.last() else { break };
        before = Some(last.number);
        found.extend(page);
    }
    let numbers: Vec<u64> = found.iter().rev().map(|one| one.number).collect();
    let expected: Vec<u64> = (1..=offers.len() as u64).collect();
    ensure!(
        numbers == expected,
        "{} of {}",
        numbers.len(),
        expected.len()
    );
    let mut about = HashMap::new();
    for one in &found {
        let offer = one.news.offer.context("no offer")?.to_string();
        *about.entry(offer).or_insert(0) += 1;
    }
    ensure!(about.values().all(|count| *count == 1), "told twice");
    ensure!(
        offers.iter().all(|offer| about.contains_key(offer)),
        "not told"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_between_publishing_and_noting_it_again_and_again() -> Result<()> {
    let (database, rabbit) = (
        TestDatabase::postgres().await?,
        TestBroker::rabbitmq().await?,
    );
    let mut observer = Observer::bound(&rabbit).await?;
    let cast = cast(database.url()).await?;
    // One serves and is left alone; the other publishes and consumes, and does not live long.
    let mut serving = whole(database.url(), rabbit.url(), &rabbit);
    serving
        .env("P2P_RELAY__ENABLED", "false")
        .env("P2P_CONSUMERS__ENABLED", "false");
    let serving = Server::start(serving)?;
    let mut traffic = Traffic::start(&serving.url, &cast, 32);
    for _ in 0..6 {
        let mortal = Server::start(whole(database.url(), rabbit.url(), &rabbit))?;
        traffic.until_more_created(200).await?;
        mortal.kill()?;
        traffic.until_more_created(50).await?;
    }
    let asked = traffic.end().await?;
    let offers = made(asked);
    let last = Server::start(whole(database.url(), rabbit.url(), &rabbit))?;
    let store = database.open().await?;
    published(&store).await?;
    each_is_told_once(&store, &offers).await?;
    ensure!(store.backlog().await?.depth == 0);

    let mut wire: HashMap<String, usize> = HashMap::new();
    while wire.len() < offers.len() {
        for seen in observer.take(1).await? {
            *wire.entry(seen.id).or_default() += 1;
        }
    }
    let doubled = wire.values().filter(|count| **count > 1).count();
    println!(
        "{} offers, {doubled} of them told more than once on the wire",
        offers.len()
    );
    store.close().await?;
    last.kill()?;
    serving.kill()?;
    database.drop_now().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unavailable_broker_delays_no_deal_and_loses_nothing() -> Result<()> {
    let (database, rabbit) = (
        TestDatabase::postgres().await?,
        TestBroker::rabbitmq().await?,
    );
    let mut observer = Observer::bound(&rabbit).await?;
    let cast = cast(database.url()).await?;
    let gate = Gate::before(rabbit.url()).await?;
    let server = Server::start(whole(database.url(), &gate.url, &rabbit))?;
    let mut traffic = Traffic::start(&server.url, &cast, 16);
    traffic.until_more_created(100).await?;
    for _ in 0..3 {
        gate.shut();
        // Commands go on as if nothing were: none is refused, and hundreds are answered meanwhile.
        traffic.until_more_created(300).await?;
        gate.open();
        traffic.until_more_created(100).await?;
    }
    ensure!(
        traffic.counts.failed() == 0,
        "{} requests failed",
        traffic.counts.failed()
    );
    let offers = made(traffic.end().await?);
    let store = database.open().await?;
    published(&store).await?;
    each_is_told_once(&store, &offers).await?;

    // The order of a deal's events can be told by their versions: here each has one event.
    let mut wire = HashSet::new();
    while wire.len() < offers.len() {
        for seen in observer.take(1).await? {
            ensure!(seen.version == Some(1), "{seen:?}");
            wire.insert(seen.id);
        }
    }
    store.close().await?;
    server.kill()?;
    database.drop_now().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_starts_and_serves_without_its_broker() -> Result<()> {
    let (database, rabbit) = (
        TestDatabase::postgres().await?,
        TestBroker::rabbitmq().await?,
    );
    let cast = cast(database.url()).await?;
    let gate = Gate::before(rabbit.url()).await?;
    gate.shut();
    let server = Server::start(whole(database.url(), &gate.url, &rabbit))?;
    let mut traffic = Traffic::start(&server.url, &cast, 4);
    traffic.until_more_created(20).await?;
    let offers = made(traffic.end().await?);
    gate.open();
    let store = database.open().await?;
    published(&store).await?;
    each_is_told_once(&store, &offers).await?;
    store.close().await?;
    server.kill()?;
    database.drop_now().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn embedded_nothing_is_lost_either_when_it_is_killed() -> Result<()> {
    let database = TestDatabase::sqlite().await?;
    let cast = cast(database.url()).await?;
    let start = || {
        let mut command = program(database.url(), &["serve"]);
        command.env("P2P_RELAY__ENABLED", "true");
        Server::start(command)
    };
    let mut offers = HashSet::new();
    let client = reqwest::Client::new();
    for round in 0..3 {
        let server = start()?;
        for number in 0..50 {
            let (token, mark) = (&cast.customers[0].token, format!("{round} {number}"));
            let asked = support::traffic::ask(&client, &server.url, token, &cast.listing, mark);
            offers.extend(made(vec![asked.await?]));
        }
        server.kill()?;
    }
    let server = start()?;
    let store = database.open().await?;
    published(&store).await?;
    each_is_told_once(&store, &offers).await?;
    store.close().await?;
    server.kill()?;
    database.drop_now().await
}

/// What the program says of dead letters.
fn dead_letters(database: &str, rabbit: &TestBroker, arguments: &[&str]) -> Result<String> {
    let arguments: Vec<&str> = ["dead-letters"].iter().chain(arguments).copied().collect();
    let said = program(database, &arguments)
        .env("AMQP_URL", rabbit.url())
        .env("P2P_BROKER__NAMESPACE", rabbit.namespace())
        .output()?;
    ensure!(said.status.success(), "{said:?}");
    Ok(String::from_utf8(said.stdout)?)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dead_letters_are_shown_and_sent_back() -> Result<()> {
    let (database, rabbit) = (
        TestDatabase::postgres().await?,
        TestBroker::rabbitmq().await?,
    );
    let server = Server::start(whole(database.url(), rabbit.url(), &rabbit))?;
    let outside = Outside::connect(&rabbit).await?;
    outside.send(Queue::PaymentCallbacks, "nonsense").await?;
    let shown = || async {
        let dead = async {
            loop {
                let said = dead_letters(database.url(), &rabbit, &["list"])?;
                if said.contains("\n1 dead letters\n") {
                    return anyhow::Ok(said);
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(60), dead)
            .await
            .context("it is not among the dead letters")?
    };
    let said = shown().await?;
    for part in [
        "queue:  p2p.payment-callbacks",
        "reason: not a payment report",
        "body:   nonsense",
    ] {
        ensure!(said.contains(part), "{said}");
    }
    let said = dead_letters(database.url(), &rabbit, &["replay"])?;
    ensure!(said == "1 dead letters sent back\n", "{said}");
    // It is no better than before.
    shown().await?;
    server.kill()?;
    database.drop_now().await
}
