//! The unit of work: load what a batch of commands needs, locked, and commit all that they changed at once.

use std::borrow::Cow;

use async_trait::async_trait;
use p2p_domain::audit_log::{AuditHead, AuditRecord};
use p2p_domain::dispute::Comment;
use p2p_domain::event::AggregateRef;
use p2p_domain::ledger::{Bucket, Posting};
use p2p_domain::offer::HistoryEntry;
use p2p_domain::payment::PaymentOrigin;
use p2p_domain::refusal::QuotaKind;
use p2p_domain::user::{Email, User};
use p2p_domain::{
    Account, AccountId, AccountKey, Conduct, Dispute, DisputeId, EventId, ExchangeType, Exchanger,
    FailedAttempts, Listing, ListingId, Mailbox, Money, Notification, NotificationId, Offer,
    OfferId, Order, OrderId, Payment, PaymentReport, Roles, SecondFactor, Session, SessionId,
    Timestamp, TransferId, UserId, Withdrawal, WithdrawalId,
};

use super::Queue;

type Source = Box<dyn std::error::Error + Send + Sync>;

/// What can go wrong with storage, by what the caller can do about it.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// Somebody else was faster (a version, a unique key, a deadlock). Nothing was committed: load and decide again.
    #[error("the data changed meanwhile: {what}")]
    Conflict { what: String },
    /// Somebody else holds a row for too long. Nothing was committed.
    #[error("a row is held by somebody else: {what}")]
    Blocked { what: String },
    /// Storage could not be reached or gave up before the commit. Nothing was committed.
    #[error("storage is not available")]
    Unavailable {
        #[source]
        source: Source,
    },
    /// The connection was lost while committing: the batch is stored as a whole or not at all, nobody knows which.
    #[error("the connection was lost during the commit; whether it took effect is not known")]
    InDoubt {
        #[source]
        source: Source,
    },
    /// A stored row that no sequence of commands leads to. Nothing was committed.
    #[error("{table} {id} can't be read: {reason}")]
    Corrupt {
        table: &'static str,
        id: String,
        reason: String,
    },
    /// The schema refused the write: a broken invariant, caught by the last line of defence. Nothing was committed.
    #[error("the schema refused the write: {what}")]
    Rejected { what: String },
}

/// Where the market is kept.
#[async_trait]
pub trait Store: Send + Sync {
    /// Begins a unit of work.
    async fn begin(&self) -> Result<Box<dyn Transaction>, StorageError>;

    /// Finds what is around answers and deals, as it was last committed, without locking anything: the fast way, where
    /// nobody else is likely to change the same rows. `None`: this store knows no faster way than a unit of work.
    async fn read_snapshot(&self, _: &SnapshotQuery) -> Result<Option<Snapshot>, StorageError> {
        Ok(None)
    }

    /// Writes what was decided over a look, and commits it, all or nothing. If any row that is changed was changed by
    /// somebody else since the look, that is a [`StorageError::Conflict`].
    async fn commit(&self, changes: &ChangeSet) -> Result<(), StorageError> {
        self.begin().await?.commit(changes).await
    }
}

/// What to look for. Keys are sorted and without repetition.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SnapshotQuery {
    /// Listings and who answers them: the listing, its exchanger, and the accounts of whoever gives the crypto and of the
    /// customer.
    pub answers: Vec<(ListingId, UserId)>,
    /// Deals and their exchangers.
    pub deals: Vec<OfferId>,
    /// Deals whose escrow may move: their exchangers, listings, the accounts of both sides and of the fees.
    pub settled: Vec<OfferId>,
    /// Users of whom it is only asked whether they are there.
    pub users: Vec<UserId>,
    /// Requests that may have been answered before.
    pub replies: Vec<IdempotencyKey>,
    /// Payments that may have been made or declined before.
    pub payments: Vec<PaymentOrigin>,
    /// Accounts between which somebody pays.
    pub accounts: Vec<AccountId>,
    /// Customers whose conduct matters; that of whoever answers a listing comes with the answer.
    pub conducts: Vec<UserId>,
    /// How far the open deals of whoever answers a listing are counted; 0: not at all.
    pub open_offers: u32,
}

impl SnapshotQuery {
    /// Nothing to look for.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.answers.is_empty()
            && self.deals.is_empty()
            && self.settled.is_empty()
            && self.users.is_empty()
            && self.replies.is_empty()
            && self.payments.is_empty()
            && self.accounts.is_empty()
            && self.conducts.is_empty()
    }
}

/// What a look has found. The same row may come more than once; keys that name nothing are left out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Snapshot {
    pub offers: Vec<Offer>,
    pub exchangers: Vec<Exchanger>,
    pub listings: Vec<Listing>,
    pub accounts: Vec<Account>,
    /// Those of them who are there.
    pub users: Vec<UserId>,
    pub replies: Vec<IdempotencyRecord>,
    pub payments: Vec<Payment>,
    pub conducts: Vec<Conduct>,
    /// How many deals those who answer have open, as far as that was to be counted.
    pub open_offers: Vec<(UserId, u32)>,
}

/// A unit of work.
///
/// The `lock_…` methods load rows so that no other unit of work can change them until this one ends. They are called in
/// the order in which they stand here, each at most once, with sorted keys without repetition: all units of work lock in
/// one order, so they cannot deadlock. Keys that name nothing are left out of the answer. Dropping a unit of work without
/// committing rolls it back.
#[async_trait]
pub trait Transaction: Send {
    /// The deals that disputes are about. Never changes, so it is not locked.
    async fn offers_of_disputes(
        &mut self,
        disputes: &[DisputeId],
    ) -> Result<Vec<(DisputeId, OfferId)>, StorageError>;

    /// The exchangers whose listings these are. Never changes, so it is not locked.
    async fn exchangers_of_listings(
        &mut self,
        listings: &[ListingId],
    ) -> Result<Vec<(ListingId, UserId)>, StorageError>;

    /// Which of these messages have taken effect before; not locked. Whoever takes one in at the same time is noticed at
    /// the commit, as a conflict.
    async fn processed(&mut self, keys: &[InboxKey]) -> Result<Vec<InboxKey>, StorageError>;

    /// Which of these requests were answered before, and how; not locked. Whoever answers one at the same time is noticed at
    /// the commit, as a conflict.
    async fn replies(
        &mut self,
        keys: &[IdempotencyKey],
    ) -> Result<Vec<IdempotencyRecord>, StorageError>;

    /// What of a deal never changes; not locked.
    async fn offer_summaries(
        &mut self,
        offers: &[OfferId],
    ) -> Result<Vec<OfferSummary>, StorageError>;

    /// Everybody who may do what a moderator may, in the order of their ids; not locked.
    async fn staff(&mut self) -> Result<Vec<StaffMember>, StorageError>;

    /// Which of these users there are; not locked, since none ever goes.
    async fn known_users(&mut self, ids: &[UserId]) -> Result<Vec<UserId>, StorageError>;

    /// Users by id or by e-mail address, each once.
    async fn lock_users(
        &mut self,
        ids: &[UserId],
        emails: &[Email],
    ) -> Result<Vec<User>, StorageError>;

    /// Failed log-ins, by the digests of the addresses that were tried.
    async fn lock_attempts(&mut self, keys: &[u128]) -> Result<Vec<FailedAttempts>, StorageError>;

    async fn lock_second_factors(
        &mut self,
        users: &[UserId],
    ) -> Result<Vec<SecondFactor>, StorageError>;

    /// Sessions by id, and all of some users that have not ended, each once.
    async fn lock_sessions(
        &mut self,
        ids: &[SessionId],
        of: &[UserId],
    ) -> Result<Vec<Session>, StorageError>;

    async fn lock_offers(&mut self, ids: &[OfferId]) -> Result<Vec<Offer>, StorageError>;

    /// All disputes of these deals.
    async fn lock_disputes(&mut self, offers: &[OfferId]) -> Result<Vec<Dispute>, StorageError>;

    /// Exchangers as they were last committed; not locked, so it may be asked at any time and more than once. Whoever changes
    /// one all the same learns of a change by somebody else in between as a conflict.
    async fn read_exchangers(&mut self, ids: &[UserId]) -> Result<Vec<Exchanger>, StorageError>;

    async fn lock_exchangers(&mut self, ids: &[UserId]) -> Result<Vec<Exchanger>, StorageError>;

    /// Listings by id, and all ACTIVE ones of some exchangers, each once.
    async fn lock_listings(
        &mut self,
        ids: &[ListingId],
        active_of: &[UserId],
    ) -> Result<Vec<Listing>, StorageError>;

    async fn lock_withdrawals(
        &mut self,
        ids: &[WithdrawalId],
    ) -> Result<Vec<Withdrawal>, StorageError>;

    async fn lock_orders(&mut self, ids: &[OrderId]) -> Result<Vec<Order>, StorageError>;

    /// The payments that were made or declined for these reasons.
    async fn lock_payments(
        &mut self,
        origins: &[PaymentOrigin],
    ) -> Result<Vec<Payment>, StorageError>;

    /// Whose accounts these are. Never changes, so it is not locked.
    async fn account_keys(
        &mut self,
        ids: &[AccountId],
    ) -> Result<Vec<(AccountId, AccountKey)>, StorageError>;

    async fn lock_accounts(&mut self, keys: &[AccountKey]) -> Result<Vec<Account>, StorageError>;

    async fn lock_mailboxes(&mut self, users: &[UserId]) -> Result<Vec<Mailbox>, StorageError>;

    async fn lock_notifications(
        &mut self,
        ids: &[NotificationId],
    ) -> Result<Vec<Notification>, StorageError>;

    /// How both sides of answers to listings stand: the exchangers' records, the customers' conduct, and how many open deals
    /// the customers have, counted no further than `most`. The same as [`read_exchangers`](Self::read_exchangers),
    /// [`read_conducts`](Self::read_conducts) and [`quota_counts`](Self::quota_counts), together; like these, it locks nothing.
    async fn offer_preconditions(
        &mut self,
        customers: &[UserId],
        exchangers: &[UserId],
        most: u32,
    ) -> Result<OfferPreconditions, StorageError>;

    /// Customers' conduct as it was last committed; not locked. Whoever changes it learns of a change by somebody else in
    /// between as a conflict.
    async fn read_conducts(&mut self, users: &[UserId]) -> Result<Vec<Conduct>, StorageError>;

    /// How many of these somebody has, counted no further than `most`; nothing is locked. Where the row that guards them is
    /// locked (an exchanger's record, an account) nobody else adds to them meanwhile.
    async fn quota_counts(
        &mut self,
        wanted: &[(QuotaKind, UserId)],
        most: u32,
    ) -> Result<Vec<(QuotaKind, UserId, u32)>, StorageError>;

    /// The end of the audit trail. Whoever has it is the only one who may append to it: it is locked last and held for the
    /// shortest time.
    async fn lock_audit_head(&mut self) -> Result<AuditHead, StorageError>;

    /// Writes everything and commits, durably; all or nothing. A row whose stored version is not the one that was loaded
    /// is a [`StorageError::Conflict`].
    async fn commit(self: Box<Self>, changes: &ChangeSet) -> Result<(), StorageError>;

    /// Ends the unit of work without a trace.
    async fn rollback(self: Box<Self>) -> Result<(), StorageError>;
}

/// What of a deal never changes, as far as those who are told of it need it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OfferSummary {
    pub id: OfferId,
    pub customer: UserId,
    pub exchanger: UserId,
    pub exchange_type: ExchangeType,
    pub amount: Money,
    pub fiat: Money,
}

/// How the sides of answers to listings stand.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OfferPreconditions {
    /// One of each customer.
    pub customers: Vec<CustomerPreconditions>,
    /// Those that there are.
    pub exchangers: Vec<Exchanger>,
}

/// What is known of a customer who answers a listing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CustomerPreconditions {
    pub user: UserId,
    /// `None`: nothing has been noted.
    pub conduct: Option<Conduct>,
    /// Counted no further than was asked.
    pub open_offers: u32,
}

/// Somebody on the staff, and what else they may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StaffMember {
    pub user: UserId,
    pub roles: Roles,
}

/// A message, as one of its consumers sees it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InboxKey {
    pub consumer: &'static str,
    pub message: String,
}

/// That a message has taken effect, in the commit of its effect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InboxMark {
    pub key: InboxKey,
    pub at: Timestamp,
}

/// What somebody calls a request that they may send again.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IdempotencyKey {
    /// Who asks: the bits of a user's id, or, of somebody who has none yet, of a digest of their address.
    pub caller: u128,
    /// What is asked for: the same key may be used for several operations.
    pub operation: String,
    pub key: String,
}

/// A reply as the transport that gave it encodes it. Only that transport reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// Tells the transport how to read the body; at most `i16::MAX`.
    pub tag: u16,
    pub body: Vec<u8>,
}

/// That a request was answered, in the commit of its effect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyRecord {
    pub key: IdempotencyKey,
    /// A digest of the request: the same key with another one is a mistake.
    pub fingerprint: u128,
    pub reply: Reply,
    pub at: Timestamp,
}

/// An aggregate to be stored, and the version that it was loaded with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Versioned<T> {
    pub value: T,
    /// `None`: it is new.
    pub expected_version: Option<u64>,
}

/// One entry of a journal transfer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    pub account: AccountId,
    pub bucket: Bucket,
    pub amount: i64,
}

/// A posting as it is booked: with an id, a time and the ids of its accounts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transfer {
    pub id: TransferId,
    pub posting: Posting,
    /// One entry for each leg of the posting, in its order.
    pub entries: Vec<Entry>,
    pub at: Timestamp,
}

/// A public event on its way out, in the commit of its fact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutboxMessage {
    pub id: EventId,
    /// The event's public name.
    pub name: Cow<'static, str>,
    pub aggregate: AggregateRef,
    /// The aggregate's version, by which a consumer can drop what is stale.
    pub version: u64,
    /// The JSON text.
    pub body: String,
    pub at: Timestamp,
    /// The one queue that it is for; `None`: all that its name reaches.
    pub only: Option<Queue>,
}

/// Records for the end of the audit trail, in order and without gaps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditAppend {
    /// The end that they go behind: if it is not the end any more, that is a conflict.
    pub after: AuditHead,
    pub records: Vec<AuditRecord>,
}

impl AuditAppend {
    /// The end of the trail with them.
    #[must_use]
    pub fn head(&self) -> AuditHead {
        self.records.last().map_or(self.after, |last| AuditHead {
            count: last.number,
            hash: last.hash,
        })
    }
}

/// All that a batch of commands leaves behind, each aggregate once in its last state.
#[derive(Debug, Default)]
pub struct ChangeSet {
    pub users: Vec<Versioned<User>>,
    pub offers: Vec<Versioned<Offer>>,
    pub disputes: Vec<Versioned<Dispute>>,
    pub exchangers: Vec<Versioned<Exchanger>>,
    pub listings: Vec<Versioned<Listing>>,
    pub accounts: Vec<Versioned<Account>>,
    pub history: Vec<HistoryEntry>,
    pub comments: Vec<Comment>,
    pub transfers: Vec<Transfer>,
    pub outbox: Vec<OutboxMessage>,
    pub inbox: Vec<InboxMark>,
    pub reports: Vec<PaymentReport>,
    pub mailboxes: Vec<Versioned<Mailbox>>,
    pub notifications: Vec<Versioned<Notification>>,
    pub orders: Vec<Versioned<Order>>,
    pub payments: Vec<Versioned<Payment>>,
    pub withdrawals: Vec<Versioned<Withdrawal>>,
    pub replies: Vec<IdempotencyRecord>,
    pub attempts: Vec<Versioned<FailedAttempts>>,
    pub second_factors: Vec<Versioned<SecondFactor>>,
    pub sessions: Vec<Versioned<Session>>,
    pub conducts: Vec<Versioned<Conduct>>,
    pub trail: Option<AuditAppend>,
}

impl ChangeSet {
    /// Nothing to write.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.users.is_empty()
            && self.offers.is_empty()
            && self.disputes.is_empty()
            && self.exchangers.is_empty()
            && self.listings.is_empty()
            && self.accounts.is_empty()
            && self.history.is_empty()
            && self.comments.is_empty()
            && self.transfers.is_empty()
            && self.outbox.is_empty()
            && self.inbox.is_empty()
            && self.reports.is_empty()
            && self.mailboxes.is_empty()
            && self.notifications.is_empty()
            && self.orders.is_empty()
            && self.payments.is_empty()
            && self.withdrawals.is_empty()
            && self.replies.is_empty()
            && self.attempts.is_empty()
            && self.second_factors.is_empty()
            && self.sessions.is_empty()
            && self.conducts.is_empty()
            && self.trail.is_none()
    }
}
