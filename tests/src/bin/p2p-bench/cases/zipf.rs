//! New offers by customers of whom few make most.

use std::rc::Rc;

use anyhow::Result;
use async_trait::async_trait;

use super::Case;
use crate::bench::{Bench, Storage};
use crate::cast::CUSTOMERS;
use crate::draw;
use crate::figures::{Line, Target, key};
use crate::offers::Whose;

pub(crate) struct Zipf;

#[async_trait(?Send)]
impl Case for Zipf {
    fn name(&self) -> &'static str {
        "zipf"
    }

    fn about(&self) -> &'static str {
        "new offers, customers drawn by Zipf's law (1.5), against drawn evenly"
    }

    async fn round(&self, bench: &mut Bench) -> Result<Vec<Line>> {
        let whose = Whose::Zipf(Rc::new(draw::Zipf::new(CUSTOMERS, 1.5)));
        let evenly = bench
            .create_by(whose.settings(), Storage::Postgres, Whose::Anybody)
            .await?;
        let ours = bench.create(Storage::Postgres, whose).await?;
        let baseline = bench.best("create_offer_zipf").await?;
        Ok(vec![
            Line::new("zipf", ours.against(key::THROUGHPUT, &evenly))
                .versus("the same, drawn evenly")
                .target(Target::AtLeast(key::RATIO, 0.8)),
            Line::new("  pgbench create_offer_zipf", baseline),
        ])
    }
}
