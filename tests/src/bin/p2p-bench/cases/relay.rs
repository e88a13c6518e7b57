//! From the outbox to RabbitMQ: how fast, compared with nothing but publishing; and how soon after the commit a consumer
//! has it.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use async_trait::async_trait;
use hdrhistogram::Histogram;
use p2p_application::ports::Clock;
use p2p_domain::Timestamp;
use p2p_system::SystemClock;
use p2p_tests::brokers::TestBroker;
use p2p_tests::databases::TestDatabase;
use p2p_tests::observer::Observer;
use sea_orm::{ConnectionTrait, Statement};
use tokio::time::{Instant, sleep, timeout};

use super::Case;
use crate::bare::Bare;
use crate::bench::{Bench, Storage};
use crate::drive::drive;
use crate::driven::latencies;
use crate::figures::{Figures, Line, Target, key};
use crate::offers::{CreateOffers, Whose};
use crate::server::Server;

/// Events in the outbox, for each second that is measured.
const BACKLOG: u64 = 10_000;

/// New offers per second while latency is measured, over so many connections.
const RATE: f64 = 1_000.0;
const CONNECTIONS: usize = 64;

/// A guard, and no promise.
const HANGS: Duration = Duration::from_secs(60);

/// As an event of a deal is, under ids in their order.
const FILL: &str = "INSERT INTO outbox (id, name, aggregate_type, aggregate_id, version, body, created_at) \
     SELECT ('01900000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, 'ExchangeOfferApproved', 'OFFER', \
     ('01900000-0000-7000-9000-' || lpad(to_hex(n), 12, '0'))::uuid, 2, $1, 0 FROM generate_series(1, $2) AS n";

pub(crate) const BODY: &str = r#"{"event":"ExchangeOfferApproved","data":{"offerId":"offer_01kd3b5s6vf4fa1q8b8ecj3rtw","customerId":"user_01kd3b5s6vf4fa1q8b8ecj3rtw","exchangerId":"user_01kd3b5s6vf4fa1q8b8ecj3rtx","listingId":"listing_01kd3b5s6vf4fa1q8b8ecj3rty","amount":25.0,"asset":"USDT","timestamp":"2025-04-18T12:00:00.123456Z"}}"#;

pub(crate) struct Relay;

#[async_trait(?Send)]
impl Case for Relay {
    fn name(&self) -> &'static str {
        "relay"
    }

    fn about(&self) -> &'static str {
        "events from the outbox to RabbitMQ, and how soon after an offer's commit a consumer has its event"
    }

    fn is_quick(&self) -> bool {
        false
    }

    async fn round(&self, bench: &mut Bench) -> Result<Vec<Line>> {
        let rabbit = TestBroker::rabbitmq().await?;
        let messages = BACKLOG * bench.pace.seconds;
        let bare = Bare::connect(&rabbit).await?;
        let bare_figures = bare.publish(messages).await?;
        bare.purge().await?;
        let relayed = relayed(bench, &rabbit, messages).await?;
        bare.purge().await?;
        let latency = latency(bench, &rabbit).await?;
        Ok(vec![
            Line::new("relay", relayed.against(key::THROUGHPUT, &bare_figures))
                .versus("a bare publisher")
                .target(Target::AtLeast(key::RATIO, 0.8)),
            Line::new("  a bare publisher", bare_figures),
            Line::new("  commit to consumer, 1,000/s", latency),
        ])
    }
}

/// A server that does nothing but publish.
async fn relayed(bench: &mut Bench, rabbit: &TestBroker, messages: u64) -> Result<Figures> {
    let copy = bench.filled(Storage::Postgres).await?.copy().await?;
    fill(&copy, messages).await?;
    bench.postgres.settle().await;
    let relay = [("P2P_RELAY__ENABLED", "true")];
    let server = Server::start_by(copy.url(), Some(rabbit), &relay).await?;
    let cpu = |server: &Server| -> Result<(f64, f64)> {
        let database = bench
            .postgres
            .postmaster
            .map(crate::processes::Postmaster::cpu);
        Ok((server.cpu()?, database.transpose()?.unwrap_or(0.0)))
    };
    // From the first that is out to the last.
    let mut first = None;
    let all = async {
        loop {
            let published = server.published().await?;
            let now = Instant::now();
            if published > 0 && first.is_none() {
                first = Some((published, now, cpu(&server)?));
            }
            if published >= messages {
                return anyhow::Ok((published, now, cpu(&server)?));
            }
            sleep(Duration::from_millis(10)).await;
        }
    };
    let last = timeout(HANGS, all).await.context("the relay is stuck")??;
    let first = first.context("the relay was too fast to be seen")?;
    server.stop().await?;
    copy.drop_now().await?;
    let count = (last.0 - first.0) as f64;
    ensure!(count > 0.0, "too few events to be measured");
    let per_thousand = 1_000.0 / count;
    Ok(Figures::default()
        .with(key::THROUGHPUT, count / (last.1 - first.1).as_secs_f64())
        .with(key::CPU_SERVER, (last.2.0 - first.2.0) * per_thousand)
        .with(key::CPU_DATABASE, (last.2.1 - first.2.1) * per_thousand))
}

async fn fill(database: &TestDatabase, messages: u64) -> Result<()> {
    let raw = database.raw().await?;
    let values = [BODY.into(), i64::try_from(messages)?.into()];
    let statement = Statement::from_sql_and_values(raw.get_database_backend(), FILL, values);
    raw.execute_raw(statement).await?;
    raw.execute_unprepared("VACUUM (ANALYZE) outbox").await?;
    raw.close().await?;
    Ok(())
}

/// From the time that an event tells to when it is here.
async fn latency(bench: &mut Bench, rabbit: &TestBroker) -> Result<Figures> {
    let filled = bench.filled(Storage::Postgres).await?;
    let copy = filled.copy().await?;
    bench.postgres.settle().await;
    let relay = [("P2P_RELAY__ENABLED", "true")];
    let server = Server::start_by(copy.url(), Some(rabbit), &relay).await?;
    let mut observer = Observer::bound(rabbit).await?;
    let load = bench.pace.open(CONNECTIONS, RATE);
    let scripts = |number| CreateOffers::new(&filled.offers, &Whose::Anybody, number);
    let mut seen = Histogram::<u64>::new_with_bounds(1, 60_000_000, 3)?;
    let driving = drive(load, &server, bench.postgres.postmaster, scripts);
    let mut driving = Box::pin(driving);
    let warm = Instant::now() + load.warm_up;
    let driven = loop {
        tokio::select! {
            driven = &mut driving => break driven?,
            event = observer.take(1) => {
                let now = SystemClock.now();
                for one in event? {
                    if Instant::now() > warm {
                        let told = told_at(&one.body).context("an event without a time")?;
                        seen.saturating_record(u64::try_from(now.since(told).as_micros())?);
                    }
                }
            }
        }
    };
    drop(driving);
    driven.all_right()?;
    server.stop().await?;
    copy.drop_now().await?;
    let rate = driven.figures().get(key::THROUGHPUT).unwrap_or_default();
    Ok(latencies(&seen).with(key::THROUGHPUT, rate))
}

fn told_at(body: &str) -> Option<Timestamp> {
    let (_, rest) = body.split_once(r#""timestamp":""#)?;
    rest.split_once('"')?.0.parse().ok()
}
