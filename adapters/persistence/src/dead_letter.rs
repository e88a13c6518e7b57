//! Table `dead_letters`: messages that could not take effect.

use async_trait::async_trait;
use p2p_application::ports::{
    DeadLetter, DeadLetters, Incoming, OutboxMessage, Queue, StorageError,
};
use p2p_domain::{EventId, Timestamp};
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{LockBehavior, LockType};
use sea_orm::{
    ConnectionTrait, DatabaseTransaction, DbBackend, IdenStatic, Iterable, ModelTrait, QueryOrder,
    QuerySelect, Select,
};

use crate::database::Database;
use crate::error;
use crate::outbox;
use crate::pools::finish;
use crate::row::{self, RowContext};
use crate::sql::Parameters;
use crate::table::{StatementLimit, Writer, one_of};

/// How many are put back at a time.
const AT_A_TIME: u32 = 256;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "dead_letters")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) message_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) queue: String,
    pub(crate) name: String,
    pub(crate) aggregate_type: String,
    pub(crate) aggregate_id: Uuid,
    pub(crate) version: i64,
    pub(crate) body: String,
    pub(crate) created_at: i64,
    pub(crate) reason: String,
    pub(crate) died_at: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Model {
    fn of(
        message: &OutboxMessage,
        queue: Queue,
        reason: &str,
        at: Timestamp,
    ) -> Result<Self, StorageError> {
        let message = outbox::Model::try_from(message)?;
        Ok(Self {
            message_id: message.id,
            queue: queue.name().to_owned(),
            name: message.name,
            aggregate_type: message.aggregate_type,
            aggregate_id: message.aggregate_id,
            version: message.version,
            body: message.body,
            created_at: message.created_at,
            // There is no room for a zero byte in a text.
            reason: reason.replace('\0', "\u{fffd}"),
            died_at: at.as_micros(),
        })
    }

    /// The message once more, for the queue where it died.
    fn again(self) -> outbox::Model {
        outbox::Model {
            id: self.message_id,
            name: self.name,
            aggregate_type: self.aggregate_type,
            aggregate_id: self.aggregate_id,
            version: self.version,
            body: self.body,
            created_at: self.created_at,
            only_queue: Some(self.queue),
        }
    }
}

impl TryFrom<Model> for DeadLetter {
    type Error = StorageError;

    fn try_from(stored: Model) -> Result<Self, StorageError> {
        let id: EventId = row::id(stored.message_id);
        let reading = RowContext::new("dead_letters", id);
        Ok(Self {
            message: Incoming {
                id: id.to_string(),
                name: stored.name,
                version: Some(reading.count("version", stored.version)?),
                body: stored.body.into_bytes(),
            },
            queue: stored.queue,
            reason: stored.reason,
        })
    }
}

#[async_trait]
impl DeadLetters for Database {
    async fn store(
        &self,
        message: &OutboxMessage,
        queue: Queue,
        reason: &str,
        at: Timestamp,
    ) -> Result<(), StorageError> {
        let row = Model::of(message, queue, reason, at)?;
        let mut parameters = Parameters::default();
        let (mut names, mut values) = (Vec::new(), Vec::new());
        for column in Column::iter() {
            names.push(column.as_str());
            values.push(parameters.bind(row.get(column)));
        }
        let text = format!(
            "INSERT INTO dead_letters ({}) VALUES ({}) ON CONFLICT DO NOTHING",
            names.join(", "),
            values.join(", ")
        );
        let statement = parameters.with(self.backend(), text);
        let done = self.writer().execute_raw(statement).await;
        done.map(|_| ()).map_err(error::storage)
    }

    async fn list_dead_letters(&self, limit: u32) -> Result<Vec<DeadLetter>, StorageError> {
        let found = oldest(limit).all(self.reader()).await;
        row::all(found.map_err(error::storage)?)
    }

    async fn requeue(&self, message: Option<EventId>, limit: u32) -> Result<u32, StorageError> {
        let mut revived = 0;
        loop {
            let wanted = (limit - revived).min(AT_A_TIME);
            let transaction = self.begin_write().await?;
            let moved = requeue(&transaction, self.statement_limit(), message, wanted).await;
            let moved = finish(transaction, moved).await?;
            revived += moved;
            if moved < wanted || revived == limit {
                return Ok(revived);
            }
        }
    }
}

/// The ones that died first.
fn oldest(limit: u32) -> Select<Entity> {
    Entity::find()
        .order_by_asc(Column::DiedAt)
        .order_by_asc(Column::MessageId)
        .order_by_asc(Column::Queue)
        .limit(u64::from(limit))
}

/// Those that can be put back: the outbox has a message once. It is asked for each by its key, and not for all at once.
fn revivable(message: Option<EventId>, limit: u32) -> Select<Entity> {
    let mut select = oldest(limit).filter(Expr::cust(
        "(SELECT true FROM outbox WHERE outbox.id = dead_letters.message_id) IS NULL",
    ));
    if let Some(message) = message {
        select = select.filter(Column::MessageId.eq(row::uuid(message)));
    }
    select
}

async fn requeue(
    transaction: &DatabaseTransaction,
    statement_limit: StatementLimit,
    message: Option<EventId>,
    limit: u32,
) -> Result<u32, StorageError> {
    let backend = transaction.get_database_backend();
    let mut select = revivable(message, limit);
    if backend == DbBackend::Postgres {
        select = select.lock_with_behavior(LockType::Update, LockBehavior::SkipLocked);
    }
    let mut rows = select.all(transaction).await.map_err(error::storage)?;
    // A message that has died at several queues goes back to one at a time.
    rows.sort_by_key(|row| row.message_id);
    rows.dedup_by_key(|row| row.message_id);
    for queue in Queue::ALL.map(Queue::name) {
        let ids = rows.iter().filter(|row| row.queue == queue);
        let ids: Vec<Uuid> = ids.map(|row| row.message_id).collect();
        if ids.is_empty() {
            continue;
        }
        Entity::delete_many()
            .filter(Column::Queue.eq(queue))
            .filter(one_of(backend, Column::MessageId, ids))
            .exec(transaction)
            .await
            .map_err(error::storage)?;
    }
    let moved = u32::try_from(rows.len()).unwrap_or(limit);
    let rows = rows.into_iter().map(Model::again).collect();
    let mut writer = Writer::new(transaction, statement_limit);
    writer.insert::<outbox::Entity>(rows).await?;
    writer.finish().await.map_err(error::storage)?;
    Ok(moved)
}
