//! Table `exchangers`.

mod queries;

use p2p_application::aggregates::Selection;
use p2p_application::ports::StorageError;
use p2p_domain::{Exchanger, UserId};
use sea_orm::entity::prelude::*;

use crate::row::{self, RowContext};
use crate::stored::{Rows, SidesOfOffers, Stored, uuids};
use crate::table::Table;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "exchangers")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) user_id: Uuid,
    pub(crate) online: bool,
    pub(crate) unanswered: i64,
    pub(crate) frozen_at: Option<i64>,
    pub(crate) version: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Table for Entity {
    const NAME: &'static str = "exchangers";
    const KEY: Column = Column::UserId;
    const MUTABLE: &'static [Column] = &[
        Column::Online,
        Column::Unanswered,
        Column::FrozenAt,
        Column::Version,
    ];
    const VERSION: Column = Column::Version;
}

impl TryFrom<&Exchanger> for Model {
    type Error = StorageError;

    fn try_from(exchanger: &Exchanger) -> Result<Self, StorageError> {
        Ok(Self {
            user_id: row::uuid(exchanger.user),
            online: exchanger.online,
            unanswered: i64::from(exchanger.unanswered),
            frozen_at: exchanger.frozen_at.map(|at| at.as_micros()),
            version: row::stored(exchanger.version)?,
        })
    }
}

impl TryFrom<Model> for Exchanger {
    type Error = StorageError;

    fn try_from(stored: Model) -> Result<Self, StorageError> {
        let user: UserId = row::id(stored.user_id);
        let reading = RowContext::new("exchangers", user);
        Ok(Self {
            user,
            online: stored.online,
            unanswered: u32::try_from(stored.unanswered)
                .map_err(|_| reading.corrupt("unanswered is not a count"))?,
            frozen_at: stored.frozen_at.map(row::time),
            version: reading.version(stored.version)?,
        })
    }
}

impl Stored for Exchanger {
    type Entity = Entity;

    fn row(&self, _: &SidesOfOffers) -> Result<Model, StorageError> {
        self.try_into()
    }

    async fn load(rows: Rows<'_>, selection: &Selection<Self>) -> Result<Vec<Self>, StorageError> {
        rows.lock(uuids(&selection.keys)).await
    }
}
