//! The unit of work: one database transaction.

pub(crate) mod select;
mod write;

use std::collections::HashMap;

use async_trait::async_trait;
use p2p_application::ports::{
    ChangeSet, CustomerPreconditions, IdempotencyKey, IdempotencyRecord, InboxKey,
    OfferPreconditions, OfferSummary, StaffMember, StorageError, Transaction,
};
use p2p_domain::audit_log::AuditHead;
use p2p_domain::payment::PaymentOrigin;
use p2p_domain::refusal::QuotaKind;
use p2p_domain::user::{Email, User};
use p2p_domain::{
    Account, AccountId, AccountKey, Conduct, Dispute, DisputeId, Exchanger, FailedAttempts,
    Listing, ListingId, Mailbox, Notification, NotificationId, Offer, OfferId, Order, OrderId,
    Payment, SecondFactor, Session, SessionId, TypedId, UserId, Withdrawal, WithdrawalId,
};
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::LockType;
use sea_orm::{
    ConnectionTrait, DatabaseTransaction, DbBackend, FromQueryResult, QueryOrder, QuerySelect,
    Select,
};

use crate::audit_log::head;
use crate::ledger::account;
use crate::notification::mailbox;
use crate::pools::finish;
use crate::row;
use crate::table::{StatementLimit, one_of};
use crate::{
    conduct, dispute, error, exchanger, failed_attempts, idempotency, inbox, listing, notification,
    offer, offer_preconditions, order, payment, quota, second_factor, user, withdrawal,
};

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

    /// Reads rows of an entity into the domain.
    async fn rows<E, T>(&mut self, select: Select<E>) -> Result<Vec<T>, StorageError>
    where
        E: EntityTrait,
        E::Model: FromQueryResult + Send + Sync,
        T: TryFrom<E::Model, Error = StorageError>,
    {
        let found = select.all(&self.transaction).await.map_err(error::storage);
        self.track_failure(found.and_then(row::all))
    }

    /// Rows whose `by` is one of these keys, in the order of their own keys.
    async fn keyed<E, T>(
        &mut self,
        (by, key): (E::Column, E::Column),
        keys: Vec<Uuid>,
        how: fn(Select<E>) -> Select<E>,
    ) -> Result<Vec<T>, StorageError>
    where
        E: EntityTrait,
        E::Model: FromQueryResult + Send + Sync,
        T: TryFrom<E::Model, Error = StorageError>,
    {
        let mut found = Vec::with_capacity(keys.len());
        for keys in self.limit.keys(&keys) {
            let select = E::find()
                .filter(one_of(self.backend(), by, keys.to_vec()))
                .order_by_asc(key);
            found.extend(self.rows::<E, T>(how(select)).await?);
        }
        Ok(found)
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

fn uuids<T: TypedId>(ids: &[T]) -> Vec<Uuid> {
    ids.iter().copied().map(row::uuid).collect()
}

/// What a unit of work is about to change, nobody else may.
fn locked<E: EntityTrait>(mut select: Select<E>) -> Select<E> {
    QuerySelect::query(&mut select).lock(LockType::NoKeyUpdate);
    select
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

    async fn lock_users(
        &mut self,
        ids: &[UserId],
        emails: &[Email],
    ) -> Result<Vec<User>, StorageError> {
        let ids: Vec<Uuid> = ids
            .iter()
            .copied()
            .map(row::uuid)
            .filter(|id| !row::is_system(*id))
            .collect();
        let emails: Vec<String> = emails
            .iter()
            .map(|email| email.as_str().to_owned())
            .filter(|email| row::storable(email))
            .collect();
        if ids.is_empty() && emails.is_empty() {
            return Ok(Vec::new());
        }
        let select = select::users(self.backend(), ids, emails);
        let found = locked(select).all(&self.transaction).await;
        let mut found = self.track_failure(found.map_err(error::storage))?;
        found.retain(|user| !row::is_system(user.id));
        self.track_failure(row::all(found))
    }

    async fn lock_attempts(&mut self, keys: &[u128]) -> Result<Vec<FailedAttempts>, StorageError> {
        let columns = (failed_attempts::Column::Key, failed_attempts::Column::Key);
        self.keyed::<failed_attempts::Entity, _>(
            columns,
            keys.iter().copied().map(Uuid::from_u128).collect(),
            locked,
        )
        .await
    }

    async fn lock_second_factors(
        &mut self,
        users: &[UserId],
    ) -> Result<Vec<SecondFactor>, StorageError> {
        let columns = (second_factor::Column::UserId, second_factor::Column::UserId);
        self.keyed::<second_factor::Entity, _>(columns, uuids(users), locked)
            .await
    }

    async fn lock_sessions(
        &mut self,
        ids: &[SessionId],
        of: &[UserId],
    ) -> Result<Vec<Session>, StorageError> {
        if ids.is_empty() && of.is_empty() {
            return Ok(Vec::new());
        }
        let select = select::sessions(self.backend(), uuids(ids), uuids(of));
        self.rows(locked(select)).await
    }

    async fn lock_offers(&mut self, ids: &[OfferId]) -> Result<Vec<Offer>, StorageError> {
        let columns = (offer::Column::Id, offer::Column::Id);
        self.keyed::<offer::Entity, _>(columns, uuids(ids), locked)
            .await
    }

    async fn lock_disputes(&mut self, offers: &[OfferId]) -> Result<Vec<Dispute>, StorageError> {
        let columns = (dispute::Column::OfferId, dispute::Column::Id);
        self.keyed::<dispute::Entity, _>(columns, uuids(offers), locked)
            .await
    }

    async fn lock_exchangers(&mut self, ids: &[UserId]) -> Result<Vec<Exchanger>, StorageError> {
        let columns = (exchanger::Column::UserId, exchanger::Column::UserId);
        self.keyed::<exchanger::Entity, _>(columns, uuids(ids), locked)
            .await
    }

    async fn read_exchangers(&mut self, ids: &[UserId]) -> Result<Vec<Exchanger>, StorageError> {
        let columns = (exchanger::Column::UserId, exchanger::Column::UserId);
        self.keyed::<exchanger::Entity, _>(columns, uuids(ids), |select| select)
            .await
    }

    async fn lock_listings(
        &mut self,
        ids: &[ListingId],
        active_of: &[UserId],
    ) -> Result<Vec<Listing>, StorageError> {
        if ids.is_empty() && active_of.is_empty() {
            return Ok(Vec::new());
        }
        let select = select::listings(self.backend(), uuids(ids), uuids(active_of));
        self.rows(locked(select)).await
    }

    async fn lock_withdrawals(
        &mut self,
        ids: &[WithdrawalId],
    ) -> Result<Vec<Withdrawal>, StorageError> {
        let columns = (withdrawal::Column::Id, withdrawal::Column::Id);
        self.keyed::<withdrawal::Entity, _>(columns, uuids(ids), locked)
            .await
    }

    async fn lock_orders(&mut self, ids: &[OrderId]) -> Result<Vec<Order>, StorageError> {
        let columns = (order::Column::Id, order::Column::Id);
        self.keyed::<order::Entity, _>(columns, uuids(ids), locked)
            .await
    }

    async fn lock_payments(
        &mut self,
        origins: &[PaymentOrigin],
    ) -> Result<Vec<Payment>, StorageError> {
        let (mut orders, mut callers) = (Vec::new(), Vec::new());
        for origin in origins {
            match origin {
                PaymentOrigin::Order(order) => orders.push(row::uuid(*order)),
                PaymentOrigin::Caller { user, key } if row::storable(key) => {
                    callers.push((row::uuid(*user), key.clone()));
                }
                PaymentOrigin::Caller { .. } => {}
            }
        }
        // Those of orders first, as origins are sorted.
        let mut found = Vec::with_capacity(origins.len());
        for keys in self.limit.keys(&orders) {
            let select = select::payments_of_orders(self.backend(), keys.to_vec());
            found.extend(self.rows::<_, Payment>(locked(select)).await?);
        }
        for keys in self.limit.texts(&callers) {
            let statement = select::payments_of_callers(self.backend(), keys);
            let select = payment::Entity::find().from_raw_sql(statement);
            let rows = select.all(&self.transaction).await.map_err(error::storage);
            let payments: Vec<Payment> = self.track_failure(rows.and_then(row::all))?;
            found.extend(payments);
        }
        Ok(found)
    }

    async fn account_keys(
        &mut self,
        ids: &[AccountId],
    ) -> Result<Vec<(AccountId, AccountKey)>, StorageError> {
        let columns = (account::Column::Id, account::Column::Id);
        let accounts: Vec<Account> = self
            .keyed::<account::Entity, _>(columns, uuids(ids), |select| select)
            .await?;
        Ok(accounts
            .iter()
            .map(|account| (account.id, account.key))
            .collect())
    }

    async fn lock_accounts(&mut self, keys: &[AccountKey]) -> Result<Vec<Account>, StorageError> {
        let mut keys: Vec<(Uuid, &'static str)> = keys
            .iter()
            .filter_map(|key| Some((account::stored_owner(key.owner)?, key.asset.code())))
            .collect();
        // In the order in which they are locked (see `account::order`), over all portions.
        keys.sort_unstable();
        let mut found = Vec::with_capacity(keys.len());
        for keys in self.limit.keys(&keys) {
            let statement = select::accounts(self.backend(), keys);
            let select = account::Entity::find().from_raw_sql(statement);
            let rows = select.all(&self.transaction).await.map_err(error::storage);
            let accounts: Vec<Account> = self.track_failure(rows.and_then(row::all))?;
            found.extend(accounts);
        }
        Ok(found)
    }

    async fn lock_mailboxes(&mut self, users: &[UserId]) -> Result<Vec<Mailbox>, StorageError> {
        let columns = (mailbox::Column::UserId, mailbox::Column::UserId);
        self.keyed::<mailbox::Entity, _>(columns, uuids(users), locked)
            .await
    }

    async fn lock_notifications(
        &mut self,
        ids: &[NotificationId],
    ) -> Result<Vec<Notification>, StorageError> {
        let columns = (notification::Column::Id, notification::Column::Id);
        self.keyed::<notification::Entity, _>(columns, uuids(ids), locked)
            .await
    }

    async fn read_conducts(&mut self, users: &[UserId]) -> Result<Vec<Conduct>, StorageError> {
        let columns = (conduct::Column::UserId, conduct::Column::UserId);
        self.keyed::<conduct::Entity, _>(columns, uuids(users), |select| select)
            .await
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
        let conducts = self.read_conducts(customers).await?;
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
