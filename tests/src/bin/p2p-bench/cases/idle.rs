//! How long one customer waits for an offer when nobody else is there.

use anyhow::Result;
use async_trait::async_trait;

use super::Case;
use crate::bench::{Bench, Storage};
use crate::figures::{Line, Target, key};
use crate::offers::{CreateOffers, Whose};

pub(crate) struct Idle;

#[async_trait(?Send)]
impl Case for Idle {
    fn name(&self) -> &'static str {
        "idle"
    }

    fn about(&self) -> &'static str {
        "new offers one after another, 1 connection: latency"
    }

    async fn round(&self, bench: &mut Bench) -> Result<Vec<Line>> {
        let load = bench.pace.closed(1);
        let (_, ours) = bench
            .measure(Storage::Postgres, load, |filled, number| {
                CreateOffers::new(&filled.offers, &Whose::Anybody, number)
            })
            .await?;
        let baseline = bench.baseline().await?;
        let baseline = baseline
            .alone("create_offer", bench.pace, &bench.postgres)
            .await?;
        Ok(vec![
            Line::new("idle", ours.against(key::P50, &baseline))
                .versus("pgbench create_offer, 1 client: p50")
                .target(Target::AtMost(key::RATIO, 1.5)),
            Line::new("  pgbench create_offer, 1 client", baseline),
        ])
    }
}
