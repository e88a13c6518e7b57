//! Table `inbox`: messages that have taken effect.

use p2p_application::ports::{InboxMark, StorageError};
use p2p_domain::Timestamp;
use sea_orm::entity::prelude::*;
use sea_orm::{ConnectionTrait, DbBackend, QuerySelect, Select, Statement};

use crate::database::Database;
use crate::error;
use crate::sql::Parameters;
use crate::table::one_of_texts;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "inbox")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) consumer: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) message: String,
    pub(crate) taken_at: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl From<&InboxMark> for Model {
    fn from(mark: &InboxMark) -> Self {
        Self {
            consumer: mark.key.consumer.to_owned(),
            message: mark.key.message.clone(),
            taken_at: mark.at.as_micros(),
        }
    }
}

/// Which of these messages a consumer has taken in.
pub(crate) fn of(
    backend: DbBackend,
    consumer: &'static str,
    messages: Vec<String>,
) -> Select<Entity> {
    Entity::find()
        .select_only()
        .column(Column::Message)
        .filter(Column::Consumer.eq(consumer))
        .filter(one_of_texts(backend, Column::Message, messages))
}

/// Removes the oldest of those that were taken in before.
pub(crate) async fn forget(
    database: &Database,
    consumer: &str,
    before: Timestamp,
    limit: u32,
) -> Result<u64, StorageError> {
    let statement = forgetting(database.backend(), consumer, before, limit);
    let done = database.writer().execute_raw(statement).await;
    Ok(done.map_err(error::storage)?.rows_affected())
}

/// Two replicas that forget at once forget different ones.
pub(crate) fn forgetting(
    backend: DbBackend,
    consumer: &str,
    before: Timestamp,
    limit: u32,
) -> Statement {
    let mut parameters = Parameters::default();
    let consumer = parameters.bind(consumer);
    let before = parameters.bind(before.as_micros());
    let passing_by = match backend {
        DbBackend::Postgres => " FOR UPDATE SKIP LOCKED",
        _ => "",
    };
    let text = format!(
        "DELETE FROM inbox WHERE (consumer, message) IN (SELECT consumer, message FROM inbox \
         WHERE consumer = {consumer} AND taken_at < {before} ORDER BY taken_at LIMIT {limit}{passing_by})"
    );
    parameters.with(backend, text)
}
