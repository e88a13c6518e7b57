//! A unit of work.

use async_trait::async_trait;
use p2p_domain::audit_log::AuditHead;
use p2p_domain::refusal::QuotaKind;
use p2p_domain::{
    Account, AccountId, AccountKey, Conduct, Dispute, DisputeId, Exchanger, FailedAttempts,
    Listing, ListingId, Mailbox, Notification, Offer, OfferId, Order, Payment, SecondFactor,
    Session, User, UserId, Withdrawal,
};

use super::changes::ChangeSet;
use super::error::StorageError;
use super::facts::{OfferPreconditions, OfferSummary, StaffMember};
use super::idempotency::{IdempotencyKey, IdempotencyRecord};
use super::inbox::InboxKey;
use crate::aggregates::{Aggregate, Selection};
use crate::for_each_aggregate;

/// Loads aggregates of a kind.
#[async_trait]
pub trait Load<A: Aggregate>: Send {
    /// Loads the selected rows, each once, and locks them so that no other unit of work can change them until this one ends.
    /// Keys that name nothing are left out. Only [`Conduct`] is not locked: a change by another unit of work in between is a
    /// conflict at the commit.
    async fn load(&mut self, selection: &Selection<A>) -> Result<Vec<A>, StorageError>;
}

macro_rules! load_every {
    ($($table:ident: $aggregate:ident $by:tt,)*) => {
        /// Loads aggregates of every kind.
        pub trait LoadEvery: $(Load<$aggregate> +)* {}
        impl<T: $(Load<$aggregate> +)*> LoadEvery for T {}
    };
}

for_each_aggregate!(load_every);

/// A unit of work.
///
/// The methods that load and lock rows are called in one order, each at most once: first those of this trait up to
/// [`known_users`](Self::known_users), then [`Load::load`] for each aggregate in the order of
/// [`for_each_aggregate`], last [`lock_audit_head`](Self::lock_audit_head). Keys are sorted, without repetition. All units of
/// work lock in one order, so they cannot deadlock. Keys that name nothing are left out of the result. Dropping a unit of work
/// without committing rolls it back.
#[async_trait]
pub trait Transaction: LoadEvery + Send {
    /// The offers that disputes are about. They never change, so they are not locked.
    async fn offers_of_disputes(
        &mut self,
        disputes: &[DisputeId],
    ) -> Result<Vec<(DisputeId, OfferId)>, StorageError>;

    /// The exchangers of listings. They never change, so they are not locked.
    async fn exchangers_of_listings(
        &mut self,
        listings: &[ListingId],
    ) -> Result<Vec<(ListingId, UserId)>, StorageError>;

    /// Which of these messages have taken effect before; not locked. A message that is processed twice at the same time is a
    /// conflict at the commit.
    async fn processed(&mut self, keys: &[InboxKey]) -> Result<Vec<InboxKey>, StorageError>;

    /// The stored replies to these requests; not locked. A request that is answered twice at the same time is a conflict at
    /// the commit.
    async fn replies(
        &mut self,
        keys: &[IdempotencyKey],
    ) -> Result<Vec<IdempotencyRecord>, StorageError>;

    /// The parts of offers that never change; not locked.
    async fn offer_summaries(
        &mut self,
        offers: &[OfferId],
    ) -> Result<Vec<OfferSummary>, StorageError>;

    /// All moderators and administrators, by id; not locked.
    async fn staff(&mut self) -> Result<Vec<StaffMember>, StorageError>;

    /// Which of these users exist; not locked, since users are never removed.
    async fn known_users(&mut self, ids: &[UserId]) -> Result<Vec<UserId>, StorageError>;

    /// Exchangers as last committed; not locked, so it may be called at any time and more than once. A change by another unit
    /// of work in between is a conflict at the commit.
    async fn read_exchangers(&mut self, ids: &[UserId]) -> Result<Vec<Exchanger>, StorageError>;

    /// The keys of accounts, called before accounts are loaded. They never change, so they are not locked.
    async fn account_keys(
        &mut self,
        ids: &[AccountId],
    ) -> Result<Vec<(AccountId, AccountKey)>, StorageError>;

    /// What an offer on a listing depends on besides locked rows: the exchangers' records, the customers' conduct, and how
    /// many open offers the customers have, counted up to `most`. Called before conducts are loaded; locks nothing.
    async fn offer_preconditions(
        &mut self,
        customers: &[UserId],
        exchangers: &[UserId],
        most: u32,
    ) -> Result<OfferPreconditions, StorageError>;

    /// How many of these each user has, counted up to `most`; locks nothing. While the row that guards them is locked (an
    /// exchanger's record, an account) no other unit of work adds to them.
    async fn quota_counts(
        &mut self,
        wanted: &[(QuotaKind, UserId)],
        most: u32,
    ) -> Result<Vec<(QuotaKind, UserId, u32)>, StorageError>;

    /// The end of the audit log, locked: only this unit of work may append to it. It is locked last, for the shortest time.
    async fn lock_audit_head(&mut self) -> Result<AuditHead, StorageError>;

    /// Writes everything and commits, durably; all or nothing. A row whose stored version is not the expected one is a
    /// [`StorageError::Conflict`].
    async fn commit(self: Box<Self>, changes: &ChangeSet) -> Result<(), StorageError>;

    /// Ends the unit of work without a trace.
    async fn rollback(self: Box<Self>) -> Result<(), StorageError>;
}

impl dyn Transaction + '_ {
    /// Loads aggregates by their keys.
    pub async fn load_by_key<A: Aggregate>(
        &mut self,
        keys: &[A::Key],
    ) -> Result<Vec<A>, StorageError>
    where
        Self: Load<A>,
    {
        self.load_by(keys, &[]).await
    }

    /// Loads aggregates by their keys, and those that belong to others.
    pub async fn load_by<A: Aggregate>(
        &mut self,
        keys: &[A::Key],
        others: &[A::Other],
    ) -> Result<Vec<A>, StorageError>
    where
        Self: Load<A>,
    {
        let selection = Selection {
            keys: keys.iter().cloned().collect(),
            others: others.iter().cloned().collect(),
        };
        Load::<A>::load(self, &selection).await
    }
}
