//! The entry to the engine: bounded queues in front of lanes.

use std::sync::Arc;

use p2p_domain::Policy;
use tokio::sync::{Notify, mpsc, oneshot};
use tokio::task::{JoinHandle, JoinSet};

use super::command::{Command, CommandError};
use super::executor::{self, Context};
use super::job::{Job, Pending};
use super::stats::{PipelineStats, StatsSnapshot};
use crate::access::RevocationCache;
use crate::ports::{Clock, Ids, Store};

/// How the pipeline is sized.
#[derive(Debug, Clone, Copy)]
pub struct PipelineSettings {
    /// Commands that may wait, over all lanes; more are refused at once.
    pub queue: usize,
    /// The largest number of commands in one commit.
    pub batch: usize,
    /// Batches that are carried out at the same time.
    pub lanes: usize,
}

impl Default for PipelineSettings {
    fn default() -> Self {
        Self {
            queue: 4_096,
            batch: 512,
            lanes: 1,
        }
    }
}

/// Carries out commands. Cheap to clone; it ends, after its last command, when it is closed or all clones are dropped.
#[derive(Clone, Debug)]
pub struct Pipeline {
    lanes: Arc<[Lane]>,
    /// For low-priority commands, if there are several lanes.
    background: Option<Arc<Lane>>,
    committed: Arc<Notify>,
    stats: Arc<PipelineStats>,
}

/// One task with its queue.
#[derive(Debug)]
struct Lane {
    queue: mpsc::Sender<Box<dyn Job>>,
    closing: Arc<Notify>,
}

impl Pipeline {
    /// Starts the lanes. The handle ends when the pipeline is closed, or every clone of it is dropped, and every accepted
    /// command has been answered.
    pub fn start(
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        ids: Arc<dyn Ids>,
        policy: Policy,
        revocations: RevocationCache,
        settings: PipelineSettings,
    ) -> (Self, JoinHandle<()>) {
        let count = settings.lanes.max(1);
        let stats = Arc::new(PipelineStats::default());
        let committed = Arc::new(Notify::new());
        let context = Context {
            store,
            clock,
            ids,
            policy,
            committed: Arc::clone(&committed),
            revocations,
        };
        let mut workers = JoinSet::new();
        let mut lane = || {
            let (queue, arrivals) = mpsc::channel(settings.queue.div_ceil(count).max(1));
            let closing = Arc::new(Notify::new());
            workers.spawn(executor::work(
                arrivals,
                Arc::clone(&closing),
                context.clone(),
                settings.batch.max(1),
                Arc::clone(&stats),
            ));
            Lane { queue, closing }
        };
        let background = (count > 1).then(|| Arc::new(lane()));
        let lanes = std::iter::repeat_with(lane).take(count).collect();
        let all = tokio::spawn(async move { while workers.join_next().await.is_some() {} });
        let pipeline = Self {
            lanes,
            background,
            committed,
            stats,
        };
        (pipeline, all)
    }

    /// Notified of each commit that adds to the outbox.
    #[must_use]
    pub fn committed(&self) -> Arc<Notify> {
        Arc::clone(&self.committed)
    }

    fn lane(&self, command: &impl Command) -> Option<&Lane> {
        if let Some(background) = &self.background
            && command.is_background()
        {
            return Some(background);
        }
        let affinity = command.affinity();
        let count = self.lanes.len() as u128;
        let index = usize::try_from(affinity.checked_rem(count)?).ok()?;
        self.lanes.get(index)
    }

    /// Carries out a command and waits for its outcome. The command is carried out even if the caller stops waiting.
    pub async fn execute<C: Command>(&self, command: C) -> Result<C::Outcome, CommandError> {
        let (reply, outcome) = oneshot::channel();
        let lane = self.lane(&command).ok_or(CommandError::Unavailable)?;
        let job = Box::new(Pending::new(command, reply));
        lane.queue.try_send(job).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => {
                self.stats.busy();
                CommandError::Busy
            }
            mpsc::error::TrySendError::Closed(_) => CommandError::Unavailable,
        })?;
        // Dropped without an outcome: the lane panicked, before or after the commit.
        outcome.await.unwrap_or(Err(CommandError::InDoubt))
    }

    /// Accepts no more commands; those accepted before are carried out and answered.
    pub fn close(&self) {
        for lane in self.lanes.iter().chain(self.background.as_deref()) {
            lane.closing.notify_one();
        }
    }

    /// Counters since the start.
    #[must_use]
    pub fn stats(&self) -> StatsSnapshot {
        self.stats.snapshot()
    }
}
