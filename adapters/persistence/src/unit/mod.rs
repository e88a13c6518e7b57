//! The unit of work: one database transaction.

mod write;

use std::collections::HashMap;

use async_trait::async_trait;
use p2p_application::aggregates::Selection;
use p2p_application::ports::{
    ChangeSet, CustomerPreconditions, IdempotencyKey, IdempotencyRecord, InboxKey, Load,
    OfferPreconditions, OfferSummary, StaffMember, StorageError, Transaction,
};
use p2p_domain::audit_log::AuditHead;
use p2p_domain::refusal::QuotaKind;
use p2p_domain::{
    Account, AccountId, AccountKey, Conduct, DisputeId, Exchanger, ListingId, OfferId, TypedId,
    UserId,
};
use sea_orm::entity::prelude::*;
use sea_orm::{ConnectionTrait, DatabaseTransaction, DbBackend, QuerySelect};

use crate::audit_log::head;
use crate::pools::finish;
use crate::row;
use crate::stored::{Rows, Stored, locked, uuids};
use crate::table::{StatementLimit, one_of};
use crate::{dispute, error, idempotency, inbox, listing, offer, offer_preconditions, quota, user};

/// One transaction. Its rows are locked with NO KEY UPDATE: nobody else can change them, while rows that merely refer to
/// them can still be written.
pub(crate) struct Unit {
    transaction: DatabaseTransaction,
    limit: StatementLimit,
    /// A statement has failed: PostgreSQL would answer COMMIT with a silent rollback.
    failed: bool,
}

impl Unit {
    pub(crate) const fn new(transaction: DatabaseTransaction, limit: StatementLimit) -> Self {
        Self {
            transaction,
            limit,
            failed: false,
        }
    }

    fn backend(&self) -> DbBackend {
        self.transaction.get_database_backend()
    }

    /// What the rows with these keys point to, which never changes.
    async fn references<E, K, V>(
        &mut self,
        (key, other): (E::Column, E::Column),
        keys: &[K],
    ) -> Result<Vec<(K, V)>, StorageError>
    where
        E: EntityTrait,
        K: TypedId,
        V: TypedId,
    {
        let mut found = Vec::with_capacity(keys.len());
        for keys in self.limit.keys(keys) {
            let pairs: Result<Vec<(Uuid, Uuid)>, DbErr> = E::find()
                .select_only()
                .columns([key, other])
                .filter(one_of(self.backend(), key, uuids(keys)))
                .into_tuple()
                .all(&self.transaction)
                .await;
            let pairs = self.track_failure(pairs.map_err(error::storage))?;
            let pairs = pairs.into_iter();
            found.extend(pairs.map(|(key, other)| (row::id(key), row::id(other))));
        }
        Ok(found)
    }

    /// Those of the keys, all of one consumer, that are in the inbox.
    async fn processed_by_one(&mut self, keys: &[InboxKey]) -> Result<Vec<InboxKey>, StorageError> {
        let Some(consumer) = keys.first().map(|key| key.consumer) else {
            return Ok(Vec::new());
        };
        let messages = keys
            .iter()
            .map(|key| key.message.clone())
            .filter(|message| row::storable(message))
            .collect();
        let select = inbox::of(self.backend(), consumer, messages);
        let found = select.into_tuple().all(&self.transaction).await;
        let found: Vec<String> = self.track_failure(found.map_err(error::storage))?;
        let taken = found
            .into_iter()
            .map(|message| InboxKey { consumer, message });
        Ok(taken.collect())
    }

    fn rows(&self) -> Rows<'_> {
        Rows {
            transaction: &self.transaction,
            limit: self.limit,
        }
    }

    fn track_failure<T>(&mut self, outcome: Result<T, StorageError>) -> Result<T, StorageError> {
        self.failed |= outcome.is_err();
        outcome
    }
}

/// Writes everything by one statement, which is its own transaction.
pub(crate) async fn commit_at_once(
    connection: &impl ConnectionTrait,
    changes: &ChangeSet,
) -> Result<(), StorageError> {
    write::write(
        connection,
        StatementLimit::Unlimited,
        changes,
        error::at_once,
    )
    .await
}

#[async_trait]
impl<A: Stored> Load<A> for Unit {
    async fn load(&mut self, selection: &Selection<A>) -> Result<Vec<A>, StorageError> {
        let loaded = A::load(self.rows(), selection).await;
        self.track_failure(loaded)
    }
}

#[async_trait]
impl Transaction for Unit {
    async fn offers_of_disputes(
        &mut self,
        disputes: &[DisputeId],
    ) -> Result<Vec<(DisputeId, OfferId)>, StorageError> {
        let columns = (dispute::Column::Id, dispute::Column::OfferId);
        self.references::<dispute::Entity, _, _>(columns, disputes)
            .await
    }

    async fn exchangers_of_listings(
        &mut self,
        listings: &[ListingId],
    ) -> Result<Vec<(ListingId, UserId)>, StorageError> {
        let columns = (listing::Column::Id, listing::Column::ExchangerId);
        self.references::<listing::Entity, _, _>(columns, listings)
            .await
    }

    async fn processed(&mut self, keys: &[InboxKey]) -> Result<Vec<InboxKey>, StorageError> {
        let mut taken = Vec::new();
        for of_one in keys.chunk_by(|one, next| one.consumer == next.consumer) {
            for keys in self.limit.keys(of_one) {
                taken.extend(self.processed_by_one(keys).await?);
            }
        }
        Ok(taken)
    }

    async fn replies(
        &mut self,
        keys: &[IdempotencyKey],
    ) -> Result<Vec<IdempotencyRecord>, StorageError> {
        let known = idempotency::known(&self.transaction, self.limit, keys).await;
        self.track_failure(known)
    }

    async fn offer_summaries(
        &mut self,
        offers: &[OfferId],
    ) -> Result<Vec<OfferSummary>, StorageError> {
        let mut found = Vec::with_capacity(offers.len());
        for keys in self.limit.keys(offers) {
            let keys = keys.iter().copied().map(row::uuid).collect();
            let heads = offer::Entity::find()
                .select_only()
                .columns(offer::Head::COLUMNS)
                .filter(one_of(self.backend(), offer::Column::Id, keys))
                .into_model::<offer::Head>()
                .all(&self.transaction)
                .await;
            let heads: Vec<OfferSummary> =
                self.track_failure(heads.map_err(error::storage).and_then(row::all))?;
            found.extend(heads);
        }
        Ok(found)
    }

    async fn staff(&mut self) -> Result<Vec<StaffMember>, StorageError> {
        let found = user::staff()
            .into_model::<user::StaffRow>()
            .all(&self.transaction)
            .await;
        self.track_failure(found.map_err(error::storage).and_then(row::all))
    }

    async fn known_users(&mut self, ids: &[UserId]) -> Result<Vec<UserId>, StorageError> {
        let known = user::known(&self.transaction, self.limit, ids).await;
        self.track_failure(known)
    }

    async fn read_exchangers(&mut self, ids: &[UserId]) -> Result<Vec<Exchanger>, StorageError> {
        let found = self.rows().read(uuids(ids)).await;
        self.track_failure(found)
    }

    async fn account_keys(
        &mut self,
        ids: &[AccountId],
    ) -> Result<Vec<(AccountId, AccountKey)>, StorageError> {
        let accounts = self.rows().read::<Account>(uuids(ids)).await;
        let accounts = self.track_failure(accounts)?;
        Ok(accounts
            .iter()
            .map(|account| (account.id, account.key))
            .collect())
    }

    async fn quota_counts(
        &mut self,
        wanted: &[(QuotaKind, UserId)],
        most: u32,
    ) -> Result<Vec<(QuotaKind, UserId, u32)>, StorageError> {
        let mut found = Vec::with_capacity(wanted.len());
        for alike in wanted.chunk_by(|(one, _), (next, _)| one == next) {
            let Some((what, _)) = alike.first() else {
                continue;
            };
            let users: Vec<UserId> = alike.iter().map(|(_, user)| *user).collect();
            let counts = quota::count(&self.transaction, self.limit, *what, &users, most).await;
            let counts = self.track_failure(counts)?.into_iter();
            found.extend(counts.map(|(user, count)| (*what, user, count)));
        }
        Ok(found)
    }

    async fn offer_preconditions(
        &mut self,
        customers: &[UserId],
        exchangers: &[UserId],
        most: u32,
    ) -> Result<OfferPreconditions, StorageError> {
        if self.backend() == DbBackend::Postgres {
            let found = offer_preconditions::find(
                &self.transaction,
                self.limit,
                customers,
                exchangers,
                most,
            )
            .await;
            return self.track_failure(found);
        }
        let exchangers = self.read_exchangers(exchangers).await?;
        let conducts = self.rows().read::<Conduct>(uuids(customers)).await;
        let conducts = self.track_failure(conducts)?;
        let mut conducts: HashMap<UserId, Conduct> =
            conducts.into_iter().map(|one| (one.user, one)).collect();
        let what = QuotaKind::OpenOffers;
        let counts = quota::count(&self.transaction, self.limit, what, customers, most).await;
        let counts = self.track_failure(counts)?.into_iter();
        let customers = counts.map(|(user, open_offers)| CustomerPreconditions {
            user,
            conduct: conducts.remove(&user),
            open_offers,
        });
        Ok(OfferPreconditions {
            customers: customers.collect(),
            exchangers,
        })
    }

    async fn lock_audit_head(&mut self) -> Result<AuditHead, StorageError> {
        let found = head::find(&self.transaction, locked).await;
        self.track_failure(found)
    }

    async fn commit(self: Box<Self>, changes: &ChangeSet) -> Result<(), StorageError> {
        let outcome = if self.failed {
            Err(StorageError::Rejected {
                what: "a unit of work that has failed can't be committed".to_owned(),
            })
        } else {
            write::write(&self.transaction, self.limit, changes, error::storage).await
        };
        finish(self.transaction, outcome).await
    }

    async fn rollback(self: Box<Self>) -> Result<(), StorageError> {
        self.transaction.rollback().await.map_err(error::storage)
    }
}
