//! The use cases of the market, and the ports through which they reach the world.
//!
//! *What it is*: commands that decide purely over loaded aggregates ([`engine`]), reads that go straight to query ports, and the
//! sweeper that turns deadlines into commands.
//!
//! *What it may import*: `domain`, async traits, tokio's synchronisation primitives, serde for the public events. No
//! database, no broker, no HTTP.
//!
//! *How to add the next thing*: one file per operation, under its noun and named by its verb. A change is a
//! [`engine::Command`] that names what it needs and decides; a read is a function over a query port.

pub mod access;
pub mod aggregates;
pub mod audit_chain;
pub mod audit_log;
pub mod auth;
pub mod consumer;
pub mod dispute;
pub mod engine;
mod error_kind;
pub mod events;
pub mod exchanger;
pub mod idempotency;
mod incoming;
pub mod limits;
pub mod listing;
pub mod mail;
pub mod market;
pub mod notification;
pub mod offer;
pub mod order;
pub mod payment;
pub mod payment_report;
pub mod ports;
pub mod relay;
pub mod second_factor;
pub mod session;
pub mod sweeper;
mod timeout;
pub mod user;
pub mod wallet;
pub mod withdrawal;

pub use engine::{Command, CommandError, Pipeline, PipelineSettings};
pub use error_kind::ErrorKind;
pub use incoming::DecodeError;
pub use market::{Market, MarketPorts, Queries};
pub use p2p_domain::user::Caller;
pub use relay::{Relay, RelaySettings, RelayStats};
pub use sweeper::Sweeper;

use ports::StorageError;

/// Why a read failed.
#[derive(Debug, thiserror::Error)]
pub enum QueryError {
    /// It does not exist, or the caller may not see it.
    #[error("{0}")]
    Refused(p2p_domain::Refusal),
    #[error(transparent)]
    Storage(#[from] StorageError),
}

impl<R: Into<p2p_domain::Refusal>> From<R> for QueryError {
    fn from(refusal: R) -> Self {
        Self::Refused(refusal.into())
    }
}

/// The largest page of a list, whatever the requested limit.
pub const MAX_PAGE: u32 = 100;

/// One page of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    pub items: Vec<T>,
    /// Whether more follow.
    pub more: bool,
}

impl<T> Page<T> {
    /// A page of `limit` rows. One row more was read, to see whether more follow.
    #[must_use]
    pub fn of(mut rows: Vec<T>, limit: u32) -> Self {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let more = rows.len() > limit;
        rows.truncate(limit);
        Self { items: rows, more }
    }
}
