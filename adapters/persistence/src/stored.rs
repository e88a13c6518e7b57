//! What the database needs to know of each aggregate: its rows, and how they are found and locked.

use std::cmp::Ordering;
use std::collections::HashMap;

use p2p_application::aggregates::{Aggregate, Selection};
use p2p_application::ports::StorageError;
use p2p_domain::{OfferId, TypedId};
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::LockType;
use sea_orm::{
    ConnectionTrait, DatabaseTransaction, DbBackend, FromQueryResult, QueryOrder, QuerySelect,
    Select, Statement,
};

use crate::error;
use crate::row;
use crate::table::{StatementLimit, Table, one_of};

/// The model of an aggregate's rows.
pub(crate) type ModelOf<A> = <<A as Stored>::Entity as EntityTrait>::Model;

/// An aggregate that has a table.
pub(crate) trait Stored: Aggregate + TryFrom<ModelOf<Self>, Error = StorageError> {
    type Entity: Table<Model: ModelTrait<Entity = Self::Entity> + FromQueryResult + Send + Sync>;

    fn row(&self, sides: &SidesOfOffers) -> Result<ModelOf<Self>, StorageError>;

    /// The order in which rows are locked and written.
    fn order(&self, other: &Self) -> Ordering {
        self.key().cmp(&other.key())
    }

    /// Loads the selected rows, locked, in the order of their keys.
    fn load(
        rows: Rows<'_>,
        selection: &Selection<Self>,
    ) -> impl Future<Output = Result<Vec<Self>, StorageError>> + Send;
}

/// The sides of an offer, which rows of its disputes repeat.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sides {
    pub(crate) customer: Uuid,
    pub(crate) exchanger: Uuid,
}

pub(crate) type SidesOfOffers = HashMap<OfferId, Sides>;

/// Reads rows within a transaction.
#[derive(Clone, Copy)]
pub(crate) struct Rows<'t> {
    pub(crate) transaction: &'t DatabaseTransaction,
    pub(crate) limit: StatementLimit,
}

impl Rows<'_> {
    pub(crate) fn backend(self) -> DbBackend {
        self.transaction.get_database_backend()
    }

    /// Aggregates by their ids, locked.
    pub(crate) async fn lock<A: Stored>(self, ids: Vec<Uuid>) -> Result<Vec<A>, StorageError> {
        self.keyed(A::Entity::KEY, ids, locked).await
    }

    /// Aggregates by another column, locked.
    pub(crate) async fn lock_of<A: Stored>(
        self,
        column: <A::Entity as EntityTrait>::Column,
        ids: Vec<Uuid>,
    ) -> Result<Vec<A>, StorageError> {
        self.keyed(column, ids, locked).await
    }

    /// Aggregates by their ids, as last committed.
    pub(crate) async fn read<A: Stored>(self, ids: Vec<Uuid>) -> Result<Vec<A>, StorageError> {
        self.keyed(A::Entity::KEY, ids, |select| select).await
    }

    async fn keyed<A: Stored>(
        self,
        column: <A::Entity as EntityTrait>::Column,
        ids: Vec<Uuid>,
        how: fn(Select<A::Entity>) -> Select<A::Entity>,
    ) -> Result<Vec<A>, StorageError> {
        let mut found = Vec::with_capacity(ids.len());
        for ids in self.limit.keys(&ids) {
            let select = A::Entity::find()
                .filter(one_of(self.backend(), column, ids.to_vec()))
                .order_by_asc(A::Entity::KEY);
            found.extend(self.all::<A>(how(select)).await?);
        }
        Ok(found)
    }

    /// The aggregates of a query.
    pub(crate) async fn all<A: Stored>(
        self,
        select: Select<A::Entity>,
    ) -> Result<Vec<A>, StorageError> {
        let found = select.all(self.transaction).await;
        row::all(found.map_err(error::storage)?)
    }

    /// The aggregates of a statement.
    pub(crate) async fn all_of<A: Stored>(
        self,
        statement: Statement,
    ) -> Result<Vec<A>, StorageError> {
        let select = A::Entity::find().from_raw_sql(statement);
        let found = select.all(self.transaction).await;
        row::all(found.map_err(error::storage)?)
    }
}

/// Keys as stored ids.
pub(crate) fn uuids<'k, T: TypedId + 'k>(keys: impl IntoIterator<Item = &'k T>) -> Vec<Uuid> {
    keys.into_iter().copied().map(row::uuid).collect()
}

/// Locks rows with NO KEY UPDATE: no other transaction can change them, while rows that merely refer to them can still be
/// written.
pub(crate) fn locked<E: EntityTrait>(mut select: Select<E>) -> Select<E> {
    QuerySelect::query(&mut select).lock(LockType::NoKeyUpdate);
    select
}
