//! The unit of work: one database transaction.

use std::collections::HashMap;

use application::ports::{Changes, ListingHead, Saved, StorageError, Transaction};
use async_trait::async_trait;
use domain::user::{Email, User};
use domain::{
    Account, AccountKey, Dispute, DisputeId, Exchanger, Listing, ListingId, Offer, OfferId, UserId,
};
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{LockType, Value};
use sea_orm::{
    Condition, ConnectionTrait, DatabaseTransaction, DbBackend, FromQueryResult, QueryOrder,
    QuerySelect, Select, Statement,
};

use crate::database::finish;
use crate::ledger::{account, journal};
use crate::row;
use crate::table::{
    self, Room, Table, id_array, one_of, one_of_texts, padded, placeholders, text_array,
};
use crate::{dispute, error, exchanger, listing, offer, outbox, user};

/// One transaction. Its rows are locked with NO KEY UPDATE: nobody else can change them, while rows that merely refer to
/// them can still be written.
pub(crate) struct Unit {
    transaction: DatabaseTransaction,
    room: Room,
    /// A statement has failed: PostgreSQL would answer COMMIT with a silent rollback.
    failed: bool,
}

impl Unit {
    pub(crate) const fn new(transaction: DatabaseTransaction, room: Room) -> Self {
        Self {
            transaction,
            room,
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
        self.noting(found.and_then(row::all))
    }

    fn noting<T>(&mut self, outcome: Result<T, StorageError>) -> Result<T, StorageError> {
        self.failed |= outcome.is_err();
        outcome
    }
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
        let mut found = Vec::with_capacity(disputes.len());
        for keys in self.room.keys(disputes) {
            let keys = keys.iter().copied().map(row::uuid).collect();
            let pairs: Result<Vec<(Uuid, Uuid)>, DbErr> = dispute::Entity::find()
                .select_only()
                .columns([dispute::Column::Id, dispute::Column::OfferId])
                .filter(one_of(self.backend(), dispute::Column::Id, keys))
                .into_tuple()
                .all(&self.transaction)
                .await;
            let pairs = self.noting(pairs.map_err(error::storage))?;
            found.extend(
                pairs
                    .into_iter()
                    .map(|(dispute, offer)| (row::id(dispute), row::id(offer))),
            );
        }
        Ok(found)
    }

    async fn listing_heads(
        &mut self,
        listings: &[ListingId],
    ) -> Result<Vec<ListingHead>, StorageError> {
        let mut found = Vec::with_capacity(listings.len());
        for keys in self.room.keys(listings) {
            let keys = keys.iter().copied().map(row::uuid).collect();
            let heads = listing::Entity::find()
                .select_only()
                .columns([
                    listing::Column::Id,
                    listing::Column::ExchangerId,
                    listing::Column::ExchangeType,
                    listing::Column::Asset,
                ])
                .filter(one_of(self.backend(), listing::Column::Id, keys))
                .into_model::<listing::Head>()
                .all(&self.transaction)
                .await;
            let heads: Vec<ListingHead> =
                self.noting(heads.map_err(error::storage).and_then(row::all))?;
            found.extend(heads);
        }
        Ok(found)
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
        let select = users(self.backend(), ids, emails);
        let found = locked(select).all(&self.transaction).await;
        let mut found = self.noting(found.map_err(error::storage))?;
        found.retain(|user| !row::is_system(user.id));
        self.noting(row::all(found))
    }

    async fn lock_offers(&mut self, ids: &[OfferId]) -> Result<Vec<Offer>, StorageError> {
        let mut found = Vec::with_capacity(ids.len());
        for keys in self.room.keys(ids) {
            let keys = keys.iter().copied().map(row::uuid).collect();
            let select = offer::Entity::find()
                .filter(one_of(self.backend(), offer::Column::Id, keys))
                .order_by_asc(offer::Column::Id);
            found.extend(self.rows::<_, Offer>(locked(select)).await?);
        }
        Ok(found)
    }

    async fn lock_disputes(&mut self, offers: &[OfferId]) -> Result<Vec<Dispute>, StorageError> {
        let mut found = Vec::new();
        for keys in self.room.keys(offers) {
            let keys = keys.iter().copied().map(row::uuid).collect();
            let select = dispute::Entity::find()
                .filter(one_of(self.backend(), dispute::Column::OfferId, keys))
                .order_by_asc(dispute::Column::Id);
            found.extend(self.rows::<_, Dispute>(locked(select)).await?);
        }
        Ok(found)
    }

    async fn lock_exchangers(&mut self, ids: &[UserId]) -> Result<Vec<Exchanger>, StorageError> {
        let mut found = Vec::with_capacity(ids.len());
        for keys in self.room.keys(ids) {
            let keys = keys.iter().copied().map(row::uuid).collect();
            let select = exchanger::Entity::find()
                .filter(one_of(self.backend(), exchanger::Column::UserId, keys))
                .order_by_asc(exchanger::Column::UserId);
            found.extend(self.rows::<_, Exchanger>(locked(select)).await?);
        }
        Ok(found)
    }

    async fn lock_listings(
        &mut self,
        ids: &[ListingId],
        active_of: &[UserId],
    ) -> Result<Vec<Listing>, StorageError> {
        if ids.is_empty() && active_of.is_empty() {
            return Ok(Vec::new());
        }
        let ids = ids.iter().copied().map(row::uuid).collect();
        let owners = active_of.iter().copied().map(row::uuid).collect();
        let select = listings(self.backend(), ids, owners);
        self.rows(locked(select)).await
    }

    async fn lock_accounts(&mut self, keys: &[AccountKey]) -> Result<Vec<Account>, StorageError> {
        let mut keys: Vec<(Uuid, &'static str)> = keys
            .iter()
            .filter_map(|key| Some((account::stored_owner(key.owner)?, key.asset.code())))
            .collect();
        // In the order in which they are locked, over all portions.
        keys.sort_unstable();
        let mut found = Vec::with_capacity(keys.len());
        for keys in self.room.keys(&keys) {
            let statement = accounts(self.backend(), keys);
            let select = account::Entity::find().from_raw_sql(statement);
            let rows = select.all(&self.transaction).await.map_err(error::storage);
            let accounts: Vec<Account> = self.noting(rows.and_then(row::all))?;
            found.extend(accounts);
        }
        Ok(found)
    }

    async fn commit(self: Box<Self>, changes: &Changes) -> Result<(), StorageError> {
        let outcome = if self.failed {
            Err(StorageError::Rejected {
                what: "a unit of work that has failed can't be committed".to_owned(),
            })
        } else {
            write(&self.transaction, self.room, changes).await
        };
        finish(self.transaction, outcome).await
    }

    async fn rollback(self: Box<Self>) -> Result<(), StorageError> {
        self.transaction.rollback().await.map_err(error::storage)
    }
}

/// Users by id or by e-mail address; at least one of them is asked for.
pub(crate) fn users(
    backend: DbBackend,
    ids: Vec<Uuid>,
    emails: Vec<String>,
) -> Select<user::Entity> {
    let mut wanted = Condition::any();
    if !ids.is_empty() {
        wanted = wanted.add(one_of(backend, user::Column::Id, ids));
    }
    if !emails.is_empty() {
        wanted = wanted.add(one_of_texts(backend, user::Column::Email, emails));
    }
    user::Entity::find()
        .filter(wanted)
        .order_by_asc(user::Column::Id)
}

/// Listings by id, and the ACTIVE ones of owners; at least one of them is asked for.
pub(crate) fn listings(
    backend: DbBackend,
    ids: Vec<Uuid>,
    owners: Vec<Uuid>,
) -> Select<listing::Entity> {
    let mut wanted = Condition::any();
    if !ids.is_empty() {
        wanted = wanted.add(one_of(backend, listing::Column::Id, ids));
    }
    if !owners.is_empty() {
        // The second condition follows from the first; it is the partial index's own, which SQLite wants to read.
        let active = Condition::all()
            .add(one_of(backend, listing::Column::ExchangerId, owners))
            .add(Expr::cust("state = 'ACTIVE'"))
            .add(Expr::cust("state <> 'CLOSED'"));
        wanted = wanted.add(active);
    }
    listing::Entity::find()
        .filter(wanted)
        .order_by_asc(listing::Column::Id)
}

/// Accounts by owner and asset, locked in that order. Two columns make the key: no builder knows both databases' words.
pub(crate) fn accounts(backend: DbBackend, keys: &[(Uuid, &'static str)]) -> Statement {
    const COLUMNS: &str =
        "a.\"id\", a.\"owner_id\", a.\"asset\", a.\"available\", a.\"held\", a.\"version\"";
    if backend == DbBackend::Postgres {
        let sql = format!(
            "SELECT {COLUMNS} FROM UNNEST($1::uuid[], $2::text[]) AS k (owner_id, asset) \
             JOIN accounts AS a ON a.owner_id = k.owner_id AND a.asset = k.asset \
             ORDER BY a.owner_id, a.asset FOR NO KEY UPDATE OF a"
        );
        let owners = id_array(keys.iter().map(|(owner, _)| *owner));
        let assets = text_array(keys.iter().map(|(_, asset)| (*asset).to_owned()));
        Statement::from_sql_and_values(backend, sql, [owners, assets])
    } else {
        let keys = padded(keys.to_vec());
        let sql = format!(
            "SELECT {COLUMNS} FROM accounts AS a WHERE (a.owner_id, a.asset) IN (VALUES {}) \
             ORDER BY a.owner_id, a.asset",
            placeholders(2, keys.len())
        );
        let values = keys
            .into_iter()
            .flat_map(|(owner, asset)| [Value::from(owner), Value::from(asset)]);
        Statement::from_sql_and_values(backend, sql, values)
    }
}

/// Writes everything, what is referred to before what refers to it.
async fn write(
    transaction: &DatabaseTransaction,
    room: Room,
    changes: &Changes,
) -> Result<(), StorageError> {
    save::<user::Entity>(
        transaction,
        room,
        rows(&changes.users, user::Model::try_from)?,
    )
    .await?;
    save::<account::Entity>(
        transaction,
        room,
        rows(&changes.accounts, account::Model::try_from)?,
    )
    .await?;
    save::<exchanger::Entity>(
        transaction,
        room,
        rows(&changes.exchangers, exchanger::Model::try_from)?,
    )
    .await?;
    save::<listing::Entity>(
        transaction,
        room,
        rows(&changes.listings, listing::Model::try_from)?,
    )
    .await?;
    save::<offer::Entity>(
        transaction,
        room,
        rows(&changes.offers, offer::Model::try_from)?,
    )
    .await?;
    let history = changes.history.iter().map(offer::history::Model::try_from);
    table::insert::<offer::history::Entity>(transaction, room, history.collect::<Result<_, _>>()?)
        .await?;
    let sides = sides(transaction, room, changes).await?;
    let disputes = rows(&changes.disputes, |dispute| {
        let sides = sides.get(&dispute.offer);
        let sides = sides.ok_or_else(|| StorageError::Rejected {
            what: "a dispute of a deal that is not there".to_owned(),
        })?;
        dispute::Model::of(dispute, *sides)
    })?;
    save::<dispute::Entity>(transaction, room, disputes).await?;
    let comments = changes.comments.iter().map(dispute::comment::Model::from);
    table::insert::<dispute::comment::Entity>(transaction, room, comments.collect()).await?;
    let entries = changes.transfers.iter().flat_map(journal::rows);
    table::insert::<journal::Entity>(transaction, room, entries.collect()).await?;
    let messages = changes.outbox.iter().map(outbox::Model::try_from);
    table::insert::<outbox::Entity>(transaction, room, messages.collect::<Result<_, _>>()?).await
}

/// What of a table is new, and what has changed since it was loaded with a version.
struct Rows<M> {
    new: Vec<M>,
    changed: Vec<(M, i64)>,
}

fn rows<'a, M, T>(
    saved: &'a [Saved<T>],
    to_row: impl Fn(&'a T) -> Result<M, StorageError>,
) -> Result<Rows<M>, StorageError> {
    let (mut new, mut changed) = (Vec::new(), Vec::new());
    for one in saved {
        let row = to_row(&one.value)?;
        match one.loaded_version {
            None => new.push(row),
            Some(version) => changed.push((row, row::stored(version)?)),
        }
    }
    Ok(Rows { new, changed })
}

async fn save<E>(
    transaction: &DatabaseTransaction,
    room: Room,
    rows: Rows<E::Model>,
) -> Result<(), StorageError>
where
    E: Table,
    E::Model: ModelTrait<Entity = E>,
{
    table::insert::<E>(transaction, room, rows.new).await?;
    table::update::<E>(transaction, room, rows.changed).await
}

/// The sides of the deals that these disputes are about: at hand as a rule, since a dispute changes its deal.
async fn sides(
    transaction: &DatabaseTransaction,
    room: Room,
    changes: &Changes,
) -> Result<HashMap<OfferId, dispute::Sides>, StorageError> {
    if changes.disputes.is_empty() {
        return Ok(HashMap::new());
    }
    let mut sides: HashMap<OfferId, dispute::Sides> = changes
        .offers
        .iter()
        .map(|saved| {
            let terms = &saved.value.terms;
            let sides = dispute::Sides {
                customer: row::uuid(terms.customer),
                exchanger: row::uuid(terms.exchanger),
            };
            (saved.value.id, sides)
        })
        .collect();
    let mut missing: Vec<OfferId> = changes
        .disputes
        .iter()
        .map(|saved| saved.value.offer)
        .filter(|offer| !sides.contains_key(offer))
        .collect();
    missing.sort_unstable();
    missing.dedup();
    for keys in room.keys(&missing) {
        let keys = keys.iter().copied().map(row::uuid).collect();
        let found: Vec<(Uuid, Uuid, Uuid)> = offer::Entity::find()
            .select_only()
            .columns([
                offer::Column::Id,
                offer::Column::CustomerId,
                offer::Column::ExchangerId,
            ])
            .filter(one_of(
                transaction.get_database_backend(),
                offer::Column::Id,
                keys,
            ))
            .into_tuple()
            .all(transaction)
            .await
            .map_err(error::storage)?;
        sides.extend(found.into_iter().map(|(offer, customer, exchanger)| {
            let sides = dispute::Sides {
                customer,
                exchanger,
            };
            (row::id(offer), sides)
        }));
    }
    Ok(sides)
}
