//! Table `outbox`: messages on their way out, one row each.

use application::ports::{OutboxMessage, StorageError};
use domain::event::Aggregate;
use sea_orm::entity::prelude::*;

use crate::row;

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
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl TryFrom<&OutboxMessage> for Model {
    type Error = StorageError;

    fn try_from(message: &OutboxMessage) -> Result<Self, StorageError> {
        let (aggregate_type, aggregate_id) = match message.aggregate {
            Aggregate::Offer(id) => ("OFFER", row::uuid(id)),
            Aggregate::Dispute(id) => ("DISPUTE", row::uuid(id)),
            Aggregate::Exchanger(id) => ("EXCHANGER", row::uuid(id)),
        };
        Ok(Self {
            id: row::uuid(message.id),
            name: message.name.to_owned(),
            aggregate_type: aggregate_type.to_owned(),
            aggregate_id,
            version: row::stored(message.version)?,
            body: message.body.clone(),
            created_at: message.at.as_micros(),
        })
    }
}
