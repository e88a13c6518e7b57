//! The tests that run on each kind of store. `memory` opens an empty one.

use super::memory;

mod access;
mod dispute;
mod events;
mod exchanger;
mod idempotency;
mod listing;
mod offer;
mod order;
mod payment;
mod pipeline;
mod queries;
mod sweeper;
mod user;
mod wallet;
mod withdrawal;
