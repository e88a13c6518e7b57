//! New offers where ten million were made before.

use std::time::Duration;

use anyhow::Result;
use async_trait::async_trait;
use p2p_tests::databases::TestDatabase;

use super::Case;
use crate::bench::{Bench, CONNECTIONS, Filled, Storage};
use crate::drive::drive;
use crate::figures::{Figures, Line, Target, key, median};
use crate::fill::past;
use crate::offers::{CreateOffers, Whose};
use crate::server::Server;

const FEW: usize = 10_000;
const MANY: usize = 10_000_000;

/// How often each of both is measured, in turns.
const TURNS: usize = 3;

pub(crate) struct TenMillion;

#[async_trait(?Send)]
impl Case for TenMillion {
    fn name(&self) -> &'static str {
        "ten-million"
    }

    fn about(&self) -> &'static str {
        "new offers after 10,000,000 others with their history and journal, and after 10,000"
    }

    fn patience(&self) -> Duration {
        Duration::from_secs(900)
    }

    fn is_quick(&self) -> bool {
        false
    }

    fn is_repeated(&self) -> bool {
        false
    }

    async fn round(&self, bench: &mut Bench) -> Result<Vec<Line>> {
        let filled = bench.filled(Storage::Postgres).await?;
        let (few, many) = (filled.copy().await?, filled.copy().await?);
        past(&few, FEW, 0, false).await?;
        past(&many, MANY, 0, false).await?;
        let mut measured = [Vec::new(), Vec::new()];
        for _ in 0..TURNS {
            for (figures, database) in measured.iter_mut().zip([&few, &many]) {
                figures.push(create(bench, &filled, database).await?);
            }
        }
        few.drop_now().await?;
        many.drop_now().await?;
        let [after_few, after_many] = measured.map(|figures| middle(&figures));
        Ok(vec![
            Line::new(
                "ten-million",
                after_many.against(key::THROUGHPUT, &after_few),
            )
            .versus("create after 10,000")
            .target(Target::AtLeast(key::RATIO, 0.9)),
            Line::new("  create after 10,000", after_few),
        ])
    }
}

async fn create(bench: &Bench, filled: &Filled, database: &TestDatabase) -> Result<Figures> {
    bench.postgres.settle().await;
    let server = Server::start(database.url()).await?;
    let load = bench.pace.closed(CONNECTIONS);
    let offers = |number| CreateOffers::new(&filled.offers, &Whose::Anybody, number);
    let driven = drive(load, &server, bench.postgres.postmaster, offers).await?;
    driven.all_right()?;
    server.stop().await?;
    Ok(driven.figures())
}

/// The middle one by throughput.
fn middle(figures: &[Figures]) -> Figures {
    let rate = |one: &Figures| one.get(key::THROUGHPUT).unwrap_or(0.0);
    let rates: Vec<f64> = figures.iter().map(rate).collect();
    let middle = median(&rates);
    let found = figures
        .iter()
        .find(|one| rate(one).total_cmp(&middle).is_eq());
    found.cloned().unwrap_or_default()
}
