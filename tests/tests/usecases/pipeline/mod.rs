//! The pipeline: batches, callers, and failures of storage.

mod batch;
mod callers;
mod storage_failures;

use super::memory;
