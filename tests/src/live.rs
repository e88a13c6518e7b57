//! What a serving process does besides serving, for markets in tests: events are published, queues are worked on, replicas
//! hear each other.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use p2p_application::consumer::{ConsumerSettings, ConsumerStats, Handler, consume};
use p2p_application::notification::{Broadcaster, Notifier};
use p2p_application::order::OrderResults;
use p2p_application::payment::OrderPayments;
use p2p_application::payment_report::PaymentReports;
use p2p_application::ports::{Broker, Outbox};
use p2p_application::{Relay, RelaySettings, RelayStats};
use tokio::task::JoinSet;

use crate::served::Served;

/// Which parts of it run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Parts {
    /// Publishing, consuming, listening.
    All,
    /// Only publishing.
    Publishing,
    /// Consuming and listening.
    Consuming,
    /// Only listening: others do the work.
    Listening,
}

/// Ends with the value, at once.
#[derive(Debug)]
pub struct Live {
    pub relay: Arc<RelayStats>,
    pub notifications: Arc<ConsumerStats>,
    /// Reports of payment providers.
    pub payments: Arc<ConsumerStats>,
    /// Requests to pay orders.
    pub order_payments: Arc<ConsumerStats>,
    /// What became of them.
    pub order_results: Arc<ConsumerStats>,
    _tasks: JoinSet<()>,
}

/// Quick enough for a test, and still an application's settings.
const POLL: Duration = Duration::from_millis(100);

impl Live {
    /// Starts it beside a served market.
    pub fn start(served: &Served, broker: &Arc<dyn Broker>, parts: Parts) -> Self {
        let mut tasks = JoinSet::new();
        let settings = RelaySettings {
            poll: POLL,
            ..RelaySettings::default()
        };
        let committed = served.market.pipeline().committed();
        let outbox: Arc<dyn Outbox> = Arc::new(served.database.clone());
        let relay = Relay::new(outbox, Arc::clone(broker), committed, settings);
        let stats = relay.stats();
        if matches!(parts, Parts::All | Parts::Publishing) {
            tasks.spawn(relay.run());
        }
        let mut consumers = Consumers {
            broker,
            works: matches!(parts, Parts::All | Parts::Consuming),
            tasks: &mut tasks,
        };
        let market = served.market.clone();
        let broadcaster = Broadcaster::new(served.hub.clone(), Arc::clone(broker));
        let notifications = consumers.start(Notifier {
            market: market.clone(),
            broadcaster: broadcaster.clone(),
        });
        let payments = consumers.start(PaymentReports(market.clone()));
        let order_payments = consumers.start(OrderPayments(market.clone()));
        let order_results = consumers.start(OrderResults {
            market,
            broadcaster,
        });
        if parts != Parts::Publishing {
            tasks.spawn(served.hub.clone().run(Arc::clone(broker)));
        }
        Self {
            relay: stats,
            notifications,
            payments,
            order_payments,
            order_results,
            _tasks: tasks,
        }
    }
}

/// Starts consumers, where they are to run.
struct Consumers<'a> {
    broker: &'a Arc<dyn Broker>,
    works: bool,
    tasks: &'a mut JoinSet<()>,
}

impl Consumers<'_> {
    /// Answers what it will have done.
    fn start(&mut self, handler: impl Handler) -> Arc<ConsumerStats> {
        let stats = Arc::<ConsumerStats>::default();
        if self.works {
            let settings = ConsumerSettings {
                pause: Duration::from_millis(10),
                ..ConsumerSettings::default()
            };
            let (broker, counts) = (Arc::clone(self.broker), Arc::clone(&stats));
            self.tasks.spawn(consume(broker, handler, settings, counts));
        }
        stats
    }
}

/// Waits until nothing is left to publish.
pub async fn published(outbox: &dyn Outbox) -> Result<()> {
    let empty = async {
        while outbox.backlog().await?.depth > 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        Ok(())
    };
    tokio::time::timeout(Duration::from_secs(60), empty)
        .await
        .context("events are left in the outbox")?
}

/// Waits until consumers have settled so many messages, together.
pub async fn settled(consumers: &[&ConsumerStats], count: u64) -> Result<()> {
    let sum = || {
        consumers
            .iter()
            .map(|one| one.done() + one.dead())
            .sum::<u64>()
    };
    let enough = async {
        while sum() < count {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), enough)
        .await
        .with_context(|| format!("{} of {count} messages are settled", sum()))
}
