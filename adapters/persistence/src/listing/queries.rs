//! Browsing listings.

use application::ports::{
    ListingCursor, ListingFilter, ListingOrder, ListingQueries, ListingView, StorageError,
};
use async_trait::async_trait;
use domain::{ExchangeType, ListingId};
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{Func, SelectStatement};
use sea_orm::{
    Condition, DbBackend, ExprTrait, FromQueryResult, JoinType, Order, QueryResult, QueryTrait,
};

use super::{Column, Entity, Model, methods};
use crate::database::Database;
use crate::row;
use crate::{error, exchanger, user};

#[async_trait]
impl ListingQueries for Database {
    async fn find_listing(&self, id: ListingId) -> Result<Option<ListingView>, StorageError> {
        let select = views(Entity::find_by_id(row::uuid(id)).into_query());
        let found = self.reader().query_one(&select).await;
        found
            .map_err(error::storage)?
            .map(|row| view(&row))
            .transpose()
    }

    async fn list_listings(
        &self,
        filter: &ListingFilter,
    ) -> Result<Vec<ListingView>, StorageError> {
        let impossible = filter
            .payment_method
            .as_ref()
            .is_some_and(|method| !row::storable(method));
        if impossible {
            return Ok(Vec::new());
        }
        let reader = self.reader();
        let select = views(page(filter, reader.get_database_backend()));
        let found = reader.query_all(&select).await.map_err(error::storage)?;
        found.iter().map(view).collect()
    }
}

/// Adds what others see of a listing's exchanger.
pub(crate) fn views(mut listings: SelectStatement) -> SelectStatement {
    listings
        .join(
            JoinType::InnerJoin,
            exchanger::Entity,
            Expr::col((exchanger::Entity, exchanger::Column::UserId))
                .equals((Entity, Column::ExchangerId)),
        )
        .join(
            JoinType::InnerJoin,
            user::Entity,
            Expr::col((user::Entity, user::Column::Id)).equals((Entity, Column::ExchangerId)),
        )
        .expr_as(
            Expr::col((user::Entity, user::Column::Name)),
            "exchanger_name",
        )
        .expr_as(
            Expr::col((exchanger::Entity, exchanger::Column::Online)),
            "exchanger_switch",
        )
        .expr_as(
            Expr::col((exchanger::Entity, exchanger::Column::FrozenAt)),
            "exchanger_frozen_at",
        );
    listings
}

fn view(row: &QueryResult) -> Result<ListingView, StorageError> {
    let listing = Model::from_query_result(row, "").map_err(error::storage)?;
    let online: bool = row
        .try_get("", "exchanger_switch")
        .map_err(error::storage)?;
    let frozen_at: Option<i64> = row
        .try_get("", "exchanger_frozen_at")
        .map_err(error::storage)?;
    Ok(ListingView {
        listing: listing.try_into()?,
        exchanger_name: row.try_get("", "exchanger_name").map_err(error::storage)?,
        exchanger_online: online && frozen_at.is_none(),
    })
}

/// A page of listings. The conditions of the partial indexes are written out, not bound: a plan for any value could not
/// use them.
pub(crate) fn page(filter: &ListingFilter, backend: DbBackend) -> SelectStatement {
    let mut select = Entity::find();
    select = match filter.exchanger {
        Some(exchanger) => select
            .filter(Expr::cust("listings.state <> 'CLOSED'"))
            .filter(Column::ExchangerId.eq(row::uuid(exchanger))),
        None => select.filter(Expr::cust("listings.state = 'ACTIVE'")),
    };
    if let Some(direction) = filter.exchange_type {
        select = select.filter(Expr::cust(match direction {
            ExchangeType::CryptoToFiat => "listings.exchange_type = 'CRYPTO2FIAT'",
            ExchangeType::FiatToCrypto => "listings.exchange_type = 'FIAT2CRYPTO'",
        }));
    }
    if let Some(asset) = filter.asset {
        select = select.filter(Column::Asset.eq(asset.code()));
    }
    if let Some(fiat) = filter.fiat {
        select = select.filter(Column::Fiat.eq(fiat.code()));
    }
    if let Some(amount) = filter.amount {
        select = select
            .filter(Column::Fiat.eq(amount.asset().code()))
            .filter(Column::MinFiat.lte(amount.minor()))
            .filter(Column::AvailableFiat.gte(amount.minor()));
    }
    if let Some(method) = &filter.payment_method {
        let position = match backend {
            DbBackend::Postgres => "strpos",
            _ => "instr",
        };
        let found = Func::cust(position)
            .arg(Expr::col((Entity, Column::PaymentMethods)))
            .arg(methods::needle(method));
        select = select.filter(Expr::from(found).gt(0));
    }
    if filter.online_only {
        select = select
            .filter(Expr::cust("exchangers.online"))
            .filter(Expr::cust("exchangers.frozen_at IS NULL"));
    }
    let mut select = select.into_query();
    order(&mut select, filter.order, filter.after);
    select.limit(u64::from(filter.limit));
    select
}

/// Orders, and goes on after the last one of the page before.
fn order(select: &mut SelectStatement, order: ListingOrder, after: Option<ListingCursor>) {
    let (id, price) = ((Entity, Column::Id), (Entity, Column::PriceE8));
    let direction = match order {
        ListingOrder::Newest => {
            if let Some(after) = after {
                select.and_where(Column::Id.lt(row::uuid(after.id)));
            }
            select.order_by(id, Order::Desc);
            return;
        }
        ListingOrder::PriceAscending => Order::Asc,
        ListingOrder::PriceDescending => Order::Desc,
    };
    if let Some(after) = after {
        let (last, further) = match direction {
            Order::Asc => (
                Column::PriceE8.gte(after.price_e8),
                Column::PriceE8.gt(after.price_e8),
            ),
            _ => (
                Column::PriceE8.lte(after.price_e8),
                Column::PriceE8.lt(after.price_e8),
            ),
        };
        // The first condition is what an index can begin at.
        select.and_where(last).cond_where(
            Condition::any()
                .add(further)
                .add(Column::Id.gt(row::uuid(after.id))),
        );
    }
    select.order_by(price, direction).order_by(id, Order::Asc);
}
