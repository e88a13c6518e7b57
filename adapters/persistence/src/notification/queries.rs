//! Looking into mailboxes.

use async_trait::async_trait;
use p2p_application::notification::{NotificationFilter, NotificationQueries};
use p2p_application::ports::StorageError;
use p2p_domain::{Mailbox, Notification, UserId};
use sea_orm::entity::prelude::*;
use sea_orm::{ConnectionTrait, DbBackend, QueryOrder, QuerySelect, Select, Statement};

use super::{Column, Entity, mailbox};
use crate::database::Database;
use crate::error;
use crate::row;
use crate::sql::Parameters;

#[async_trait]
impl NotificationQueries for Database {
    async fn mailbox(&self, user: UserId) -> Result<Option<Mailbox>, StorageError> {
        let found = mailbox::Entity::find_by_id(row::uuid(user))
            .one(self.reader())
            .await;
        row::maybe(found.map_err(error::storage)?)
    }

    async fn list_notifications(
        &self,
        filter: &NotificationFilter,
    ) -> Result<Vec<Notification>, StorageError> {
        let found = page(filter).all(self.reader()).await;
        row::all(found.map_err(error::storage)?)
    }

    async fn notifications_after(
        &self,
        user: UserId,
        number: u64,
        limit: u32,
    ) -> Result<Vec<Notification>, StorageError> {
        let found = following(user, number, limit).all(self.reader()).await;
        row::all(found.map_err(error::storage)?)
    }

    async fn count_unread(
        &self,
        user: UserId,
        number: u64,
        most: u64,
    ) -> Result<u64, StorageError> {
        let statement = unread(self.backend(), user, number, most);
        let found = self.reader().query_one_raw(statement).await;
        let Some(found) = found.map_err(error::storage)? else {
            return Ok(0);
        };
        let count: i64 = found.try_get("", "unread").map_err(error::storage)?;
        Ok(u64::try_from(count).unwrap_or_default())
    }
}

/// Somebody's newest notifications that the filter means.
pub(crate) fn page(filter: &NotificationFilter) -> Select<Entity> {
    let mut select = Entity::find().filter(Column::UserId.eq(row::uuid(filter.user)));
    if let Some(number) = filter.unread_after {
        select = select
            .filter(Column::Number.gt(row::bound(number)))
            .filter(Column::ReadAt.is_null());
    }
    if let Some(number) = filter.before {
        select = select.filter(Column::Number.lt(row::bound(number)));
    }
    select
        .order_by_desc(Column::Number)
        .limit(u64::from(filter.limit))
}

/// The next ones after a number.
pub(crate) fn following(user: UserId, number: u64, limit: u32) -> Select<Entity> {
    Entity::find()
        .filter(Column::UserId.eq(row::uuid(user)))
        .filter(Column::Number.gt(row::bound(number)))
        .order_by_asc(Column::Number)
        .limit(u64::from(limit))
}

/// Counts no further than it must.
pub(crate) fn unread(backend: DbBackend, user: UserId, number: u64, most: u64) -> Statement {
    let mut parameters = Parameters::default();
    let user = parameters.bind(row::uuid(user));
    let number = parameters.bind(row::bound(number));
    let most = row::bound(most);
    let text = format!(
        "SELECT count(*) AS unread FROM (SELECT 1 FROM notifications \
         WHERE user_id = {user} AND number > {number} AND read_at IS NULL LIMIT {most}) AS found"
    );
    parameters.with(backend, text)
}
