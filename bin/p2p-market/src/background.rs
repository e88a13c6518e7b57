//! Background tasks of a serving process: relay, consumers, broadcasts of other replicas, deletion of expired rows.

use std::sync::Arc;
use std::time::Duration;

use p2p_application::consumer::{ConsumerSettings, ConsumerStats, Handler, consume};
use p2p_application::notification::{Broadcaster, Hub, Notifier};
use p2p_application::order::OrderResults;
use p2p_application::payment::OrderPayments;
use p2p_application::payment_report::PaymentReports;
use p2p_application::ports::{Broker, Queue, StorageError};
use p2p_application::{Market, Relay, RelayStats, notification, order, payment};
use p2p_persistence::Database;
use tokio::task::JoinSet;

use crate::config::Config;

/// The consumers whose inbox ids expire, since no message is delivered again so late. If one were, a second payment
/// for an order would still not be made: payments are kept for ever, and there is one for each order. The ids of
/// payment reports are kept for ever, as the reports are.
const EXPIRING_CONSUMERS: [&str; 3] = [notification::CONSUMER, payment::CONSUMER, order::CONSUMER];
const INBOX_RETENTION: Duration = Duration::from_secs(30 * 24 * 3_600);
const INBOX_EXPIRY_INTERVAL: Duration = Duration::from_secs(3_600);

/// How long a repeated request gets the stored reply.
const REPLY_RETENTION: Duration = Duration::from_secs(24 * 3_600);
const REPLY_EXPIRY_INTERVAL: Duration = Duration::from_secs(60);

/// Ended sessions and failed log-ins are kept for longer than any lock lasts.
const ACCESS_RETENTION: Duration = Duration::from_secs(90 * 24 * 3_600);

const EXPIRY_PORTION: u32 = 5_000;

/// Ends with the value; unacknowledged messages go to the next consumer.
pub(crate) struct Background {
    tasks: JoinSet<()>,
    /// `None`: another process publishes.
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
        let mut consumers = Consumers {
            broker,
            settings: config.consumers(),
            tasks: &mut tasks,
            started: Vec::new(),
        };
        if config.consumers.enabled {
            consumers.start_all(market, hub);
        }
        let consumers = consumers.started;
        tasks.spawn(hub.clone().run(Arc::clone(broker)));
        tasks.spawn(forget_rarely(market.clone()));
        tasks.spawn(forget_replies(market.clone()));
        tasks.spawn(market.clone().follow_revocations());
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

/// Starts consumers, and keeps what they count.
struct Consumers<'a> {
    broker: &'a Arc<dyn Broker>,
    settings: ConsumerSettings,
    tasks: &'a mut JoinSet<()>,
    started: Vec<(Queue, Arc<ConsumerStats>)>,
}

impl Consumers<'_> {
    fn start_all(&mut self, market: &Market, hub: &Hub) {
        let broadcaster = Broadcaster::new(hub.clone(), Arc::clone(self.broker));
        self.start(Notifier {
            market: market.clone(),
            broadcaster: broadcaster.clone(),
        });
        self.start(PaymentReports(market.clone()));
        self.start(OrderPayments(market.clone()));
        self.start(OrderResults {
            market: market.clone(),
            broadcaster,
        });
    }

    fn start<H: Handler>(&mut self, handler: H) {
        let stats = Arc::<ConsumerStats>::default();
        self.started.push((H::QUEUE, Arc::clone(&stats)));
        let broker = Arc::clone(self.broker);
        self.tasks
            .spawn(consume(broker, handler, self.settings, stats));
    }
}

async fn forget_rarely(market: Market) {
    loop {
        let before = market.now().before(INBOX_RETENTION);
        let maintenance = market.maintenance();
        for consumer in EXPIRING_CONSUMERS {
            let portion = || maintenance.forget_inbox(consumer, before, EXPIRY_PORTION);
            in_portions("messages", portion).await;
        }
        let before = market.now().before(ACCESS_RETENTION);
        let portion = || maintenance.forget_access(before, EXPIRY_PORTION);
        in_portions("sessions and failed log-ins", portion).await;
        tokio::time::sleep(INBOX_EXPIRY_INTERVAL).await;
    }
}

async fn forget_replies(market: Market) {
    loop {
        let before = market.now().before(REPLY_RETENTION);
        let maintenance = market.maintenance();
        let portion = || maintenance.forget_replies(before, EXPIRY_PORTION);
        in_portions("answers", portion).await;
        tokio::time::sleep(REPLY_EXPIRY_INTERVAL).await;
    }
}

/// Deletes expired rows in portions until none are left. After an error the rest waits for the next round.
async fn in_portions<F>(what: &str, forget: impl Fn() -> F)
where
    F: Future<Output = Result<u64, StorageError>>,
{
    loop {
        match forget().await {
            Ok(forgotten) if forgotten >= u64::from(EXPIRY_PORTION) => {}
            Ok(_) => return,
            Err(error) => {
                tracing::debug!(%error, what, "expired rows can't be deleted now");
                return;
            }
        }
    }
}
