//! How users are read.

use async_trait::async_trait;
use p2p_application::ports::StorageError;
use p2p_application::user::UserQueries;
use p2p_domain::user::Email;
use p2p_domain::{User, UserId};
use sea_orm::entity::prelude::*;

use super::{Column, Entity};
use crate::database::Database;
use crate::error;
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
