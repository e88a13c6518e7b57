//! Table `offer_history`: each step of each deal, never changed.

use p2p_application::ports::StorageError;
use p2p_domain::offer::HistoryEntry;
use p2p_domain::{Actor, OfferId};
use sea_orm::entity::prelude::*;

use super::status;
use crate::row::{self, RowContext};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "offer_history")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) offer_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) version: i64,
    pub(crate) status: String,
    pub(crate) actor: String,
    pub(crate) user_id: Option<Uuid>,
    pub(crate) comment: Option<String>,
    pub(crate) at: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl TryFrom<&HistoryEntry> for Model {
    type Error = StorageError;

    fn try_from(entry: &HistoryEntry) -> Result<Self, StorageError> {
        Ok(Self {
            offer_id: row::uuid(entry.offer),
            version: row::stored(entry.version)?,
            status: entry.status.name().to_owned(),
            actor: entry.actor.name().to_owned(),
            user_id: entry.user.map(row::uuid),
            comment: entry.comment.clone(),
            at: entry.at.as_micros(),
        })
    }
}

impl TryFrom<Model> for HistoryEntry {
    type Error = StorageError;

    fn try_from(stored: Model) -> Result<Self, StorageError> {
        let offer: OfferId = row::id(stored.offer_id);
        let reading = RowContext::new(
            "offer_history",
            format_args!("{offer}, version {}", stored.version),
        );
        Ok(Self {
            offer,
            version: reading.version(stored.version)?,
            status: status(&reading, &stored.status)?,
            actor: actor(&reading, &stored.actor)?,
            user: stored.user_id.map(row::id),
            comment: stored.comment,
            at: row::time(stored.at),
        })
    }
}

pub(crate) fn actor(reading: &RowContext, name: &str) -> Result<Actor, StorageError> {
    reading.named(Actor::ALL, Actor::name, name)
}
