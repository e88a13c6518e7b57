//! What the market has, table by table.

use std::collections::BTreeMap;
use std::fmt::Display;

use p2p_application::aggregates::{Aggregate, Slot};
use p2p_application::ports::{
    IdempotencyKey, IdempotencyRecord, InboxKey, OutboxMessage, Queue, StorageError, Transfer,
};
use p2p_application::{aggregate_struct, for_each_aggregate};
use p2p_domain::audit_log::{AuditHead, AuditRecord};
use p2p_domain::dispute::Comment;
use p2p_domain::offer::HistoryEntry;
use p2p_domain::user::User;
use p2p_domain::{
    Account, AccountId, AccountKey, Asset, CommentId, Conduct, Dispute, EventId, Exchanger,
    FailedAttempts, Listing, Mailbox, Notification, Offer, OfferId, Order, Payment, PaymentReport,
    ReportId, SecondFactor, Session, Timestamp, TransferId, TypedId, Withdrawal,
};

use crate::faults::Faults;

/// The rows of one aggregate, by key.
type Table<A> = BTreeMap<<A as Aggregate>::Key, A>;

for_each_aggregate!(aggregate_struct {
    /// All rows. Two markets are in the same state exactly where their tables are equal.
    #[derive(Debug, Clone, PartialEq, Eq, Default)]
    pub struct Tables[Table] {
        /// The keys of accounts by their ids.
        pub account_ids: BTreeMap<AccountId, AccountKey>,
        pub history: BTreeMap<(OfferId, u64), HistoryEntry>,
        pub comments: BTreeMap<CommentId, Comment>,
        pub transfers: BTreeMap<TransferId, Transfer>,
        /// In the order in which they were written, as far as ids ascend.
        pub outbox: BTreeMap<EventId, OutboxMessage>,
        /// When each message took effect.
        pub inbox: BTreeMap<InboxKey, Timestamp>,
        pub reports: BTreeMap<ReportId, PaymentReport>,
        pub dead_letters: BTreeMap<(EventId, Queue), StoredDeadLetter>,
        /// The replies to requests.
        pub replies: BTreeMap<IdempotencyKey, IdempotencyRecord>,
        pub trail: BTreeMap<u64, AuditRecord>,
        pub audit_head: AuditHead,
        /// When the market was last known to be alive.
        pub alive_at: Option<Timestamp>,
    }
});

/// What a table needs to know of its rows.
pub(crate) trait Stored: Slot<Tables, Of = Table<Self>> {
    const TABLE: &'static str;

    /// The id by which a test makes the row unreadable, if it can be.
    fn id(&self) -> Option<&dyn Display>;

    /// Whether the row belongs to this.
    fn belongs_to(&self, _: &Self::Other) -> bool {
        false
    }

    /// The row, unless a test has made it unreadable.
    fn read(&self, faults: &Faults) -> Result<Self, StorageError> {
        if let Some(id) = self.id() {
            faults.read(Self::TABLE, id)?;
        }
        Ok(self.clone())
    }
}

/// A message that a queue could not deliver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredDeadLetter {
    pub message: OutboxMessage,
    pub reason: String,
    pub at: Timestamp,
}

impl Tables {
    /// An empty market: only the system's own accounts are there, one of each kind for every asset.
    pub(crate) fn new() -> Self {
        let mut tables = Self::default();
        let keys = Asset::ALL.iter().flat_map(|asset| {
            [
                AccountKey::external(*asset),
                AccountKey::fees(*asset),
                AccountKey::merchant(None, *asset),
            ]
        });
        for (id, key) in (1..).zip(keys) {
            tables.put_account(Account::open(AccountId::from_u128(id), key));
        }
        tables
    }

    pub(crate) fn put_account(&mut self, account: Account) {
        self.account_ids.insert(account.id, account.key);
        self.accounts.insert(account.key, account);
    }

    /// The dead letters, oldest first.
    pub(crate) fn dead_in_order(&self) -> Vec<(EventId, Queue)> {
        let all = self.dead_letters.iter();
        let mut dead: Vec<_> = all
            .map(|((id, queue), stored)| (stored.at, *id, queue.name(), *queue))
            .collect();
        dead.sort_unstable();
        dead.into_iter()
            .map(|(_, id, _, queue)| (id, queue))
            .collect()
    }
}
