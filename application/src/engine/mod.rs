//! The one way by which anything changes: collect, load, decide, commit, answer.
//!
//! Commands that arrive while a batch is being committed wait in a bounded queue; the next batch takes all of them.
//! For a batch, everything its commands need is loaded and locked by one statement per table; the commands decide one
//! after another, each seeing what those before it changed; all changes are written in one commit; then, and only then,
//! everybody is answered. A refused command leaves no trace. One command at a time is a batch of one: no timer, no delay.
//!
//! There may be several such lanes beside each other: while one waits for the disk, another decides. Commands that want the
//! same listing or deal go the same way, so that they share a commit instead of waiting for each other's locks.
//!
//! A commit that fails is retried where nothing was committed, and answered as a failure to all otherwise: never half.

mod batch;
mod identity_map;
mod job;
mod load;
mod read_set;
mod rows;
mod stats;
mod unit_of_work;

use std::sync::Arc;

use p2p_domain::{Policy, Refusal};
use tokio::sync::{Notify, mpsc, oneshot};
use tokio::task::{JoinHandle, JoinSet};

use crate::access::RevocationCache;
use crate::ports::{Clock, Ids, Store};
use job::{Job, Pending};

pub use read_set::ReadSet;
pub use stats::{BATCH_BUCKETS, PipelineStats, StatsSnapshot};
pub use unit_of_work::UnitOfWork;

/// A change that somebody wants.
pub trait Command: Send + Sync + 'static {
    /// What the caller is told when it is done.
    type Outcome: Send + 'static;

    /// Names what must be loaded before it can decide.
    fn read_set(&self, reads: &mut ReadSet);

    /// A number that commands have in common which want the same row: they meet in one lane. Which lane does not matter for
    /// what comes out, only for how long it takes.
    fn affinity(&self) -> u128 {
        0
    }

    /// Whether it may wait: nobody does, or not for long, or it has to wait for the end of the audit trail, which all have in
    /// common. Where there are several lanes such commands have one of their own, so that they never stand in a deal's way.
    fn is_background(&self) -> bool {
        false
    }

    /// Decides: purely, over what was loaded. What it leaves on the desk is committed if it answers `Ok`, and forgotten
    /// otherwise. May be called again, on fresh data, if the commit met a conflict.
    fn decide(&self, uow: &mut UnitOfWork<'_>) -> Result<Self::Outcome, Refusal>;
}

/// Why a command was not carried out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CommandError {
    /// The rules say no; nothing changed.
    #[error("{0}")]
    Refused(Refusal),
    /// Too many commands are waiting; nothing changed, try again later.
    #[error("too many requests are waiting")]
    Busy,
    /// Storage is away; nothing changed.
    #[error("storage is not available")]
    Unavailable,
    /// The connection was lost while committing: it may have taken effect.
    #[error("whether the change took effect is not known")]
    InDoubt,
    /// A defect of ours; nothing changed. The log has the details.
    #[error("internal error")]
    Internal,
}

impl From<Refusal> for CommandError {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

/// How the pipeline is sized.
#[derive(Debug, Clone, Copy)]
pub struct PipelineSettings {
    /// Commands that may wait, over all lanes; beyond, they are turned away at once.
    pub queue: usize,
    /// Commands in one commit at most.
    pub batch: usize,
    /// Batches under way at the same time.
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

/// The way in. Cheap to clone; the pipeline ends, after its last command, when it is closed or all clones are gone.
#[derive(Clone, Debug)]
pub struct Pipeline {
    lanes: Arc<[Lane]>,
    /// Where there is one beside the others.
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

/// What the pipeline works with.
#[derive(Clone)]
pub(crate) struct Context {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) ids: Arc<dyn Ids>,
    pub(crate) policy: Policy,
    /// Told of each commit that leaves something in the outbox.
    pub(crate) committed: Arc<Notify>,
    /// Told of each commit that changes somebody's rights.
    pub(crate) revocations: RevocationCache,
}

impl Pipeline {
    /// Starts the pipeline's tasks. The handle ends when the pipeline is closed, or every clone of it is gone, and every
    /// accepted command has been answered.
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
            workers.spawn(batch::work(
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

    /// Told of each commit that leaves something in the outbox.
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

    /// Carries a command out and waits for its answer. The command is carried out even if the caller stops waiting.
    pub async fn execute<C: Command>(&self, command: C) -> Result<C::Outcome, CommandError> {
        let (answer, answered) = oneshot::channel();
        let lane = self.lane(&command).ok_or(CommandError::Unavailable)?;
        let job = Box::new(Pending::new(command, answer));
        lane.queue.try_send(job).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => {
                self.stats.turned_away();
                CommandError::Busy
            }
            mpsc::error::TrySendError::Closed(_) => CommandError::Unavailable,
        })?;
        // Dropped without an answer: the pipeline broke down over it, before or after the commit.
        answered.await.unwrap_or(Err(CommandError::InDoubt))
    }

    /// Lets nobody in any more; what was accepted before is carried out and answered.
    pub fn close(&self) {
        for lane in self.lanes.iter().chain(self.background.as_deref()) {
            lane.closing.notify_one();
        }
    }

    /// What the pipeline has done since it was started.
    #[must_use]
    pub fn stats(&self) -> StatsSnapshot {
        self.stats.snapshot()
    }
}
