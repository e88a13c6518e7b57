//! The one way by which anything changes: collect, load, decide, commit, reply.
//!
//! Commands that arrive while a batch is being committed wait in a bounded queue; the next batch takes all of them. For a batch,
//! everything its commands need is loaded and locked by one statement per table; the commands decide one after another, each
//! seeing what those before it changed; all changes are written in one commit; only then are the callers answered. A refused
//! command leaves no trace. A single command is a batch of one: there is no timer and no delay.
//!
//! There may be several such lanes: while one waits for the disk, another decides. Commands for the same listing or offer take
//! the same lane, so that they share a commit instead of waiting for each other's locks.
//!
//! A commit that fails is retried if nothing was committed; otherwise all its callers get the failure. No batch is half done.
//!
//! The engine knows aggregates by their list, [`for_each_aggregate`](crate::for_each_aggregate), and by the hook that each of
//! them implements: which rows it points to, [`Related`](load::Related).

mod command;
mod executor;
mod identity_map;
mod job;
mod load;
mod optimism;
mod pipeline;
mod read_set;
mod stats;
mod unit_of_work;
mod write_set;

pub use command::{Command, CommandError};
pub(crate) use load::{Loader, Related};
pub use pipeline::{Pipeline, PipelineSettings};
pub(crate) use read_set::OfferRelations;
pub use read_set::ReadSet;
pub use stats::{BATCH_BUCKETS, PipelineStats, StatsSnapshot};
pub use unit_of_work::UnitOfWork;
