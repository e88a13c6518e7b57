//! What a serving process does besides serving: publishes events, works on queues, hears other replicas, forgets.

use std::sync::Arc;
use std::time::Duration;

use application::consumer::{ConsumerStats, Notifier, PaymentReports, consume};
use application::notification::{CONSUMER as NOTIFICATIONS, Hub};
use application::ports::{Broker, Queue};
use application::{Market, Relay, RelayStats};
use persistence::Database;
use tokio::task::JoinSet;

use crate::config::Config;

/// Events are remembered for so long: none is delivered again after it. Reports of payment providers are remembered for
/// ever, as they are kept.
const REMEMBERED: Duration = Duration::from_secs(30 * 24 * 3_600);
const FORGET_EVERY: Duration = Duration::from_secs(3_600);
const FORGOTTEN_AT_ONCE: u32 = 5_000;

/// Ends with the value: what was in hand is taken up again by whoever comes next.
pub(crate) struct Background {
    tasks: JoinSet<()>,
    /// `None`: others publish.
    pub(crate) relay: Option<Arc<RelayStats>>,
    /// By queue.
    pub(crate) consumers: Vec<(Queue, Arc<ConsumerStats>)>,
}

impl Background {
    pub(crate) fn start(
        config: &Config,
        market: &Market,
        database: &Database,
        broker: &Arc<dyn Broker>,
        hub: &Hub,
    ) -> Self {
        let mut tasks = JoinSet::new();
        let relay = config.relay.enabled.then(|| {
            let outbox = Arc::new(database.clone());
            let committed = market.pipeline().committed();
            let relay = Relay::new(outbox, Arc::clone(broker), committed, config.relay());
            let stats = relay.stats();
            tasks.spawn(relay.run());
            stats
        });
        let mut consumers = Vec::new();
        let mut stats = |queue| {
            let stats = Arc::<ConsumerStats>::default();
            consumers.push((queue, Arc::clone(&stats)));
            stats
        };
        if config.consumers.enabled {
            let settings = config.consumers();
            let notifier = Notifier::new(market.clone(), hub.clone(), Arc::clone(broker));
            let counts = stats(Queue::Notifications);
            tasks.spawn(consume(Arc::clone(broker), notifier, settings, counts));
            let reports = PaymentReports(market.clone());
            let counts = stats(Queue::PaymentCallbacks);
            tasks.spawn(consume(Arc::clone(broker), reports, settings, counts));
        }
        tasks.spawn(hub.clone().run(Arc::clone(broker)));
        tasks.spawn(forget(market.clone()));
        Self {
            tasks,
            relay,
            consumers,
        }
    }

    pub(crate) fn stop(&mut self) {
        self.tasks.abort_all();
    }
}

async fn forget(market: Market) {
    loop {
        let before = market.now().before(REMEMBERED);
        loop {
            match market
                .queries()
                .forget_inbox(NOTIFICATIONS, before, FORGOTTEN_AT_ONCE)
                .await
            {
                Ok(forgotten) if forgotten >= u64::from(FORGOTTEN_AT_ONCE) => {}
                Ok(_) => break,
                Err(error) => {
                    tracing::debug!(%error, "old messages can't be forgotten now");
                    break;
                }
            }
        }
        tokio::time::sleep(FORGET_EVERY).await;
    }
}
