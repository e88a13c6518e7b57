//! Payments over gRPC: between any two customers, and between two that everybody means.

use std::time::Duration;

use anyhow::{Context, Result};
use async_trait::async_trait;

use super::Case;
use crate::bench::{Bench, Storage, in_order};
use crate::drive::drive_all;
use crate::figures::{Figures, Line, Target, key};
use crate::grpc::Calls;
use crate::payments::{Pair, Payments as Asks};
use crate::server::{GRPC_BIND, Server};

/// How many payments are under way at a time.
const IN_FLIGHT: [usize; 2] = [64, 512];

/// How many of them share a connection.
const PER_CONNECTION: usize = 64;

/// Payments are not limited per payer.
const SETTINGS: [(&str, &str); 2] = [
    (GRPC_BIND, "127.0.0.1:0"),
    ("P2P_MARKET__PAYMENTS_PER_MINUTE", "0"),
];

pub(crate) struct Payments;

#[async_trait(?Send)]
impl Case for Payments {
    fn name(&self) -> &'static str {
        "payments"
    }

    fn about(&self) -> &'static str {
        "payments over gRPC, 64 and 512 under way: between any two customers, and between two only"
    }

    fn patience(&self) -> Duration {
        Duration::from_secs(600)
    }

    fn is_quick(&self) -> bool {
        false
    }

    async fn round(&self, bench: &mut Bench) -> Result<Vec<Line>> {
        let mut lines = Vec::new();
        for (what, pair, versus, target) in [
            (
                "any pair",
                Pair::Any,
                "pgbench authorize_payment",
                Some(2.0),
            ),
            (
                "one pair",
                Pair::Hot,
                "pgbench authorize_payment_hot_pair",
                Some(8.0),
            ),
            (
                "one pair, both ways",
                Pair::HotBothWays,
                "pgbench authorize_payment_hot_pair_both_ways",
                None,
            ),
        ] {
            let script = versus.trim_start_matches("pgbench ");
            let baseline = bench.best(script).await?;
            for in_flight in IN_FLIGHT {
                let ours = pay(bench, pair, in_flight).await?;
                let name = format!("payments, {what}, {in_flight}");
                let line = Line::new(name, ours.against(key::THROUGHPUT, &baseline));
                let line = line.versus(versus);
                lines.push(match target {
                    Some(times) => line.target(Target::AtLeast(key::RATIO, times)),
                    None => line,
                });
            }
            lines.push(Line::new(format!("  {versus}"), baseline));
        }
        Ok(lines)
    }
}

/// Payments, as many as a fresh server makes while so many are under way.
async fn pay(bench: &mut Bench, pair: Pair, in_flight: usize) -> Result<Figures> {
    let filled = bench.filled(Storage::Postgres).await?;
    let copy = filled.copy().await?;
    bench.postgres.settle().await;
    let server = Server::start_by(copy.url(), None, &SETTINGS).await?;
    let address = server.grpc.context("the server serves no gRPC")?;
    let mut asks = Vec::with_capacity(in_flight);
    while asks.len() < in_flight {
        let calls = Calls::open(address, Asks::METHOD).await?;
        for _ in 0..PER_CONNECTION.min(in_flight - asks.len()) {
            let number = asks.len();
            asks.push(Asks::new(&filled.payers, pair, calls.clone(), number));
        }
    }
    let load = bench.pace.closed(in_flight);
    let driven = drive_all(load, &server, bench.postgres.postmaster, asks).await?;
    in_order(&driven, server, copy).await
}
