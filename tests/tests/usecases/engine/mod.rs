//! The engine on a store of each kind, and what differs between them: lanes, batches, snapshots, failures at each call.

mod batches;
mod failure_sweeps;
mod lanes;
mod snapshots;
