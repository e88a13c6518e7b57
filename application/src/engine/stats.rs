//! Counters of the pipeline.

use std::sync::atomic::{AtomicU64, Ordering};

/// Upper bounds of the batch-size histogram's buckets.
pub const BATCH_BUCKETS: [u64; 11] = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1_024];

/// Counters, updated by the pipeline.
#[derive(Debug, Default)]
pub struct PipelineStats {
    commands: AtomicU64,
    busy: AtomicU64,
    retries: AtomicU64,
    largest: AtomicU64,
    buckets: [AtomicU64; BATCH_BUCKETS.len()],
    batches: AtomicU64,
}

/// The counters at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StatsSnapshot {
    /// Commands answered after a commit (or refused by it).
    pub commands: u64,
    /// Batches they came in.
    pub batches: u64,
    /// The largest batch.
    pub largest: u64,
    /// Batches of at most so many commands, by [`BATCH_BUCKETS`]; not cumulative.
    pub buckets: [u64; BATCH_BUCKETS.len()],
    /// Batches that were tried again.
    pub retries: u64,
    /// Commands refused because too many were waiting.
    pub busy: u64,
}

impl PipelineStats {
    pub(super) fn batch(&self, size: usize) {
        let size = u64::try_from(size).unwrap_or(u64::MAX);
        self.commands.fetch_add(size, Ordering::Relaxed);
        self.batches.fetch_add(1, Ordering::Relaxed);
        self.largest.fetch_max(size, Ordering::Relaxed);
        let bucket = BATCH_BUCKETS.iter().position(|bound| size <= *bound);
        if let Some(counter) = self.buckets.get(bucket.unwrap_or(BATCH_BUCKETS.len() - 1)) {
            counter.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(super) fn retry(&self) {
        self.retries.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn busy(&self) {
        self.busy.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn snapshot(&self) -> StatsSnapshot {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        StatsSnapshot {
            commands: read(&self.commands),
            batches: read(&self.batches),
            largest: read(&self.largest),
            buckets: std::array::from_fn(|bucket| self.buckets.get(bucket).map_or(0, read)),
            retries: read(&self.retries),
            busy: read(&self.busy),
        }
    }
}
