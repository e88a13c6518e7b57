//! Upkeep of storage: heartbeats, deletion of expired rows, the check of the ledger.

use std::time::Duration;

use async_trait::async_trait;
use p2p_domain::audit_log::AuditHead;
use p2p_domain::{OfferId, Timestamp};

use super::StorageError;

/// A violated law of the ledger or the market.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// The law in words.
    pub law: &'static str,
    /// The offending row.
    pub row: String,
    pub detail: String,
}

/// The result of a check of the ledger.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LedgerReport {
    /// How many accounts, journal entries and open deals were checked.
    pub accounts: u64,
    pub entries: u64,
    pub open_deals: u64,
    /// The head of the audit log. If it is noted elsewhere, it proves later that nothing before it was altered.
    pub trail: Option<AuditHead>,
    /// At most a hundred per law.
    pub violations: Vec<Violation>,
}

/// Upkeep of storage.
#[async_trait]
pub trait Maintenance: Send + Sync {
    /// Succeeds if storage responds.
    async fn ping(&self) -> Result<(), StorageError>;

    /// Deals whose deadline is `now` or earlier, most overdue first.
    async fn due_offers(&self, now: Timestamp, limit: u32) -> Result<Vec<OfferId>, StorageError>;

    /// Records that the market is alive at `now`. If the last heartbeat is older than `tolerance`, all deadlines that were running
    /// then are extended by the gap, so that no user is punished for an outage. The first replica does it, once, and gets the
    /// gap.
    async fn heartbeat(
        &self,
        now: Timestamp,
        tolerance: Duration,
    ) -> Result<Option<Duration>, StorageError>;

    /// Deletes inbox entries of a consumer for messages that took effect before this time, at most `limit`; returns how many. The
    /// time must be so long ago that none of the messages is delivered again.
    async fn forget_inbox(
        &self,
        consumer: &str,
        before: Timestamp,
        limit: u32,
    ) -> Result<u64, StorageError>;

    /// Deletes replies stored before this time, at most `limit`; returns how many.
    async fn forget_replies(&self, before: Timestamp, limit: u32) -> Result<u64, StorageError>;

    /// Deletes sessions that ended before this time, and failed attempts that are older, at most `limit`; returns how many.
    async fn forget_access(&self, before: Timestamp, limit: u32) -> Result<u64, StorageError>;

    /// Checks one consistent snapshot of everything. Per asset, never across assets: the sum of all entries is zero,
    /// and so is that of each transfer; each balance is the sum of its entries; no user's balance is negative; each
    /// holder's held balance is the sum of that holder's open escrows and requested withdrawals; each listing's amounts add
    /// up, and its frozen amount is the sum of its open deals; each deal's version is the length of its history; each
    /// payment and each withdrawal has moved what its state says, once; each finished order was paid, and no other; the audit log
    /// is unbroken from its first record to its head.
    async fn audit(&self) -> Result<LedgerReport, StorageError>;
}
