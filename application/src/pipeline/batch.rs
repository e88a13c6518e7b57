//! The pipeline's task: takes all that wait, and carries them out as one unit of work.

use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Instant;

use tokio::sync::{Notify, mpsc};

use super::desk::Desk;
use super::job::Job;
use super::load::load;
use super::needs::Needs;
use super::stats::PipelineStats;
use super::{CommandError, Tools};
use crate::patience::{PATIENCE, in_time};
use crate::ports::StorageError;

/// How often a batch is tried again after a conflict before its commands go on one by one.
const ATTEMPTS: u32 = 4;

type Jobs = Vec<Box<dyn Job>>;

pub(super) async fn work(
    mut arrivals: mpsc::Receiver<Box<dyn Job>>,
    closing: Arc<Notify>,
    tools: Tools,
    limit: usize,
    stats: Arc<PipelineStats>,
) {
    let mut jobs = Jobs::with_capacity(limit);
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
        guarded(carry_out(batch, &tools, &stats)).await;
    }
}

/// A defect in storage must not take the pipeline down. Its batch is dropped, by which its callers learn that nobody
/// knows what became of their commands.
async fn guarded(work: impl Future<Output = ()>) {
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
async fn carry_out(jobs: Jobs, tools: &Tools, stats: &PipelineStats) {
    let Err((jobs, error)) = persevere(jobs, tools, stats).await else {
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
    let until = Instant::now() + PATIENCE;
    let mut jobs = jobs.into_iter();
    while let Some(job) = jobs.next() {
        let Err((failed, error)) = persevere(vec![job], tools, stats).await else {
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
async fn persevere(
    mut jobs: Jobs,
    tools: &Tools,
    stats: &PipelineStats,
) -> Result<(), (Jobs, StorageError)> {
    let mut attempt = 1;
    loop {
        match attempt_once(&mut jobs, tools).await {
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

/// Begin, load, decide, commit: once.
async fn attempt_once(jobs: &mut Jobs, tools: &Tools) -> Result<(), StorageError> {
    let mut needs = Needs::default();
    for job in jobs.iter_mut() {
        job.needs(&mut needs);
    }
    let mut unit = in_time(tools.store.begin()).await?;
    let mut loaded = match in_time(load(unit.as_mut(), needs)).await {
        Ok(loaded) => loaded,
        Err(error) => {
            // Said explicitly: an aborted transaction must not go back to the pool.
            if let Err(rollback) = in_time(unit.rollback()).await {
                tracing::debug!(error = %rollback, "rolling back failed");
            }
            return Err(error);
        }
    };
    let now = tools.clock.now();
    for job in jobs.iter_mut() {
        let mut desk = Desk::new(&mut loaded, &tools.policy, now);
        if job.decide(&mut desk) {
            desk.keep();
        }
    }
    let changes = loaded.into_changes(tools.ids.as_ref(), now);
    if changes.is_empty() {
        return in_time(unit.rollback()).await;
    }
    match tokio::time::timeout(PATIENCE, unit.commit(&changes)).await {
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
