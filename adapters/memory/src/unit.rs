//! A unit of work: reads the shared tables; no other unit of work begins until it ends.

use std::collections::BTreeMap;

use async_trait::async_trait;
use p2p_application::aggregates::{AggregateKind, Selection};
use p2p_application::ports::{
    ChangeSet, CustomerPreconditions, IdempotencyKey, IdempotencyRecord, InboxKey, Load,
    OfferPreconditions, OfferSummary, StaffMember, StorageError, Transaction,
};
use p2p_domain::audit_log::AuditHead;
use p2p_domain::refusal::QuotaKind;
use p2p_domain::{AccountId, AccountKey, DisputeId, Exchanger, ListingId, OfferId, Role, UserId};
use tokio::sync::OwnedMutexGuard;

use crate::faults::Point;
use crate::store::Memory;
use crate::tables::Stored;

/// A step of loading.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    OffersOfDisputes,
    ExchangersOfListings,
    Processed,
    Replies,
    OfferSummaries,
    Staff,
    KnownUsers,
    /// What is read just before rows of this kind are loaded.
    Before(AggregateKind),
    Rows(AggregateKind),
    QuotaCounts,
    AuditHead,
}

impl Step {
    /// Steps are taken in the order of their places.
    const fn place(self) -> (u8, u8, u8) {
        match self {
            Self::OffersOfDisputes => (0, 0, 0),
            Self::ExchangersOfListings => (0, 0, 1),
            Self::Processed => (0, 0, 2),
            Self::Replies => (0, 0, 3),
            Self::OfferSummaries => (0, 0, 4),
            Self::Staff => (0, 0, 5),
            Self::KnownUsers => (0, 0, 6),
            Self::Before(kind) => (1, kind as u8, 0),
            Self::Rows(kind) => (1, kind as u8, 1),
            Self::QuotaCounts => (2, 0, 0),
            Self::AuditHead => (2, 0, 1),
        }
    }
}

#[derive(Debug)]
pub(crate) struct Unit {
    memory: Memory,
    /// Keeps other units of work waiting until this one ends.
    _turn: OwnedMutexGuard<()>,
    last: Option<Step>,
}

impl Unit {
    pub(crate) const fn new(memory: Memory, turn: OwnedMutexGuard<()>) -> Self {
        Self {
            memory,
            _turn: turn,
            last: None,
        }
    }

    /// Steps are taken in one order, each at most once: otherwise a database would deadlock some day.
    async fn step(&mut self, step: Step) -> Result<(), StorageError> {
        self.memory.faults().visit(Point::Load).await?;
        if self.last.is_some_and(|last| last.place() >= step.place()) {
            let last = self.last;
            return Err(misuse(format!("{step:?} is taken after {last:?}")));
        }
        self.last = Some(step);
        Ok(())
    }
}

fn misuse(what: String) -> StorageError {
    StorageError::Rejected { what }
}

/// Keys come sorted and without repetition, for the same reason.
fn ordered<K: Ord>(step: Step, keys: &[K]) -> Result<(), StorageError> {
    if keys.is_sorted_by(|one, next| one < next) {
        Ok(())
    } else {
        Err(misuse(format!("the keys of {step:?} are not in order")))
    }
}

#[async_trait]
impl<A: Stored> Load<A> for Unit {
    async fn load(&mut self, selection: &Selection<A>) -> Result<Vec<A>, StorageError> {
        self.step(Step::Rows(A::KIND)).await?;
        let tables = self.memory.read();
        let rows = A::slot(&tables);
        let mut found: BTreeMap<A::Key, &A> = BTreeMap::new();
        for key in &selection.keys {
            found.extend(rows.get(key).map(|row| (key.clone(), row)));
        }
        if !selection.others.is_empty() {
            let others = &selection.others;
            let wanted = |row: &&A| others.iter().any(|other| row.belongs_to(other));
            let rows = rows.values().filter(wanted);
            found.extend(rows.map(|row| (row.key(), row)));
        }
        let found = found.into_values();
        found.map(|row| row.read(self.memory.faults())).collect()
    }
}

#[async_trait]
impl Transaction for Unit {
    async fn offers_of_disputes(
        &mut self,
        disputes: &[DisputeId],
    ) -> Result<Vec<(DisputeId, OfferId)>, StorageError> {
        self.step(Step::OffersOfDisputes).await?;
        ordered(Step::OffersOfDisputes, disputes)?;
        let tables = self.memory.read();
        let found = disputes.iter().filter_map(|id| tables.disputes.get(id));
        Ok(found.map(|dispute| (dispute.id, dispute.offer)).collect())
    }

    async fn exchangers_of_listings(
        &mut self,
        listings: &[ListingId],
    ) -> Result<Vec<(ListingId, UserId)>, StorageError> {
        self.step(Step::ExchangersOfListings).await?;
        ordered(Step::ExchangersOfListings, listings)?;
        let tables = self.memory.read();
        let found = listings.iter().filter_map(|id| tables.listings.get(id));
        Ok(found
            .map(|listing| (listing.id, listing.exchanger))
            .collect())
    }

    async fn processed(&mut self, keys: &[InboxKey]) -> Result<Vec<InboxKey>, StorageError> {
        self.step(Step::Processed).await?;
        ordered(Step::Processed, keys)?;
        let tables = self.memory.read();
        let taken = keys.iter().filter(|key| tables.inbox.contains_key(key));
        Ok(taken.cloned().collect())
    }

    async fn replies(
        &mut self,
        keys: &[IdempotencyKey],
    ) -> Result<Vec<IdempotencyRecord>, StorageError> {
        self.step(Step::Replies).await?;
        ordered(Step::Replies, keys)?;
        let tables = self.memory.read();
        let found = keys.iter().filter_map(|key| tables.replies.get(key));
        Ok(found.cloned().collect())
    }

    async fn offer_summaries(
        &mut self,
        offers: &[OfferId],
    ) -> Result<Vec<OfferSummary>, StorageError> {
        self.step(Step::OfferSummaries).await?;
        ordered(Step::OfferSummaries, offers)?;
        let tables = self.memory.read();
        let found = offers.iter().filter_map(|id| tables.offers.get(id));
        Ok(found
            .map(|offer| OfferSummary {
                id: offer.id,
                customer: offer.terms.customer,
                exchanger: offer.terms.exchanger,
                exchange_type: offer.terms.exchange_type,
                amount: offer.terms.amount,
                fiat: offer.terms.fiat,
            })
            .collect())
    }

    async fn staff(&mut self) -> Result<Vec<StaffMember>, StorageError> {
        self.step(Step::Staff).await?;
        let tables = self.memory.read();
        let all = tables.users.values();
        let staff = all.filter(|user| {
            let roles = user.roles;
            [Role::Moderator, Role::Admin]
                .into_iter()
                .any(|role| roles.contains(role))
        });
        Ok(staff
            .map(|user| StaffMember {
                user: user.id,
                roles: user.roles,
            })
            .collect())
    }

    async fn known_users(&mut self, ids: &[UserId]) -> Result<Vec<UserId>, StorageError> {
        self.step(Step::KnownUsers).await?;
        ordered(Step::KnownUsers, ids)?;
        let tables = self.memory.read();
        let known = ids.iter().filter(|id| tables.users.contains_key(id));
        Ok(known.copied().collect())
    }

    async fn read_exchangers(&mut self, ids: &[UserId]) -> Result<Vec<Exchanger>, StorageError> {
        // No step of its own: what is only read may be read at any time.
        self.memory.faults().visit(Point::Load).await?;
        ordered(Step::Rows(AggregateKind::Exchanger), ids)?;
        let tables = self.memory.read();
        let found = ids.iter().filter_map(|id| tables.exchangers.get(id));
        Ok(found.copied().collect())
    }

    async fn account_keys(
        &mut self,
        ids: &[AccountId],
    ) -> Result<Vec<(AccountId, AccountKey)>, StorageError> {
        self.step(Step::Before(AggregateKind::Account)).await?;
        ordered(Step::Before(AggregateKind::Account), ids)?;
        let tables = self.memory.read();
        let found = ids
            .iter()
            .filter_map(|id| Some((*id, *tables.account_ids.get(id)?)));
        Ok(found.collect())
    }

    async fn quota_counts(
        &mut self,
        wanted: &[(QuotaKind, UserId)],
        most: u32,
    ) -> Result<Vec<(QuotaKind, UserId, u32)>, StorageError> {
        self.step(Step::QuotaCounts).await?;
        ordered(Step::QuotaCounts, wanted)?;
        let tables = self.memory.read();
        let counted = wanted
            .iter()
            .map(|(what, user)| (*what, *user, tables.tally(*what, *user, most)));
        Ok(counted.collect())
    }

    async fn offer_preconditions(
        &mut self,
        customers: &[UserId],
        exchangers: &[UserId],
        most: u32,
    ) -> Result<OfferPreconditions, StorageError> {
        self.step(Step::Before(AggregateKind::Conduct)).await?;
        ordered(Step::Before(AggregateKind::Conduct), customers)?;
        ordered(Step::Before(AggregateKind::Conduct), exchangers)?;
        let tables = self.memory.read();
        let standing = |user: &UserId| CustomerPreconditions {
            user: *user,
            conduct: tables.conducts.get(user).copied(),
            open_offers: tables.tally(QuotaKind::OpenOffers, *user, most),
        };
        let found = exchangers.iter().filter_map(|id| tables.exchangers.get(id));
        Ok(OfferPreconditions {
            customers: customers.iter().map(standing).collect(),
            exchangers: found.copied().collect(),
        })
    }

    async fn lock_audit_head(&mut self) -> Result<AuditHead, StorageError> {
        self.step(Step::AuditHead).await?;
        Ok(self.memory.read().audit_head)
    }

    async fn commit(self: Box<Self>, changes: &ChangeSet) -> Result<(), StorageError> {
        self.memory.faults().visit(Point::Commit).await?;
        {
            let mut tables = self.memory.write();
            tables.check(changes)?;
            tables.apply(changes);
        }
        self.memory.count(|tally| tally.committed += 1);
        self.memory.faults().visit(Point::Committed).await
    }

    async fn rollback(self: Box<Self>) -> Result<(), StorageError> {
        self.memory.faults().visit(Point::Rollback).await?;
        self.memory.count(|tally| tally.rolled_back += 1);
        Ok(())
    }
}
