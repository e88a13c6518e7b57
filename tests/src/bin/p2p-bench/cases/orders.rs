//! New orders, each with its idempotency key and its request to be paid; and how soon they are paid.

use anyhow::Result;
use async_trait::async_trait;
use p2p_tests::brokers::TestBroker;

use super::Case;
use crate::bench::{Bench, CONNECTIONS, Filled, Storage, audit};
use crate::drive::drive;
use crate::figures::{Line, Target, key};
use crate::orders::CreateOrders;
use crate::server::Server;

/// Orders per second while it is measured how soon they are paid, over so many connections.
const RATE: f64 = 500.0;
const WAITING: usize = 128;

pub(crate) struct Orders;

#[async_trait(?Send)]
impl Case for Orders {
    fn name(&self) -> &'static str {
        "orders"
    }

    fn about(&self) -> &'static str {
        "new orders by any customer, 256 connections; and how soon 500 per second are paid, with RabbitMQ"
    }

    fn is_quick(&self) -> bool {
        false
    }

    async fn round(&self, bench: &mut Bench) -> Result<Vec<Line>> {
        let offers = bench.created().await?;
        let load = bench.pace.closed(CONNECTIONS);
        let script = |filled: &Filled, number| CreateOrders::new(&filled.offers, false, number);
        let (_, ours) = bench.measure(Storage::Postgres, load, script).await?;
        let paid = self.paid(bench).await?;
        Ok(vec![
            Line::new("orders", ours.against(key::THROUGHPUT, &offers))
                .versus("create, of the same round")
                .target(Target::AtLeast(key::RATIO, 1.0)),
            Line::new("  until they are paid, 500/s", paid),
        ])
    }
}

impl Orders {
    /// Each waits for the end of its order: two messages through RabbitMQ and three commits.
    async fn paid(&self, bench: &mut Bench) -> Result<crate::figures::Figures> {
        let rabbit = TestBroker::rabbitmq().await?;
        let filled = bench.filled(Storage::Postgres).await?;
        let copy = filled.copy().await?;
        bench.postgres.settle().await;
        let all = [
            ("P2P_RELAY__ENABLED", "true"),
            ("P2P_CONSUMERS__ENABLED", "true"),
        ];
        let server = Server::start_by(copy.url(), Some(&rabbit), &all).await?;
        let load = bench.pace.open(WAITING, RATE);
        let scripts = |number| CreateOrders::new(&filled.offers, true, number);
        let driven = drive(load, &server, bench.postgres.postmaster, scripts).await?;
        driven.all_right()?;
        server.stop().await?;
        audit(copy).await?;
        Ok(driven.figures())
    }
}
