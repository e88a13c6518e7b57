//! Finding people and exchangers.

use async_trait::async_trait;
use p2p_application::exchanger::ExchangerQueries;
use p2p_application::ports::StorageError;
use p2p_application::user::UserQueries;
use p2p_domain::user::Email;
use p2p_domain::{Exchanger, User, UserId};
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::Expr;
use sea_orm::{QueryOrder, QuerySelect};

use super::{Column, Entity};
use crate::database::Database;
use crate::error;
use crate::exchanger;
use crate::row;

#[async_trait]
impl UserQueries for Database {
    async fn find_user(&self, id: UserId) -> Result<Option<User>, StorageError> {
        let id = row::uuid(id);
        if row::is_system(id) {
            return Ok(None);
        }
        let found = Entity::find_by_id(id).one(self.reader()).await;
        row::maybe(found.map_err(error::storage)?)
    }

    async fn find_user_by_email(&self, email: &Email) -> Result<Option<User>, StorageError> {
        if !row::storable(email.as_str()) {
            return Ok(None);
        }
        let found = Entity::find()
            .filter(Column::Email.eq(email.as_str()))
            .one(self.reader())
            .await
            .map_err(error::storage)?;
        row::maybe(found.filter(|user| !row::is_system(user.id)))
    }
}

#[async_trait]
impl ExchangerQueries for Database {
    async fn find_exchanger(&self, id: UserId) -> Result<Option<Exchanger>, StorageError> {
        let found = exchanger::Entity::find_by_id(row::uuid(id))
            .one(self.reader())
            .await;
        row::maybe(found.map_err(error::storage)?)
    }

    async fn frozen_exchangers(&self, limit: u32) -> Result<Vec<Exchanger>, StorageError> {
        let found = exchanger::Entity::find()
            .filter(Expr::cust("frozen_at IS NOT NULL"))
            .order_by_asc(exchanger::Column::FrozenAt)
            .order_by_asc(exchanger::Column::UserId)
            .limit(u64::from(limit))
            .all(self.reader())
            .await;
        row::all(found.map_err(error::storage)?)
    }
}
