//! The schema, as a row of changes that each go up and down, on PostgreSQL and SQLite from the same definitions.
//!
//! *What it may import*: sea-orm-migration, nothing of the house. A migration is frozen in time: it writes names and
//! codes out literally, and never changes with the domain.
//!
//! *How to add the next thing*: a new file `mNNNN_what.rs` at the end of [`Migrator::migrations`]; never a change to a
//! file that was released. A new asset needs the accounts of the three system parties (see [`m0002_accounts_and_journal`]
//! and [`m0014_shop`]).
//!
//! Shared decisions: ids are 128 bits (`uuid`, `BLOB` on SQLite); times are microseconds since 1970 in UTC; money is
//! whole minor units; names of states are text, and the schema lists those it takes. SQLite's tables are STRICT, so that
//! no amount can ever become a REAL.

#![expect(
    elided_lifetimes_in_paths,
    reason = "the trait leaves the lifetime out, and async_trait wants the same signature"
)]

mod alter;
mod m0001_users;
mod m0002_accounts_and_journal;
mod m0003_listings;
mod m0004_offers_and_history;
mod m0005_disputes;
mod m0006_outbox;
mod m0007_heartbeat;
mod m0008_languages;
mod m0009_relay;
mod m0010_inbox;
mod m0011_notifications;
mod m0012_payment_reports;
mod m0013_dead_letters;
mod m0014_shop;
mod m0015_orders;
mod m0016_payments;
mod m0017_withdrawals;
mod m0018_idempotency_keys;
mod m0019_journal_subjects;
mod m0020_new_aggregates;
mod m0021_notified_orders;
mod m0022_reported_deposits;
mod m0023_account_dates;
mod m0024_sessions;
mod m0025_log_in_attempts;
mod m0026_second_factors;
mod m0027_conducts;
mod m0028_audit_trail;
mod m0029_references_once;
mod m0030_opaque_replies;
mod schema;

pub use sea_orm_migration::{MigratorTrait, sea_orm};

use sea_orm_migration::MigrationTrait;

/// All changes, oldest first.
#[derive(Debug, Clone, Copy)]
pub struct Migrator;

impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m0001_users::Migration),
            Box::new(m0002_accounts_and_journal::Migration),
            Box::new(m0003_listings::Migration),
            Box::new(m0004_offers_and_history::Migration),
            Box::new(m0005_disputes::Migration),
            Box::new(m0006_outbox::Migration),
            Box::new(m0007_heartbeat::Migration),
            Box::new(m0008_languages::Migration),
            Box::new(m0009_relay::Migration),
            Box::new(m0010_inbox::Migration),
            Box::new(m0011_notifications::Migration),
            Box::new(m0012_payment_reports::Migration),
            Box::new(m0013_dead_letters::Migration),
            Box::new(m0014_shop::Migration),
            Box::new(m0015_orders::Migration),
            Box::new(m0016_payments::Migration),
            Box::new(m0017_withdrawals::Migration),
            Box::new(m0018_idempotency_keys::Migration),
            Box::new(m0019_journal_subjects::Migration),
            Box::new(m0020_new_aggregates::Migration),
            Box::new(m0021_notified_orders::Migration),
            Box::new(m0022_reported_deposits::Migration),
            Box::new(m0023_account_dates::Migration),
            Box::new(m0024_sessions::Migration),
            Box::new(m0025_log_in_attempts::Migration),
            Box::new(m0026_second_factors::Migration),
            Box::new(m0027_conducts::Migration),
            Box::new(m0028_audit_trail::Migration),
            Box::new(m0029_references_once::Migration),
            Box::new(m0030_opaque_replies::Migration),
        ]
    }
}
