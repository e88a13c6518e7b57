//! The pipeline's task: takes all that wait, and carries them out as one unit of work.

use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use tokio::sync::{Notify, mpsc};
use tokio::time::timeout;

use super::desk::Desk;
use super::job::Job;
use super::load::load;
use super::needs::Needs;
use super::stats::PipelineStats;
use super::{CommandError, Tools};
use crate::ports::{StorageError, Transaction};

/// How often a batch is tried again after a conflict before its commands go on one by one.
const ATTEMPTS: u32 = 4;

/// How long storage may take over one step of a unit of work. A connection whose other end is gone without a word would
/// otherwise hold the pipeline for ever.
const PATIENCE: Duration = Duration::from_secs(15);

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
    let mut jobs = jobs.into_iter();
    while let Some(job) = jobs.next() {
        let Err((failed, error)) = persevere(vec![job], tools, stats).await else {
            continue;
        };
        give_up(failed, &error);
        if matches!(error, StorageError::Unavailable { .. }) {
            // It is no longer about single commands: nothing of the rest was begun, and nothing would get through.
            let source = "storage went away before this command was tried".into();
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
    let begun = timeout(PATIENCE, tools.store.begin()).await;
    let mut unit = begun.unwrap_or_else(|_| Err(silent()))?;
    let loaded = timeout(PATIENCE, load(unit.as_mut(), needs)).await;
    let mut loaded = match loaded {
        Ok(Ok(loaded)) => loaded,
        // Nobody is there to be told of a rollback.
        Err(_) => return Err(silent()),
        Ok(Err(error)) => {
            // Said explicitly: an aborted transaction must not go back to the pool.
            if let Err(rollback) = roll_back(unit).await {
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
        return roll_back(unit).await;
    }
    match timeout(PATIENCE, unit.commit(&changes)).await {
        Ok(committed) => committed,
        Err(elapsed) => Err(StorageError::InDoubt {
            source: Box::new(elapsed),
        }),
    }
}

async fn roll_back(unit: Box<dyn Transaction>) -> Result<(), StorageError> {
    timeout(PATIENCE, unit.rollback())
        .await
        .unwrap_or_else(|_| Err(silent()))
}

/// Storage says nothing any more.
fn silent() -> StorageError {
    StorageError::Unavailable {
        source: "storage did not answer in time".into(),
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
