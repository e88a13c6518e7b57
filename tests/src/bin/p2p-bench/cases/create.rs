//! New offers: any customer on any listing.

use anyhow::Result;
use async_trait::async_trait;

use super::Case;
use crate::bench::Bench;
use crate::figures::{Line, Target, key};

pub(crate) struct Create;

#[async_trait(?Send)]
impl Case for Create {
    fn name(&self) -> &'static str {
        "create"
    }

    fn about(&self) -> &'static str {
        "new offers by any customer on any listing, 256 connections"
    }

    async fn round(&self, bench: &mut Bench) -> Result<Vec<Line>> {
        let ours = bench.created().await?;
        let baseline = bench.best("create_offer").await?;
        let interactive = bench.best("create_offer_interactive").await?;
        Ok(vec![
            Line::new("create", ours.against(key::THROUGHPUT, &baseline))
                .versus("pgbench create_offer")
                .target(Target::AtLeast(key::RATIO, 2.0)),
            Line::new("  pgbench create_offer", baseline),
            Line::new("  pgbench create_offer_interactive", interactive),
        ])
    }
}
