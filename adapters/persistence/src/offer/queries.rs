//! Looking at deals.

use application::ports::{OfferFilter, OfferQueries, StorageError};
use async_trait::async_trait;
use domain::offer::HistoryEntry;
use domain::{Actor, Offer, OfferId, Timestamp};
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{Query, SelectStatement, UnionType};
use sea_orm::{
    ConnectionTrait, DbBackend, ExprTrait, FromQueryResult, Iterable, Order, QueryOrder, QueryTrait,
};

use super::{Column, Entity, Model, history};
use crate::database::Database;
use crate::error;
use crate::row;

#[async_trait]
impl OfferQueries for Database {
    async fn find_offer(&self, id: OfferId) -> Result<Option<Offer>, StorageError> {
        let found = Entity::find_by_id(row::uuid(id)).one(self.reader()).await;
        row::maybe(found.map_err(error::storage)?)
    }

    async fn offer_history(&self, id: OfferId) -> Result<Vec<HistoryEntry>, StorageError> {
        let found = history::Entity::find()
            .filter(history::Column::OfferId.eq(row::uuid(id)))
            .order_by_asc(history::Column::Version)
            .all(self.reader())
            .await;
        row::all(found.map_err(error::storage)?)
    }

    async fn list_offers(&self, filter: &OfferFilter) -> Result<Vec<Offer>, StorageError> {
        let reader = self.reader();
        let Some(select) = page(filter, reader.get_database_backend()) else {
            return Ok(Vec::new());
        };
        let found = reader.query_all(&select).await;
        let rows = found
            .map_err(error::storage)?
            .iter()
            .map(|row| Model::from_query_result(row, ""))
            .collect::<Result<Vec<_>, _>>()
            .map_err(error::storage)?;
        row::all(rows)
    }
}

/// The newest deals of each kind that the filter means, each from its own index and no more than a page of it, and the
/// newest of them all. `None` where it means nothing.
pub(crate) fn page(filter: &OfferFilter, backend: DbBackend) -> Option<SelectStatement> {
    let sides: &[Column] = match filter.side {
        None => &[Column::CustomerId, Column::ExchangerId],
        Some(Actor::Customer) => &[Column::CustomerId],
        Some(Actor::Exchanger) => &[Column::ExchangerId],
        // Nobody else is a side of a deal.
        Some(Actor::Moderator | Actor::System | Actor::Provider) => &[],
    };
    let kinds: &[Kind] = match filter.active_since {
        None => &[Kind::Any],
        Some(since) => &[Kind::Open, Kind::FinishedSince(since)],
    };
    let mut branches = sides.iter().flat_map(|side| {
        kinds
            .iter()
            .map(|kind| branch(filter, *side, *kind, backend))
    });
    let mut select = branches.next()?;
    for branch in branches {
        select.union(UnionType::All, branch);
    }
    select
        .order_by(Column::Id, Order::Desc)
        .limit(u64::from(filter.limit));
    Some(select)
}

#[derive(Clone, Copy)]
enum Kind {
    Any,
    Open,
    FinishedSince(Timestamp),
}

fn branch(filter: &OfferFilter, side: Column, kind: Kind, backend: DbBackend) -> SelectStatement {
    // As the partial index says it, so that it is used.
    let not_called_off = || Expr::cust("status NOT IN ('DECLINED', 'CANCELLED')");
    let mut select = Entity::find().filter(side.eq(row::uuid(filter.user)));
    select = match kind {
        Kind::Any => select,
        Kind::Open => select
            .filter(not_called_off())
            .filter(Column::ClosedAt.is_null()),
        Kind::FinishedSince(since) => select
            .filter(not_called_off())
            .filter(Column::ClosedAt.gte(since.as_micros())),
    };
    // Few deals were finished since then: they are picked out and sorted. SQLite, which does not know how few, would
    // rather walk through all deals in the order of their ids: to an expression, no index has an order.
    let id = match (kind, backend) {
        (Kind::FinishedSince(_), DbBackend::Sqlite) => Expr::cust("+id"),
        _ => Expr::col(Column::Id),
    };
    if let Some(after) = filter.after {
        select = select.filter(id.clone().lt(row::uuid(after)));
    }
    let mut page = select.into_query();
    page.order_by_expr(id, Order::Desc)
        .limit(u64::from(filter.limit));
    Query::select()
        .columns(Column::iter())
        .from_subquery(page, "page")
        .take()
}
