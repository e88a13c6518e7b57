//! How long the server takes from its start to its first answer that it is ready, on SQLite.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use async_trait::async_trait;
use p2p_tests::databases::TestDatabase;

use super::Case;
use crate::bench::{Bench, Storage};
use crate::figures::{Figures, Line, Target, key, median};
use crate::http::{Connection, get};
use crate::server::Server;

const STARTS: usize = 5;

pub(crate) struct Start;

#[async_trait(?Send)]
impl Case for Start {
    fn name(&self) -> &'static str {
        "start"
    }

    fn about(&self) -> &'static str {
        "from the server's start to ready, on SQLite: a filled database, a new one"
    }

    fn is_repeated(&self) -> bool {
        false
    }

    async fn round(&self, bench: &mut Bench) -> Result<Vec<Line>> {
        let filled = bench.filled(Storage::Sqlite).await?;
        let (mut known, mut new) = (Vec::new(), Vec::new());
        for _ in 0..STARTS {
            known.push(start(filled.copy().await?).await?);
            new.push(start(TestDatabase::empty_sqlite()?).await?);
        }
        let line = |name: &str, times: &[f64]| {
            let figures = Figures::default().with(key::P50, median(times));
            Line::new(name, figures).target(Target::AtMost(key::P50, 200.0))
        };
        Ok(vec![
            line("start, filled database", &known),
            line("start, new database", &new),
        ])
    }
}

/// Milliseconds until it is ready.
async fn start(database: TestDatabase) -> Result<f64> {
    let began = Instant::now();
    let server = Server::start(database.url()).await?;
    let mut connection = Connection::open(server.address).await?;
    let ready = get("/readyz", "");
    while connection.call(&ready).await?.status != 200 {
        ensure!(began.elapsed() < Duration::from_secs(30), "never ready");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let took = began.elapsed();
    drop(connection);
    server.stop().await?;
    database.drop_now().await?;
    Ok(took.as_secs_f64() * 1_000.0)
}
