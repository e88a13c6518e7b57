//! New offers that all come from one account: in stored procedures, they wait for each other's commit.

use anyhow::Result;
use async_trait::async_trait;

use super::Case;
use crate::bench::{Bench, Storage};
use crate::figures::{Line, Target, key};
use crate::offers::Whose;

pub(crate) struct OneAccount;

#[async_trait(?Send)]
impl Case for OneAccount {
    fn name(&self) -> &'static str {
        "one-account"
    }

    fn about(&self) -> &'static str {
        "new offers, all from one customer's account, 256 connections"
    }

    async fn round(&self, bench: &mut Bench) -> Result<Vec<Line>> {
        let ours = bench.create(Storage::Postgres, Whose::One).await?;
        let baseline = bench.best("create_offer_one_account").await?;
        Ok(vec![
            Line::new("one-account", ours.against(key::THROUGHPUT, &baseline))
                .versus("pgbench create_offer_one_account")
                .target(Target::AtLeast(key::RATIO, 8.0)),
            Line::new("  pgbench create_offer_one_account", baseline),
        ])
    }
}
