//! The market in a database: PostgreSQL, or an SQLite file, with the same entities and the same queries.
//!
//! *What it is*: [`Database`] opens, migrates and answers; it is the store and all queries of the application's ports.
//! One file per table holds the row, its conversion to and from the domain, and nothing else; a row that no sequence of
//! commands leads to is [`StorageError::Corrupt`](p2p_application::ports::StorageError::Corrupt), never a panic.
//!
//! *What it may import*: domain, application, migration, SeaORM. No other adapter imports it, no row leaves it.
//!
//! *How to add the next thing*: a table is a migration, a module here with an entity that is a
//! [`Table`](table::Table), a line in `unit/write.rs` for what a commit writes, and its queries next to the row. The SQL
//! texts are few and fixed (their parameters are arrays on PostgreSQL, chunks of a power of two on SQLite), so that
//! every connection prepares each of them once.

mod access;
mod audit_log;
mod claims;
mod conduct;
mod connect;
mod connection_cache;
mod database;
mod dead_letter;
mod dispute;
mod error;
mod exchanger;
mod failed_attempts;
mod idempotency;
mod inbox;
mod joined_rows;
mod ledger;
mod listing;
mod maintenance;
mod migrations;
mod newest_first;
mod notification;
mod offer;
mod offer_preconditions;
mod order;
mod outbox;
mod payment;
mod payment_report;
#[cfg(test)]
mod plans;
mod pools;
mod quota;
mod row;
mod second_factor;
mod session;
mod snapshot;
mod sql;
mod store;
mod stored;
mod table;
mod unit;
mod user;
mod withdrawal;

pub use connect::{DatabaseSettings, OpenError};
pub use database::Database;
