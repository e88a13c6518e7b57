//! Log-ins and what they need, over several tables.

use async_trait::async_trait;
use p2p_application::access::{AccessChanges, AccessQueries};
use p2p_application::ports::StorageError;
use p2p_domain::{FailedAttempts, Roles, SecondFactor, Session, SessionId, Timestamp, UserId};
use sea_orm::entity::prelude::*;
use sea_orm::{ConnectionTrait, QuerySelect, Select};

use crate::database::Database;
use crate::row::{self, RowContext};
use crate::{error, failed_attempts, second_factor, session, user};

#[async_trait]
impl AccessQueries for Database {
    async fn find_session(&self, id: SessionId) -> Result<Option<Session>, StorageError> {
        let found = session::Entity::find_by_id(row::uuid(id)).one(self.reader());
        row::maybe(found.await.map_err(error::storage)?)
    }

    async fn list_sessions(&self, user: UserId, limit: u32) -> Result<Vec<Session>, StorageError> {
        let page = session::page(user, limit);
        page.list::<session::Entity, _>(self).await
    }

    async fn find_attempts(&self, key: u128) -> Result<Option<FailedAttempts>, StorageError> {
        let found = failed_attempts::Entity::find_by_id(Uuid::from_u128(key)).one(self.reader());
        row::maybe(found.await.map_err(error::storage)?)
    }

    async fn find_second_factor(&self, user: UserId) -> Result<Option<SecondFactor>, StorageError> {
        let found = second_factor::Entity::find_by_id(row::uuid(user)).one(self.reader());
        row::maybe(found.await.map_err(error::storage)?)
    }

    async fn access_changes(&self, since: Timestamp) -> Result<AccessChanges, StorageError> {
        let roles: Result<Vec<(Uuid, i16, i64)>, DbErr> =
            roles_changed(since).into_tuple().all(self.reader()).await;
        let roles = roles.map_err(error::storage)?.into_iter();
        let ended: Result<Vec<(Uuid, i64)>, DbErr> =
            sessions_ended(since).into_tuple().all(self.reader()).await;
        let ended = ended.map_err(error::storage)?.into_iter();
        Ok(AccessChanges {
            roles: roles.map(changed).collect::<Result<_, _>>()?,
            ended: ended.map(|(id, at)| (row::id(id), row::time(at))).collect(),
        })
    }
}

fn changed((id, roles, at): (Uuid, i16, i64)) -> Result<(UserId, Roles, Timestamp), StorageError> {
    let id: UserId = row::id(id);
    let roles = user::roles(&RowContext::new("users", id), roles)?;
    Ok((id, roles, row::time(at)))
}

pub(crate) fn roles_changed(since: Timestamp) -> Select<user::Entity> {
    user::Entity::find()
        .select_only()
        .columns([
            user::Column::Id,
            user::Column::Roles,
            user::Column::RolesChangedAt,
        ])
        .filter(user::Column::RolesChangedAt.gte(since.as_micros()))
}

pub(crate) fn sessions_ended(since: Timestamp) -> Select<session::Entity> {
    session::Entity::find()
        .select_only()
        .columns([session::Column::Id, session::Column::EndedAt])
        .filter(session::Column::EndedAt.gte(since.as_micros()))
}

/// Removes the oldest of what was over before, up to so many of each kind.
pub(crate) async fn forget(
    database: &Database,
    before: Timestamp,
    limit: u32,
) -> Result<u64, StorageError> {
    let backend = database.backend();
    let mut forgotten = 0;
    let over = session::OVER.map(|over| session::forgetting(over, backend, before, limit));
    let old = failed_attempts::forgetting(backend, before, limit);
    for statement in over.into_iter().chain([old]) {
        let done = database.writer().execute_raw(statement).await;
        forgotten += done.map_err(error::storage)?.rows_affected();
    }
    Ok(forgotten)
}
