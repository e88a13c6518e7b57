//! How soon somebody who follows their notifications at one replica sees what another has committed.

use std::collections::HashMap;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use async_trait::async_trait;
use hdrhistogram::Histogram;
use p2p_tests::brokers::TestBroker;
use tokio::time::{Instant, sleep, timeout};

use super::Case;
use crate::bench::{Bench, Storage};
use crate::drive::Script;
use crate::driven::latencies;
use crate::figures::{Line, Target, key};
use crate::http::Connection;
use crate::offers::{CreateOffers, Whose};
use crate::server::Server;

/// Between two offers: nothing else is under way.
const PAUSE: Duration = Duration::from_millis(20);

const HANGS: Duration = Duration::from_secs(10);

pub(crate) struct Push;

#[async_trait(?Send)]
impl Case for Push {
    fn name(&self) -> &'static str {
        "push"
    }

    fn about(&self) -> &'static str {
        "from an offer's answer at one replica to its exchanger's event stream at another"
    }

    fn is_quick(&self) -> bool {
        false
    }

    fn is_repeated(&self) -> bool {
        false
    }

    async fn round(&self, bench: &mut Bench) -> Result<Vec<Line>> {
        let rabbit = TestBroker::rabbitmq().await?;
        let filled = bench.filled(Storage::Postgres).await?;
        let copy = filled.copy().await?;
        bench.postgres.settle().await;
        let all = [
            ("P2P_RELAY__ENABLED", "true"),
            ("P2P_CONSUMERS__ENABLED", "true"),
        ];
        let one = Server::start_by(copy.url(), Some(&rabbit), &all).await?;
        let two = Server::start_by(copy.url(), Some(&rabbit), &all).await?;

        let client = reqwest::Client::new();
        let url = format!("http://{}/api/events", two.address);
        let (arrived, mut arrivals) = tokio::sync::mpsc::unbounded_channel();
        let mut following = tokio::task::JoinSet::new();
        for exchanger in &filled.cast.exchangers {
            let request = client.get(&url).bearer_auth(&exchanger.token);
            let mut stream = request.send().await?.error_for_status()?;
            let arrived = arrived.clone();
            following.spawn(async move {
                while let Ok(Some(piece)) = stream.chunk().await {
                    let _ = arrived
                        .send((Instant::now(), String::from_utf8_lossy(&piece).into_owned()));
                }
            });
        }
        let mut connection = Connection::open(one.address).await?;
        let mut script = CreateOffers::new(&filled.offers, &Whose::Anybody, 0);
        let mut seen = Histogram::<u64>::new_with_bounds(1, 60_000_000, 3)?;
        let until = Instant::now() + Duration::from_secs(bench.pace.seconds);
        let mut asked = HashMap::new();
        while Instant::now() < until {
            let mut request = Vec::new();
            script.ask(&mut request);
            let answer = connection.call(&request).await?;
            ensure!(answer.status == 201, "{}", answer.text());
            let text = answer.text();
            let offer = text.split('"').find(|part| part.starts_with("offer_"));
            let offer = offer.context("no offer")?.to_owned();
            asked.insert(offer.clone(), Instant::now());
            let news = async {
                while let Some((at, text)) = arrivals.recv().await {
                    if text.contains(&offer) {
                        return Some(at);
                    }
                }
                None
            };
            let at = timeout(HANGS, news)
                .await
                .context("no news")?
                .context("no streams")?;
            let since = asked.get(&offer).copied().unwrap_or(at);
            // It may be there before the answer.
            let took = at.saturating_duration_since(since).as_micros();
            seen.saturating_record(u64::try_from(took)?.max(1));
            sleep(PAUSE).await;
        }
        following.abort_all();
        one.stop().await?;
        two.stop().await?;
        copy.drop_now().await?;
        Ok(vec![
            Line::new("push, to another replica", latencies(&seen))
                .target(Target::AtMost(key::P99, 100.0)),
        ])
    }
}
