//! The engine: batches, lanes, snapshots, and failures of storage.

mod batches;
mod callers;
mod failure_sweeps;
mod lanes;
mod pipeline;
mod snapshots;
mod storage_failures;
