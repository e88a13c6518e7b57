//! Table `conducts`.

use p2p_application::aggregates::Selection;
use p2p_application::ports::StorageError;
use p2p_domain::{Conduct, UserId};
use sea_orm::entity::prelude::*;

use crate::row::{self, RowContext};
use crate::stored::{Rows, SidesOfOffers, Stored, uuids};
use crate::table::Table;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "conducts")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) user_id: Uuid,
    pub(crate) cancels: i64,
    pub(crate) counted_from: i64,
    pub(crate) paused_until: Option<i64>,
    pub(crate) version: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Table for Entity {
    const NAME: &'static str = "conducts";
    const KEY: Column = Column::UserId;
    const MUTABLE: &'static [Column] = &[
        Column::Cancels,
        Column::CountedFrom,
        Column::PausedUntil,
        Column::Version,
    ];
    const VERSION: Column = Column::Version;
}

impl TryFrom<&Conduct> for Model {
    type Error = StorageError;

    fn try_from(conduct: &Conduct) -> Result<Self, StorageError> {
        Ok(Self {
            user_id: row::uuid(conduct.user),
            cancels: i64::from(conduct.cancels),
            counted_from: conduct.counted_from.as_micros(),
            paused_until: conduct.paused_until.map(|at| at.as_micros()),
            version: row::stored(conduct.version)?,
        })
    }
}

impl TryFrom<Model> for Conduct {
    type Error = StorageError;

    fn try_from(stored: Model) -> Result<Self, StorageError> {
        let user: UserId = row::id(stored.user_id);
        let reading = RowContext::new("conducts", user);
        Ok(Self {
            user,
            cancels: u32::try_from(stored.cancels)
                .map_err(|_| reading.corrupt("cancels is not a count"))?,
            counted_from: row::time(stored.counted_from),
            paused_until: stored.paused_until.map(row::time),
            version: reading.version(stored.version)?,
        })
    }
}

impl Stored for Conduct {
    type Entity = Entity;

    fn row(&self, _: &SidesOfOffers) -> Result<Model, StorageError> {
        self.try_into()
    }

    async fn load(rows: Rows<'_>, selection: &Selection<Self>) -> Result<Vec<Self>, StorageError> {
        // Not locked: a change by another transaction is a conflict at the commit.
        rows.read(uuids(&selection.keys)).await
    }
}
