//! Use cases on the in-memory adapters. Files are named after the modules of `application`.

mod access;
mod dispute;
mod engine;
mod events;
mod exchanger;
mod idempotency;
mod listing;
mod offer;
mod order;
mod payment;
mod queries;
mod sweeper;
mod user;
mod wallet;
mod withdrawal;
