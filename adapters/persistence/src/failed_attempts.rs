//! Table `log_in_attempts`.

use p2p_application::aggregates::Selection;
use p2p_application::ports::StorageError;
use p2p_domain::{FailedAttempts, Timestamp};
use sea_orm::entity::prelude::*;
use sea_orm::{DbBackend, Statement};

use crate::row::{self, RowContext};
use crate::sql::Parameters;
use crate::stored::{Rows, SidesOfOffers, Stored};
use crate::table::Table;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "log_in_attempts")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) key: Uuid,
    pub(crate) failed: i64,
    pub(crate) last_failed_at: i64,
    pub(crate) version: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Table for Entity {
    const NAME: &'static str = "log_in_attempts";
    const KEY: Column = Column::Key;
    const MUTABLE: &'static [Column] = &[Column::Failed, Column::LastFailedAt, Column::Version];
    const VERSION: Column = Column::Version;
}

impl TryFrom<&FailedAttempts> for Model {
    type Error = StorageError;

    fn try_from(attempts: &FailedAttempts) -> Result<Self, StorageError> {
        Ok(Self {
            key: Uuid::from_u128(attempts.key),
            failed: i64::from(attempts.failed),
            last_failed_at: attempts.last_failed_at.as_micros(),
            version: row::stored(attempts.version)?,
        })
    }
}

impl TryFrom<Model> for FailedAttempts {
    type Error = StorageError;

    fn try_from(stored: Model) -> Result<Self, StorageError> {
        let reading = RowContext::new("log_in_attempts", stored.key);
        Ok(Self {
            key: stored.key.as_u128(),
            failed: u32::try_from(stored.failed)
                .map_err(|_| reading.corrupt("failed is not a count"))?,
            last_failed_at: row::time(stored.last_failed_at),
            version: reading.version(stored.version)?,
        })
    }
}

impl Stored for FailedAttempts {
    type Entity = Entity;

    fn row(&self, _: &SidesOfOffers) -> Result<Model, StorageError> {
        self.try_into()
    }

    async fn load(rows: Rows<'_>, selection: &Selection<Self>) -> Result<Vec<Self>, StorageError> {
        let keys = selection.keys.iter().copied().map(Uuid::from_u128);
        rows.lock(keys.collect()).await
    }
}

/// Removes the oldest of those whose last failure was before. Two replicas that forget at once forget different ones.
pub(crate) fn forgetting(backend: DbBackend, before: Timestamp, limit: u32) -> Statement {
    let mut parameters = Parameters::default();
    let before = parameters.bind(before.as_micros());
    let passing_by = match backend {
        DbBackend::Postgres => " FOR UPDATE SKIP LOCKED",
        _ => "",
    };
    let text = format!(
        "DELETE FROM log_in_attempts WHERE key IN (SELECT key FROM log_in_attempts \
         WHERE last_failed_at < {before} ORDER BY last_failed_at LIMIT {limit}{passing_by})"
    );
    parameters.with(backend, text)
}
