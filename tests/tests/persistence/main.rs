//! The persistence adapter on PostgreSQL and SQLite.

#[macro_use]
mod common;

mod access;
mod audit_log;
mod commit;
mod connections;
mod corrupt;
mod ledger_check;
mod migrations;
mod order;
mod plans;
mod relay;
mod schema;
mod search;
mod units;
