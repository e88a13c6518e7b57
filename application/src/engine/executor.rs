//! A lane's task: takes all commands that wait, and carries them out as one unit of work.

use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Instant;

use p2p_domain::Policy;
use tokio::sync::{Notify, mpsc};

use super::command::CommandError;
use super::identity_map::IdentityMap;
use super::job::Job;
use super::load::{from_snapshot, load};
use super::optimism::OptimisticGate;
use super::read_set::ReadSet;
use super::stats::PipelineStats;
use super::unit_of_work::UnitOfWork;
use crate::access::RevocationCache;
use crate::ports::{ChangeSet, Clock, Ids, Snapshot, SnapshotQuery, StorageError, Store};
use crate::timeout::{STORAGE, with_timeout};

/// How often a batch is tried again after a conflict before its commands go on one by one.
const ATTEMPTS: u32 = 4;

type Jobs = Vec<Box<dyn Job>>;

/// What the lanes work with.
#[derive(Clone)]
pub(crate) struct Context {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) ids: Arc<dyn Ids>,
    pub(crate) policy: Policy,
    /// Notified of each commit that adds to the outbox.
    pub(crate) committed: Arc<Notify>,
    /// Learns of each commit that changes rights.
    pub(crate) revocations: RevocationCache,
}

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
                // No command is accepted from here on; those that were are carried out.
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

/// A panic in storage must not take the lane down. Its batch is dropped, which tells its callers that the outcome of their
/// commands is in doubt.
async fn catch_panics(work: impl Future<Output = ()>) {
    let mut work = pin!(work);
    let survived = poll_fn(|context| {
        let step = catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(context)));
        step.map_or(Poll::Ready(false), |poll| poll.map(|()| true))
    });
    if !survived.await {
        tracing::error!("a batch panicked; its outcome is in doubt");
    }
}

/// Carries out a batch, or finds out which of its commands can't be carried out.
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
    // The others must not wait for each failing command in turn.
    let until = Instant::now() + STORAGE;
    let mut jobs = jobs.into_iter();
    while let Some(job) = jobs.next() {
        let Err((failed, error)) = commit_with_retry(vec![job], context, gate, stats).await else {
            continue;
        };
        give_up(failed, &error);
        if matches!(error, StorageError::Unavailable { .. }) || Instant::now() > until {
            // The failure is not about single commands. None of the rest has begun.
            let source = "storage failed before this command was tried".into();
            return give_up(jobs.collect(), &StorageError::Unavailable { source });
        }
    }
}

/// Tries until the batch is committed, and answers its callers, or until another try would not help.
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
                // A pooled connection may have died while it was idle, so a second try helps; a third does not.
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
            // Explicitly: an aborted transaction must not return to the pool.
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

/// Wakes the relay, and applies changed rights at once on this replica.
fn after_commit(changes: &ChangeSet, context: &Context) {
    context.revocations.record_commit(changes);
    if !changes.outbox.is_empty() {
        context.committed.notify_one();
    }
}

/// A snapshot covers more rows than some commands need. If one of them is corrupt, the batch is loaded with locks, and only the
/// commands that need the row fail.
async fn read_snapshot(
    context: &Context,
    snapshot_query: &SnapshotQuery,
) -> Result<Option<Snapshot>, StorageError> {
    match with_timeout(context.store.read_snapshot(snapshot_query)).await {
        Err(StorageError::Corrupt { .. }) => Ok(None),
        snapshot => snapshot,
    }
}

/// Lets all commands decide, one after another, and collects what they changed.
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

/// The outcome of a commit that exceeds the time limit is in doubt.
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
