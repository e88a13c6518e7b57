//! Table `outbox`: messages on their way out, one row each.

mod leased;
mod locked_rows;

use std::borrow::Cow;

use async_trait::async_trait;
use p2p_application::ports::{Backlog, Lease, Outbox, OutboxMessage, Queue, StorageError};
use p2p_domain::EventId;
use p2p_domain::event::AggregateRef;
use sea_orm::entity::prelude::*;
use sea_orm::{ConnectionTrait, DbBackend, QueryOrder, QuerySelect, Select, Statement};

use crate::database::Database;
use crate::error;
use crate::row::{self, RowContext};
use crate::table::{StatementLimit, one_of};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "outbox")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) id: Uuid,
    pub(crate) name: String,
    pub(crate) aggregate_type: String,
    pub(crate) aggregate_id: Uuid,
    pub(crate) version: i64,
    pub(crate) body: String,
    pub(crate) created_at: i64,
    pub(crate) only_queue: Option<String>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl TryFrom<&OutboxMessage> for Model {
    type Error = StorageError;

    fn try_from(message: &OutboxMessage) -> Result<Self, StorageError> {
        let (aggregate_type, aggregate_id) = match message.aggregate {
            AggregateRef::Offer(id) => ("OFFER", row::uuid(id)),
            AggregateRef::Dispute(id) => ("DISPUTE", row::uuid(id)),
            AggregateRef::Exchanger(id) => ("EXCHANGER", row::uuid(id)),
            AggregateRef::Order(id) => ("ORDER", row::uuid(id)),
            AggregateRef::Payment(id) => ("PAYMENT", row::uuid(id)),
            AggregateRef::Withdrawal(id) => ("WITHDRAWAL", row::uuid(id)),
        };
        Ok(Self {
            id: row::uuid(message.id),
            name: message.name.clone().into_owned(),
            aggregate_type: aggregate_type.to_owned(),
            aggregate_id,
            version: row::stored(message.version)?,
            body: message.body.clone(),
            created_at: message.at.as_micros(),
            only_queue: message.only.map(|queue| queue.name().to_owned()),
        })
    }
}

impl TryFrom<Model> for OutboxMessage {
    type Error = StorageError;

    fn try_from(stored: Model) -> Result<Self, StorageError> {
        let id: EventId = row::id(stored.id);
        let reading = RowContext::new("outbox", id);
        let aggregate = match stored.aggregate_type.as_str() {
            "OFFER" => AggregateRef::Offer(row::id(stored.aggregate_id)),
            "DISPUTE" => AggregateRef::Dispute(row::id(stored.aggregate_id)),
            "EXCHANGER" => AggregateRef::Exchanger(row::id(stored.aggregate_id)),
            "ORDER" => AggregateRef::Order(row::id(stored.aggregate_id)),
            "PAYMENT" => AggregateRef::Payment(row::id(stored.aggregate_id)),
            "WITHDRAWAL" => AggregateRef::Withdrawal(row::id(stored.aggregate_id)),
            _ => return Err(reading.corrupt("its aggregate_type names nothing known")),
        };
        let only = stored.only_queue.as_deref();
        Ok(Self {
            id,
            name: Cow::Owned(stored.name),
            aggregate,
            version: reading.count("version", stored.version)?,
            body: stored.body,
            at: row::time(stored.created_at),
            only: only.map(|name| queue(&reading, name)).transpose()?,
        })
    }
}

fn queue(reading: &RowContext, name: &str) -> Result<Queue, StorageError> {
    reading.named(&Queue::ALL, Queue::name, name)
}

/// The oldest messages, from an id on.
pub(crate) fn oldest(from: Option<Uuid>, limit: u64) -> Select<Entity> {
    let mut select = Entity::find();
    if let Some(from) = from {
        select = select.filter(Column::Id.gte(from));
    }
    select.order_by_asc(Column::Id).limit(limit)
}

#[async_trait]
impl Outbox for Database {
    async fn claim(&self, limit: u32) -> Result<Box<dyn Lease>, StorageError> {
        match self.backend() {
            DbBackend::Postgres => locked_rows::claim(self, limit).await,
            _ => leased::claim(self, limit).await,
        }
    }

    async fn backlog(&self) -> Result<Backlog, StorageError> {
        let reader = self.reader();
        let statement = Statement::from_string(self.backend(), backlog());
        let found = reader.query_one_raw(statement).await;
        let Some(found) = found.map_err(error::storage)? else {
            return Ok(Backlog::default());
        };
        let depth: i64 = found.try_get("", "depth").map_err(error::storage)?;
        let oldest: Option<i64> = found.try_get("", "oldest").map_err(error::storage)?;
        Ok(Backlog {
            depth: u64::try_from(depth).unwrap_or_default(),
            oldest: oldest.map(row::time),
        })
    }
}

/// Along the key: a table that has been much longer is not read for the few rows that are left.
fn backlog() -> String {
    format!(
        "SELECT count(*) AS depth, (SELECT created_at FROM outbox ORDER BY id LIMIT 1) AS oldest \
         FROM (SELECT id FROM outbox ORDER BY id LIMIT {}) AS waiting",
        Backlog::MAX_DEPTH
    )
}

/// Removes what has arrived of these messages.
async fn remove(
    connection: &impl ConnectionTrait,
    limit: StatementLimit,
    messages: &[OutboxMessage],
    arrived: &[EventId],
) -> Result<(), StorageError> {
    let mut gone: Vec<EventId> = messages.iter().map(|message| message.id).collect();
    gone.retain(|id| arrived.contains(id));
    for ids in limit.keys(&gone) {
        let ids = ids.iter().copied().map(row::uuid).collect();
        Entity::delete_many()
            .filter(one_of(connection.get_database_backend(), Column::Id, ids))
            .exec(connection)
            .await
            .map_err(error::storage)?;
    }
    Ok(())
}
