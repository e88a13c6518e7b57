//! Looking at disputes.

use async_trait::async_trait;
use p2p_application::dispute::{DisputeFilter, DisputeQueries};
use p2p_application::ports::StorageError;
use p2p_domain::dispute::Comment;
use p2p_domain::{Dispute, DisputeId, OfferId};
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{Query, SelectStatement, UnionType};
use sea_orm::{FromQueryResult, Iterable, Order, QueryOrder, QuerySelect, QueryTrait, Select};

use super::{Column, Entity, Model, comment};
use crate::database::Database;
use crate::error;
use crate::row;

#[async_trait]
impl DisputeQueries for Database {
    async fn find_dispute(&self, id: DisputeId) -> Result<Option<Dispute>, StorageError> {
        let found = Entity::find_by_id(row::uuid(id)).one(self.reader()).await;
        row::maybe(found.map_err(error::storage)?)
    }

    async fn disputes_of(&self, offer: OfferId) -> Result<Vec<Dispute>, StorageError> {
        let found = Entity::find()
            .filter(Column::OfferId.eq(row::uuid(offer)))
            .order_by_asc(Column::Id)
            .all(self.reader())
            .await;
        row::all(found.map_err(error::storage)?)
    }

    async fn list_disputes(&self, filter: &DisputeFilter) -> Result<Vec<Dispute>, StorageError> {
        let found = self.reader().query_all(&page(filter)).await;
        let rows = found
            .map_err(error::storage)?
            .iter()
            .map(|row| Model::from_query_result(row, ""))
            .collect::<Result<Vec<_>, _>>()
            .map_err(error::storage)?;
        row::all(rows)
    }

    async fn dispute_comments(&self, id: DisputeId) -> Result<Vec<Comment>, StorageError> {
        let found = comment::Entity::find()
            .filter(comment::Column::DisputeId.eq(row::uuid(id)))
            .order_by_asc(comment::Column::Id)
            .all(self.reader())
            .await;
        row::all(found.map_err(error::storage)?)
    }
}

/// The oldest disputes that the filter means. A user's come from two indexes, one for each side.
pub(crate) fn page(filter: &DisputeFilter) -> SelectStatement {
    let Some(user) = filter.side else {
        return oldest(Entity::find(), filter);
    };
    let mut select = branch(filter, Column::CustomerId, row::uuid(user));
    select.union(
        UnionType::All,
        branch(filter, Column::ExchangerId, row::uuid(user)),
    );
    select
        .order_by(Column::Id, Order::Asc)
        .limit(u64::from(filter.limit))
        .take()
}

fn branch(filter: &DisputeFilter, side: Column, user: Uuid) -> SelectStatement {
    let page = oldest(Entity::find().filter(side.eq(user)), filter);
    Query::select()
        .columns(Column::iter())
        .from_subquery(page, "page")
        .take()
}

fn oldest(mut select: Select<Entity>, filter: &DisputeFilter) -> SelectStatement {
    if let Some(open) = filter.open {
        // As the partial index says it, so that it is used.
        select = select.filter(Expr::cust(if open {
            "state = 'OPEN'"
        } else {
            "state = 'RESOLVED'"
        }));
    }
    if let Some(after) = filter.after {
        select = select.filter(Column::Id.gt(row::uuid(after)));
    }
    select
        .order_by_asc(Column::Id)
        .limit(u64::from(filter.limit))
        .into_query()
}
