//! What keeps the market running, and the check of its ledger.

use std::time::Duration;

use async_trait::async_trait;
use p2p_domain::audit_log::AuditHead;
use p2p_domain::{OfferId, Timestamp};

use super::StorageError;

/// A law of the ledger or the market that does not hold, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// The law, in words.
    pub law: &'static str,
    /// The offending row.
    pub row: String,
    pub detail: String,
}

/// What an audit found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LedgerReport {
    /// How many accounts, journal entries and open deals were looked at.
    pub accounts: u64,
    pub entries: u64,
    pub open_deals: u64,
    /// The end of the audit trail: whoever keeps it elsewhere can prove later that nothing before it was altered.
    pub trail: Option<AuditHead>,
    /// At most a hundred of each law.
    pub violations: Vec<Violation>,
}

/// What keeps the market running.
#[async_trait]
pub trait Maintenance: Send + Sync {
    /// Answers if storage does.
    async fn ping(&self) -> Result<(), StorageError>;

    /// Deals whose deadline is not later than `now`, most overdue first.
    async fn due_offers(&self, now: Timestamp, limit: u32) -> Result<Vec<OfferId>, StorageError>;

    /// Notes that the market is alive at `now`. If nobody has noted so for longer than `tolerance`, all deadlines
    /// that were still running at the last note are put off by the gap, once, whichever replica comes first; the gap is
    /// the answer. Nobody is punished for an outage.
    async fn heartbeat(
        &self,
        now: Timestamp,
        tolerance: Duration,
    ) -> Result<Option<Duration>, StorageError>;

    /// Forgets messages of a consumer that took effect before this time, some at a time; answers how many. None of them is
    /// delivered again after so long.
    async fn forget_inbox(
        &self,
        consumer: &str,
        before: Timestamp,
        limit: u32,
    ) -> Result<u64, StorageError>;

    /// Forgets how requests were answered before this time, some at a time; answers how many.
    async fn forget_replies(&self, before: Timestamp, limit: u32) -> Result<u64, StorageError>;

    /// Forgets sessions that were over before this time, and failed log-ins that nothing has followed since, some at a time;
    /// answers how many.
    async fn forget_access(&self, before: Timestamp, limit: u32) -> Result<u64, StorageError>;

    /// Looks at one consistent snapshot of everything. Per asset, never across assets: the sum of all entries is zero,
    /// and so is that of each transfer; each balance is the sum of its entries; no user's balance is negative; each
    /// holder's held balance is the sum of that holder's open escrows and requested withdrawals; each listing's amounts add
    /// up, and its frozen amount is the sum of its open deals; each deal's version is the length of its history; each
    /// payment and each withdrawal has moved what its state says, once; each finished order was paid, and no other; the audit trail
    /// is whole from its first record to its end.
    async fn audit(&self) -> Result<LedgerReport, StorageError>;
}
