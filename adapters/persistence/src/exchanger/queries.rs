//! How exchangers are read.

use async_trait::async_trait;
use p2p_application::exchanger::ExchangerQueries;
use p2p_application::ports::StorageError;
use p2p_domain::{Exchanger, UserId};
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::Expr;
use sea_orm::{QueryOrder, QuerySelect};

use super::{Column, Entity};
use crate::database::Database;
use crate::error;
use crate::row;

#[async_trait]
impl ExchangerQueries for Database {
    async fn find_exchanger(&self, id: UserId) -> Result<Option<Exchanger>, StorageError> {
        let found = Entity::find_by_id(row::uuid(id)).one(self.reader()).await;
        row::maybe(found.map_err(error::storage)?)
    }

    async fn frozen_exchangers(&self, limit: u32) -> Result<Vec<Exchanger>, StorageError> {
        let found = Entity::find()
            .filter(Expr::cust("frozen_at IS NOT NULL"))
            .order_by_asc(Column::FrozenAt)
            .order_by_asc(Column::UserId)
            .limit(u64::from(limit))
            .all(self.reader())
            .await;
        row::all(found.map_err(error::storage)?)
    }
}
