//! What the server keeps in memory.

use std::time::Duration;

use anyhow::Result;
use async_trait::async_trait;

use super::Case;
use crate::bench::{Bench, Storage};
use crate::figures::{Figures, Line, Target, key};
use crate::server::Server;

/// A fresh server has begun its regular work by then.
const REST: Duration = Duration::from_secs(3);

pub(crate) struct Memory;

#[async_trait(?Send)]
impl Case for Memory {
    fn name(&self) -> &'static str {
        "memory"
    }

    fn about(&self) -> &'static str {
        "the server's memory, at most under `create`, and three seconds after its start"
    }

    fn is_repeated(&self) -> bool {
        false
    }

    async fn round(&self, bench: &mut Bench) -> Result<Vec<Line>> {
        let mut loaded = Figures::default();
        if let Some(peak) = bench.created().await?.get(key::RSS) {
            loaded.set(key::RSS, peak);
        }
        let copy = bench.filled(Storage::Postgres).await?.copy().await?;
        let server = Server::start(copy.url()).await?;
        tokio::time::sleep(REST).await;
        let rss = server.memory()?.now;
        server.stop().await?;
        copy.drop_now().await?;
        let resting = Figures::default().with(key::RSS, rss as f64 / 1e6);
        Ok(vec![
            Line::new("memory, under create", loaded).target(Target::AtMost(key::RSS, 150.0)),
            Line::new("memory, idle", resting).target(Target::AtMost(key::RSS, 40.0)),
        ])
    }
}
