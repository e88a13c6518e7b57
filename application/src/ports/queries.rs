//! Reads. They go straight to storage, see only what is committed, and take no part in the pipeline.
//!
//! Lists are newest first unless said otherwise; `after` is the last one of the page before.

use std::time::Duration;

use async_trait::async_trait;
use p2p_domain::audit_log::{AuditAction, AuditHead, AuditRecord};
use p2p_domain::dispute::Comment;
use p2p_domain::ledger::{Bucket, PostingKind, Reference};
use p2p_domain::offer::HistoryEntry;
use p2p_domain::order::OrderStatus;
use p2p_domain::user::{Email, User};
use p2p_domain::withdrawal::WithdrawalStatus;
use p2p_domain::{
    Account, AccountId, Actor, Asset, Dispute, DisputeId, ExchangeType, Exchanger, FailedAttempts,
    Listing, ListingId, Mailbox, Money, Notification, Offer, OfferId, Order, OrderId, Payment,
    PaymentId, PaymentReport, ReportId, Roles, SecondFactor, Session, SessionId, Timestamp,
    TransferId, UserId, Withdrawal, WithdrawalId,
};

use super::StorageError;

/// Which deals to list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OfferFilter {
    /// Deals in which this user is a side.
    pub user: UserId,
    /// On which side; `None`: either.
    pub side: Option<Actor>,
    /// Only active ones: not final, or FINISHED at this time or later.
    pub active_since: Option<Timestamp>,
    pub after: Option<OfferId>,
    pub limit: u32,
}

/// Deals.
#[async_trait]
pub trait OfferQueries: Send + Sync {
    async fn find_offer(&self, id: OfferId) -> Result<Option<Offer>, StorageError>;

    /// All steps of a deal, in order.
    async fn offer_history(&self, id: OfferId) -> Result<Vec<HistoryEntry>, StorageError>;

    /// By id, newest first.
    async fn list_offers(&self, filter: &OfferFilter) -> Result<Vec<Offer>, StorageError>;
}

/// In which order listings come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ListingOrder {
    /// By id, newest first.
    Newest,
    /// Cheapest first, then by id: for customers who buy crypto.
    PriceAscending,
    /// Dearest first, then by id: for customers who sell crypto.
    PriceDescending,
}

/// The place of a listing in a list: where a page ends, and the next one begins behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ListingCursor {
    pub price_e8: i64,
    pub id: ListingId,
}

impl ListingCursor {
    /// The place of this listing.
    #[must_use]
    pub const fn at(listing: &Listing) -> Self {
        Self {
            price_e8: listing.price.e8(),
            id: listing.id,
        }
    }
}

/// Which listings to show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListingFilter {
    /// All states of this exchanger's listings but CLOSED; otherwise only ACTIVE listings are shown.
    pub exchanger: Option<UserId>,
    pub exchange_type: Option<ExchangeType>,
    pub asset: Option<Asset>,
    pub fiat: Option<Asset>,
    /// A fiat amount that one offer may have: within the limits and what remains. Only with `fiat`.
    pub amount: Option<Money>,
    pub payment_method: Option<String>,
    /// Only of exchangers who are online and not frozen.
    pub online_only: bool,
    pub order: ListingOrder,
    pub after: Option<ListingCursor>,
    pub limit: u32,
}

/// A listing as others see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListingView {
    pub listing: Listing,
    pub exchanger_name: String,
    /// Online and not frozen.
    pub exchanger_online: bool,
}

/// A page of listings.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ListingsFound {
    pub listings: Vec<ListingView>,
    /// The last listing that was looked at, if the search ended before the page was full: there may be more behind it.
    pub searched_to: Option<ListingCursor>,
}

/// Listings.
#[async_trait]
pub trait ListingQueries: Send + Sync {
    async fn find_listing(&self, id: ListingId) -> Result<Option<ListingView>, StorageError>;

    /// Listings that pass all filters, in the order asked for. Where few of very many pass, the search may end before
    /// the page is full: it costs about the same however many listings there are.
    async fn list_listings(&self, filter: &ListingFilter) -> Result<ListingsFound, StorageError>;
}

/// Which disputes to list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DisputeFilter {
    /// Only disputes of deals in which this user is a side.
    pub side: Option<UserId>,
    /// Only open, or only resolved ones.
    pub open: Option<bool>,
    pub after: Option<DisputeId>,
    pub limit: u32,
}

/// Disputes.
#[async_trait]
pub trait DisputeQueries: Send + Sync {
    async fn find_dispute(&self, id: DisputeId) -> Result<Option<Dispute>, StorageError>;

    /// All disputes of a deal, oldest first.
    async fn disputes_of(&self, offer: OfferId) -> Result<Vec<Dispute>, StorageError>;

    /// Oldest first: a queue.
    async fn list_disputes(&self, filter: &DisputeFilter) -> Result<Vec<Dispute>, StorageError>;

    /// Oldest first.
    async fn dispute_comments(&self, id: DisputeId) -> Result<Vec<Comment>, StorageError>;
}

/// The last line of a statement's page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StatementCursor {
    pub transfer: TransferId,
    pub bucket: Bucket,
}

/// Which lines of a statement to show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StatementFilter {
    pub user: UserId,
    pub asset: Option<Asset>,
    pub after: Option<StatementCursor>,
    pub limit: u32,
}

/// One line of a statement: a journal entry on one of the owner's accounts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StatementEntry {
    pub transfer: TransferId,
    pub kind: PostingKind,
    pub reference: Reference,
    pub bucket: Bucket,
    /// Signed: what the balance of this bucket moved by.
    pub amount: Money,
    pub at: Timestamp,
}

/// Balances and statements.
#[async_trait]
pub trait WalletQueries: Send + Sync {
    /// All accounts of a user, by asset.
    async fn accounts_of(&self, user: UserId) -> Result<Vec<Account>, StorageError>;

    /// Newest transfer first; within a transfer AVAILABLE before HELD.
    async fn statement(
        &self,
        filter: &StatementFilter,
    ) -> Result<Vec<StatementEntry>, StorageError>;
}

/// Accounts of people.
#[async_trait]
pub trait UserQueries: Send + Sync {
    async fn find_user(&self, id: UserId) -> Result<Option<User>, StorageError>;

    async fn find_user_by_email(&self, email: &Email) -> Result<Option<User>, StorageError>;

    async fn find_exchanger(&self, id: UserId) -> Result<Option<Exchanger>, StorageError>;

    /// Frozen exchangers, longest frozen first.
    async fn frozen_exchangers(&self, limit: u32) -> Result<Vec<Exchanger>, StorageError>;
}

/// Which notifications to list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotificationFilter {
    pub user: UserId,
    /// Only unread ones with a greater number: all up to it were read together.
    pub unread_after: Option<u64>,
    /// Only those with smaller numbers.
    pub before: Option<u64>,
    pub limit: u32,
}

/// What people were told.
#[async_trait]
pub trait NotificationQueries: Send + Sync {
    /// `None`: nothing has come yet.
    async fn mailbox(&self, user: UserId) -> Result<Option<Mailbox>, StorageError>;

    /// By number, newest first.
    async fn list_notifications(
        &self,
        filter: &NotificationFilter,
    ) -> Result<Vec<Notification>, StorageError>;

    /// Those with greater numbers, oldest first.
    async fn notifications_after(
        &self,
        user: UserId,
        number: u64,
        limit: u32,
    ) -> Result<Vec<Notification>, StorageError>;

    /// How many with greater numbers are unread, at most `most`.
    async fn count_unread(&self, user: UserId, number: u64, most: u64)
    -> Result<u64, StorageError>;
}

/// Which payment reports to list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReportFilter {
    /// Only those that were applied, or only those that were not.
    pub applied: Option<bool>,
    pub offer: Option<OfferId>,
    pub after: Option<ReportId>,
    pub limit: u32,
}

/// What payment providers have reported.
#[async_trait]
pub trait ReportQueries: Send + Sync {
    /// By id, newest first.
    async fn list_reports(&self, filter: &ReportFilter)
    -> Result<Vec<PaymentReport>, StorageError>;
}

/// Which orders to list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OrderFilter {
    /// Only this user's; `None`: everybody's.
    pub user: Option<UserId>,
    pub status: Option<OrderStatus>,
    pub after: Option<OrderId>,
    pub limit: u32,
}

/// Orders.
#[async_trait]
pub trait OrderQueries: Send + Sync {
    async fn find_order(&self, id: OrderId) -> Result<Option<Order>, StorageError>;

    /// By id, newest first.
    async fn list_orders(&self, filter: &OrderFilter) -> Result<Vec<Order>, StorageError>;
}

/// Payments from account to account.
#[async_trait]
pub trait PaymentQueries: Send + Sync {
    async fn find_payment(&self, id: PaymentId) -> Result<Option<Payment>, StorageError>;

    async fn find_account(&self, id: AccountId) -> Result<Option<Account>, StorageError>;
}

/// Which withdrawals to list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WithdrawalFilter {
    /// Only this user's; `None`: everybody's.
    pub user: Option<UserId>,
    pub status: Option<WithdrawalStatus>,
    pub after: Option<WithdrawalId>,
    pub limit: u32,
}

/// Withdrawals.
#[async_trait]
pub trait WithdrawalQueries: Send + Sync {
    async fn find_withdrawal(&self, id: WithdrawalId) -> Result<Option<Withdrawal>, StorageError>;

    /// By id, newest first.
    async fn list_withdrawals(
        &self,
        filter: &WithdrawalFilter,
    ) -> Result<Vec<Withdrawal>, StorageError>;
}

/// Whose rights are not what they were.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AccessChanges {
    /// Users whose roles were changed, their roles now, and when that was.
    pub roles: Vec<(UserId, Roles, Timestamp)>,
    /// Sessions that were ended, and when.
    pub ended: Vec<(SessionId, Timestamp)>,
}

/// Log-ins and what they need.
#[async_trait]
pub trait AccessQueries: Send + Sync {
    async fn find_session(&self, id: SessionId) -> Result<Option<Session>, StorageError>;

    /// The sessions of a user that have not ended, by id, newest first. Some may be over by their age.
    async fn list_sessions(&self, user: UserId, limit: u32) -> Result<Vec<Session>, StorageError>;

    async fn find_attempts(&self, key: u128) -> Result<Option<FailedAttempts>, StorageError>;

    async fn find_second_factor(&self, user: UserId) -> Result<Option<SecondFactor>, StorageError>;

    /// All such changes at this time or later.
    async fn access_changes(&self, since: Timestamp) -> Result<AccessChanges, StorageError>;
}

/// Which records of the audit trail to show.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TrailFilter {
    pub actor: Option<UserId>,
    pub action: Option<AuditAction>,
    /// The id of what it was done to.
    pub subject: Option<String>,
    /// Only those with smaller numbers.
    pub before: Option<u64>,
    pub limit: u32,
}

/// The audit trail.
#[async_trait]
pub trait TrailQueries: Send + Sync {
    /// By number, newest first.
    async fn list_trail(&self, filter: &TrailFilter) -> Result<Vec<AuditRecord>, StorageError>;

    /// By number, oldest first, from the one behind this number on: to go along the whole trail.
    async fn trail_after(&self, number: u64, limit: u32) -> Result<Vec<AuditRecord>, StorageError>;

    async fn trail_head(&self) -> Result<AuditHead, StorageError>;
}

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

/// All reads.
pub trait Queries:
    OfferQueries
    + ListingQueries
    + DisputeQueries
    + WalletQueries
    + UserQueries
    + NotificationQueries
    + ReportQueries
    + OrderQueries
    + PaymentQueries
    + WithdrawalQueries
    + AccessQueries
    + TrailQueries
    + Maintenance
{
}

impl<T> Queries for T where
    T: OfferQueries
        + ListingQueries
        + DisputeQueries
        + WalletQueries
        + UserQueries
        + NotificationQueries
        + ReportQueries
        + OrderQueries
        + PaymentQueries
        + WithdrawalQueries
        + AccessQueries
        + TrailQueries
        + Maintenance
{
}
