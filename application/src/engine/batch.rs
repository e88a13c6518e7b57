//! The pipeline's task: takes all that wait, and carries them out as one unit of work.

use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Instant;

use p2p_domain::policy::Limits;
use tokio::sync::{Notify, mpsc};

use super::identity_map::IdentityMap;
use super::job::Job;
use super::load::{from_snapshot, load};
use super::read_set::ReadSet;
use super::stats::PipelineStats;
use super::unit_of_work::UnitOfWork;
use super::{CommandError, Context};
use crate::ports::{ChangeSet, Snapshot, SnapshotQuery, StorageError};
use crate::timeout::{STORAGE, with_timeout};

/// How often a batch is tried again after a conflict before its commands go on one by one.
const ATTEMPTS: u32 = 4;

type Jobs = Vec<Box<dyn Job>>;

pub(super) async fn work(
    mut arrivals: mpsc::Receiver<Box<dyn Job>>,
    closing: Arc<Notify>,
    context: Context,
    limit: usize,
    stats: Arc<PipelineStats>,
) {
    let mut jobs = Jobs::with_capacity(limit);
    let mut gate = OptimisticGate::default();
    loop {
        let arrived = tokio::select! {
            arrived = arrivals.recv_many(&mut jobs, limit) => arrived,
            () = closing.notified() => {
                // From here nobody gets in; what has got in is carried out.
                arrivals.close();
                continue;
            }
        };
        if arrived == 0 {
            return;
        }
        let batch = jobs.split_off(0);
        stats.batch(batch.len());
        catch_panics(carry_out(batch, &context, &mut gate, &stats)).await;
    }
}

/// A defect in storage must not take the pipeline down. Its batch is dropped, by which its callers learn that nobody
/// knows what became of their commands.
async fn catch_panics(work: impl Future<Output = ()>) {
    let mut work = pin!(work);
    let survived = poll_fn(|context| {
        let step = catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(context)));
        step.map_or(Poll::Ready(false), |poll| poll.map(|()| true))
    });
    if !survived.await {
        tracing::error!("a batch panicked; whether it took effect is not known");
    }
}

/// Carries a batch out, or finds out which of its commands can't be.
async fn carry_out(
    jobs: Jobs,
    context: &Context,
    gate: &mut OptimisticGate,
    stats: &PipelineStats,
) {
    let Err((jobs, error)) = commit_with_retry(jobs, context, gate, stats).await else {
        return;
    };
    let separable = matches!(
        error,
        StorageError::Conflict { .. }
            | StorageError::Corrupt { .. }
            | StorageError::Rejected { .. }
            | StorageError::Blocked { .. }
    );
    if jobs.len() == 1 || !separable {
        return give_up(jobs, &error);
    }
    tracing::warn!(commands = jobs.len(), %error, "a batch could not be committed; trying its commands one by one");
    // The others must not wait for those that are in trouble, each for itself.
    let until = Instant::now() + STORAGE;
    let mut jobs = jobs.into_iter();
    while let Some(job) = jobs.next() {
        let Err((failed, error)) = commit_with_retry(vec![job], context, gate, stats).await else {
            continue;
        };
        give_up(failed, &error);
        if matches!(error, StorageError::Unavailable { .. }) || Instant::now() > until {
            // It is no longer about single commands. Nothing of the rest was begun.
            let source = "storage was in trouble before this command was tried".into();
            return give_up(jobs.collect(), &StorageError::Unavailable { source });
        }
    }
}

/// Tries until the batch is committed or there is no point in trying again. Answers everybody if it is.
async fn commit_with_retry(
    mut jobs: Jobs,
    context: &Context,
    gate: &mut OptimisticGate,
    stats: &PipelineStats,
) -> Result<(), (Jobs, StorageError)> {
    let mut attempt = 1;
    loop {
        match attempt_once(&mut jobs, context, gate).await {
            Ok(()) => {
                jobs.into_iter().for_each(Job::answer);
                return Ok(());
            }
            Err(error) => {
                let transient = matches!(
                    error,
                    StorageError::Conflict { .. } | StorageError::Unavailable { .. }
                );
                // A pooled connection that died while it was idle deserves a second try; a server that is away does not.
                let enough = match error {
                    StorageError::Unavailable { .. } => attempt >= 2,
                    _ => attempt >= ATTEMPTS,
                };
                if !transient || enough {
                    return Err((jobs, error));
                }
                stats.retry();
                tracing::debug!(%error, attempt, "trying a batch again");
                attempt += 1;
            }
        }
    }
}

/// Load, decide, commit: once.
async fn attempt_once(
    jobs: &mut Jobs,
    context: &Context,
    gate: &mut OptimisticGate,
) -> Result<(), StorageError> {
    let mut reads = ReadSet::default();
    for job in jobs.iter_mut() {
        job.read_set(&mut reads);
    }
    if let Some(snapshot_query) = gate.snapshot_query(&reads, &context.policy.limits)
        && let Some(snapshot) = read_snapshot(context, &snapshot_query).await?
    {
        let changes = decide(jobs, from_snapshot(snapshot), context);
        if changes.is_empty() {
            return Ok(());
        }
        let done = commit_with_timeout(context.store.commit(&changes)).await;
        if matches!(done, Err(StorageError::Conflict { .. })) {
            gate.back_off();
        }
        return done.inspect(|()| after_commit(&changes, context));
    }
    let mut unit = with_timeout(context.store.begin()).await?;
    let loaded = match with_timeout(load(unit.as_mut(), reads, &context.policy.limits)).await {
        Ok(loaded) => loaded,
        Err(error) => {
            // Said explicitly: an aborted transaction must not go back to the pool.
            if let Err(rollback) = with_timeout(unit.rollback()).await {
                tracing::debug!(error = %rollback, "rolling back failed");
            }
            return Err(error);
        }
    };
    let changes = decide(jobs, loaded, context);
    if changes.is_empty() {
        return with_timeout(unit.rollback()).await;
    }
    let done = commit_with_timeout(unit.commit(&changes)).await;
    done.inspect(|()| after_commit(&changes, context))
}

/// Whoever publishes events need not wait until it looks again, and whose rights have changed is known here at once.
fn after_commit(changes: &ChangeSet, context: &Context) {
    context.revocations.record_commit(changes);
    if !changes.outbox.is_empty() {
        context.committed.notify_one();
    }
}

/// A look sees more than some commands need: where it meets a row that can't be read, whoever needs that row will say so.
async fn read_snapshot(
    context: &Context,
    snapshot_query: &SnapshotQuery,
) -> Result<Option<Snapshot>, StorageError> {
    match with_timeout(context.store.read_snapshot(snapshot_query)).await {
        Err(StorageError::Corrupt { .. }) => Ok(None),
        snapshot => snapshot,
    }
}

/// Lets all decide, one after another, and gathers what they changed.
fn decide(jobs: &mut Jobs, mut loaded: IdentityMap, context: &Context) -> ChangeSet {
    let now = context.clock.now();
    for job in jobs.iter_mut() {
        let mut uow = UnitOfWork::new(&mut loaded, &context.policy, now);
        if job.decide(&mut uow) {
            uow.keep();
        }
    }
    loaded.into_changes(context.ids.as_ref(), now)
}

/// Past its time, nobody knows what became of a commit.
async fn commit_with_timeout(
    committing: impl Future<Output = Result<(), StorageError>>,
) -> Result<(), StorageError> {
    match tokio::time::timeout(STORAGE, committing).await {
        Ok(committed) => committed,
        Err(elapsed) => Err(StorageError::InDoubt {
            source: Box::new(elapsed),
        }),
    }
}

/// Whether a lane may expect to be alone at its rows. It looks without locking until somebody else was faster; then it
/// locks for a while, since under contention whoever locks waits once, and whoever looks may have to try again and again.
#[derive(Debug, Default)]
struct OptimisticGate {
    /// Batches that are still to be locked.
    locked: u32,
}

/// How many batches are locked after a look that was in vain.
const LOCKED_AFTER_CONFLICT: u32 = 256;

impl OptimisticGate {
    fn snapshot_query(&mut self, reads: &ReadSet, limits: &Limits) -> Option<SnapshotQuery> {
        if self.locked > 0 {
            self.locked -= 1;
            return None;
        }
        reads.snapshot_query(limits)
    }

    const fn back_off(&mut self) {
        self.locked = LOCKED_AFTER_CONFLICT;
    }
}

fn give_up(jobs: Jobs, error: &StorageError) {
    let answer = match error {
        StorageError::Conflict { .. }
        | StorageError::Blocked { .. }
        | StorageError::Unavailable { .. } => CommandError::Unavailable,
        StorageError::InDoubt { .. } => CommandError::InDoubt,
        StorageError::Corrupt { .. } | StorageError::Rejected { .. } => CommandError::Internal,
    };
    tracing::error!(
        commands = jobs.len(),
        error = error as &dyn std::error::Error,
        "commands failed"
    );
    for job in jobs {
        job.fail(answer.clone());
    }
}
