//! Table `withdrawals`.

use async_trait::async_trait;
use p2p_application::aggregates::Selection;
use p2p_application::ports::StorageError;
use p2p_application::withdrawal::{WithdrawalFilter, WithdrawalQueries};
use p2p_domain::withdrawal::{WithdrawalState, WithdrawalStatus};
use p2p_domain::{Withdrawal, WithdrawalId};
use sea_orm::entity::prelude::*;

use crate::database::Database;
use crate::error;
use crate::newest_first::NewestFirst;
use crate::row::{self, RowContext};
use crate::stored::{Rows, SidesOfOffers, Stored, uuids};
use crate::table::Table;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "withdrawals")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) id: Uuid,
    pub(crate) user_id: Uuid,
    pub(crate) asset: String,
    pub(crate) amount: i64,
    pub(crate) destination: String,
    pub(crate) status: String,
    pub(crate) decided_by: Option<Uuid>,
    pub(crate) decided_at: Option<i64>,
    /// What the payment is called outside, or why there is none.
    pub(crate) note: Option<String>,
    pub(crate) created_at: i64,
    pub(crate) version: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Table for Entity {
    const NAME: &'static str = "withdrawals";
    const KEY: Column = Column::Id;
    const MUTABLE: &'static [Column] = &[
        Column::Status,
        Column::DecidedBy,
        Column::DecidedAt,
        Column::Note,
        Column::Version,
    ];
    const VERSION: Column = Column::Version;
}

impl TryFrom<&Withdrawal> for Model {
    type Error = StorageError;

    fn try_from(withdrawal: &Withdrawal) -> Result<Self, StorageError> {
        let decision = match &withdrawal.state {
            WithdrawalState::Requested => None,
            WithdrawalState::Approved {
                by,
                at,
                reference: note,
            }
            | WithdrawalState::Rejected {
                by,
                at,
                reason: note,
            } => Some((by, at, note)),
        };
        Ok(Self {
            id: row::uuid(withdrawal.id),
            user_id: row::uuid(withdrawal.user),
            asset: withdrawal.amount.asset().code().to_owned(),
            amount: withdrawal.amount.minor(),
            destination: withdrawal.destination.clone(),
            status: withdrawal.status().name().to_owned(),
            decided_by: decision.map(|(by, ..)| row::uuid(*by)),
            decided_at: decision.map(|(_, at, _)| at.as_micros()),
            note: decision.map(|(.., note)| note.clone()),
            created_at: withdrawal.created_at.as_micros(),
            version: row::stored(withdrawal.version)?,
        })
    }
}

impl TryFrom<Model> for Withdrawal {
    type Error = StorageError;

    fn try_from(stored: Model) -> Result<Self, StorageError> {
        let id: WithdrawalId = row::id(stored.id);
        let reading = RowContext::new("withdrawals", id);
        let asset = reading.asset(&stored.asset)?;
        Ok(Self {
            id,
            user: row::id(stored.user_id),
            amount: reading.positive(stored.amount, asset)?,
            created_at: row::time(stored.created_at),
            version: reading.version(stored.version)?,
            state: state(
                &reading,
                &stored.status,
                (stored.decided_by, stored.decided_at, stored.note),
            )?,
            destination: stored.destination,
        })
    }
}

impl Stored for Withdrawal {
    type Entity = Entity;

    fn row(&self, _: &SidesOfOffers) -> Result<Model, StorageError> {
        self.try_into()
    }

    async fn load(rows: Rows<'_>, selection: &Selection<Self>) -> Result<Vec<Self>, StorageError> {
        rows.lock(uuids(&selection.keys)).await
    }
}

fn state(
    reading: &RowContext,
    status: &str,
    (by, at, note): (Option<Uuid>, Option<i64>, Option<String>),
) -> Result<WithdrawalState, StorageError> {
    let status = reading.named(WithdrawalStatus::ALL, WithdrawalStatus::name, status)?;
    if status == WithdrawalStatus::Requested {
        reading.absent("decided_by", &by)?;
        reading.absent("decided_at", &at)?;
        reading.absent("note", &note)?;
        return Ok(WithdrawalState::Requested);
    }
    let by = row::id(reading.present("decided_by", by)?);
    let at = row::time(reading.present("decided_at", at)?);
    let note = reading.present("note", note)?;
    Ok(match status {
        WithdrawalStatus::Rejected => WithdrawalState::Rejected {
            by,
            at,
            reason: note,
        },
        WithdrawalStatus::Approved | WithdrawalStatus::Requested => WithdrawalState::Approved {
            by,
            at,
            reference: note,
        },
    })
}

#[async_trait]
impl WithdrawalQueries for Database {
    async fn find_withdrawal(&self, id: WithdrawalId) -> Result<Option<Withdrawal>, StorageError> {
        let found = Entity::find_by_id(row::uuid(id)).one(self.reader()).await;
        row::maybe(found.map_err(error::storage)?)
    }

    async fn list_withdrawals(
        &self,
        filter: &WithdrawalFilter,
    ) -> Result<Vec<Withdrawal>, StorageError> {
        page(filter).list::<Entity, _>(self).await
    }
}

/// The newest withdrawals that the filter means.
pub(crate) fn page(filter: &WithdrawalFilter) -> NewestFirst {
    NewestFirst::page(filter.limit, filter.after.map(row::uuid))
        .of(filter.user.map(row::uuid))
        .in_state(filter.status.map(WithdrawalStatus::name))
        .by_state()
}
