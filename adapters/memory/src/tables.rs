//! What the market has, table by table.

use std::collections::BTreeMap;

use p2p_application::ports::{
    IdempotencyKey, IdempotencyRecord, InboxKey, OutboxMessage, Queue, Transfer,
};
use p2p_domain::audit_log::{AuditHead, AuditRecord};
use p2p_domain::dispute::Comment;
use p2p_domain::offer::HistoryEntry;
use p2p_domain::user::User;
use p2p_domain::{
    Account, AccountId, AccountKey, Asset, CommentId, Conduct, Dispute, DisputeId, EventId,
    Exchanger, FailedAttempts, Listing, ListingId, Mailbox, Notification, NotificationId, Offer,
    OfferId, Order, OrderId, Payment, PaymentId, PaymentReport, ReportId, SecondFactor, Session,
    SessionId, Timestamp, TransferId, TypedId, UserId, Withdrawal, WithdrawalId,
};

/// All rows. Two markets are in the same state exactly where their tables are equal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tables {
    pub users: BTreeMap<UserId, User>,
    pub offers: BTreeMap<OfferId, Offer>,
    pub disputes: BTreeMap<DisputeId, Dispute>,
    pub exchangers: BTreeMap<UserId, Exchanger>,
    pub listings: BTreeMap<ListingId, Listing>,
    pub accounts: BTreeMap<AccountKey, Account>,
    /// Whose account an id names: the other key of `accounts`.
    pub account_ids: BTreeMap<AccountId, AccountKey>,
    pub history: BTreeMap<(OfferId, u64), HistoryEntry>,
    pub comments: BTreeMap<CommentId, Comment>,
    pub transfers: BTreeMap<TransferId, Transfer>,
    /// In the order in which they were written, as far as ids ascend.
    pub outbox: BTreeMap<EventId, OutboxMessage>,
    /// When each message took effect.
    pub inbox: BTreeMap<InboxKey, Timestamp>,
    pub reports: BTreeMap<ReportId, PaymentReport>,
    pub mailboxes: BTreeMap<UserId, Mailbox>,
    pub notifications: BTreeMap<NotificationId, Notification>,
    pub dead_letters: BTreeMap<(EventId, Queue), StoredDeadLetter>,
    pub orders: BTreeMap<OrderId, Order>,
    pub payments: BTreeMap<PaymentId, Payment>,
    pub withdrawals: BTreeMap<WithdrawalId, Withdrawal>,
    /// How requests were answered.
    pub replies: BTreeMap<IdempotencyKey, IdempotencyRecord>,
    pub attempts: BTreeMap<u128, FailedAttempts>,
    pub second_factors: BTreeMap<UserId, SecondFactor>,
    pub sessions: BTreeMap<SessionId, Session>,
    pub conducts: BTreeMap<UserId, Conduct>,
    pub trail: BTreeMap<u64, AuditRecord>,
    pub audit_head: AuditHead,
    /// When the market was last known to be alive.
    pub alive_at: Option<Timestamp>,
}

/// A message that came to nothing at a queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredDeadLetter {
    pub message: OutboxMessage,
    pub reason: String,
    pub at: Timestamp,
}

impl Tables {
    /// An empty market: only the system's own accounts are there, one of each kind for every asset.
    pub(crate) fn new() -> Self {
        let mut tables = Self {
            users: BTreeMap::new(),
            offers: BTreeMap::new(),
            disputes: BTreeMap::new(),
            exchangers: BTreeMap::new(),
            listings: BTreeMap::new(),
            accounts: BTreeMap::new(),
            account_ids: BTreeMap::new(),
            history: BTreeMap::new(),
            comments: BTreeMap::new(),
            transfers: BTreeMap::new(),
            outbox: BTreeMap::new(),
            inbox: BTreeMap::new(),
            reports: BTreeMap::new(),
            mailboxes: BTreeMap::new(),
            notifications: BTreeMap::new(),
            dead_letters: BTreeMap::new(),
            orders: BTreeMap::new(),
            payments: BTreeMap::new(),
            withdrawals: BTreeMap::new(),
            replies: BTreeMap::new(),
            attempts: BTreeMap::new(),
            second_factors: BTreeMap::new(),
            sessions: BTreeMap::new(),
            conducts: BTreeMap::new(),
            trail: BTreeMap::new(),
            audit_head: AuditHead::EMPTY,
            alive_at: None,
        };
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

    /// The dead letters, those first that died first.
    pub(crate) fn dead_in_order(&self) -> Vec<(EventId, Queue)> {
        let all = self.dead_letters.iter();
        let mut dead: Vec<_> = all
            .map(|((id, queue), buried)| (buried.at, *id, queue.name(), *queue))
            .collect();
        dead.sort_unstable();
        dead.into_iter()
            .map(|(_, id, _, queue)| (id, queue))
            .collect()
    }
}
