//! Table `second_factors`.

use p2p_application::aggregates::Selection;
use p2p_application::ports::StorageError;
use p2p_domain::second_factor::{RecoveryCodes, SealedSecret};
use p2p_domain::{SecondFactor, UserId};
use sea_orm::entity::prelude::*;

use crate::row::{self, RowContext};
use crate::stored::{Rows, SidesOfOffers, Stored, uuids};
use crate::table::Table;

#[derive(Clone, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "second_factors")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) user_id: Uuid,
    /// Sealed.
    pub(crate) secret: String,
    pub(crate) active_since: Option<i64>,
    pub(crate) last_step: i64,
    /// Digests in hexadecimal digits, with commas between them.
    pub(crate) recovery: String,
    pub(crate) version: i64,
}

/// Without what is nobody's business.
impl std::fmt::Debug for Model {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Model")
            .field("user_id", &self.user_id)
            .field("version", &self.version)
            .finish_non_exhaustive()
    }
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Table for Entity {
    const NAME: &'static str = "second_factors";
    const KEY: Column = Column::UserId;
    const MUTABLE: &'static [Column] = &[
        Column::Secret,
        Column::ActiveSince,
        Column::LastStep,
        Column::Recovery,
        Column::Version,
    ];
    const VERSION: Column = Column::Version;
}

impl TryFrom<&SecondFactor> for Model {
    type Error = StorageError;

    fn try_from(factor: &SecondFactor) -> Result<Self, StorageError> {
        let recovery = factor.recovery.0.iter();
        let recovery: Vec<String> = recovery.map(|digest| format!("{digest:032x}")).collect();
        Ok(Self {
            user_id: row::uuid(factor.user),
            secret: factor.secret.expose().to_owned(),
            active_since: factor.active_since.map(|at| at.as_micros()),
            last_step: row::stored(factor.last_step)?,
            recovery: recovery.join(","),
            version: row::stored(factor.version)?,
        })
    }
}

impl TryFrom<Model> for SecondFactor {
    type Error = StorageError;

    fn try_from(stored: Model) -> Result<Self, StorageError> {
        let user: UserId = row::id(stored.user_id);
        let reading = RowContext::new("second_factors", user);
        let digests = stored.recovery.split(',').filter(|text| !text.is_empty());
        let digests = digests.map(|text| u128::from_str_radix(text, 16));
        let digests: Result<Vec<u128>, _> = digests.collect();
        Ok(Self {
            user,
            secret: SealedSecret::new(stored.secret),
            active_since: stored.active_since.map(row::time),
            last_step: reading.count("last_step", stored.last_step)?,
            recovery: RecoveryCodes(
                digests.map_err(|_| reading.corrupt("recovery holds what is no digest"))?,
            ),
            version: reading.version(stored.version)?,
        })
    }
}

impl Stored for SecondFactor {
    type Entity = Entity;

    fn row(&self, _: &SidesOfOffers) -> Result<Model, StorageError> {
        self.try_into()
    }

    async fn load(rows: Rows<'_>, selection: &Selection<Self>) -> Result<Vec<Self>, StorageError> {
        rows.lock(uuids(&selection.keys)).await
    }
}
