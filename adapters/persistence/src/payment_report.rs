//! Table `payment_reports`: what payment providers have reported, kept as it came.

use async_trait::async_trait;
use p2p_application::payment_report::{ReportFilter, ReportQueries};
use p2p_application::ports::StorageError;
use p2p_domain::{PaymentReport, ReportId, ReportOutcome};
use sea_orm::entity::prelude::*;
use sea_orm::{QueryOrder, QuerySelect, Select};

use crate::database::Database;
use crate::error;
use crate::row::{self, RowContext};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "payment_reports")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) id: Uuid,
    pub(crate) provider: String,
    pub(crate) callback: String,
    pub(crate) deal_reference: String,
    pub(crate) payment_reference: String,
    pub(crate) paid: i64,
    pub(crate) currency: String,
    pub(crate) offer_id: Option<Uuid>,
    pub(crate) outcome: String,
    pub(crate) received_at: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl From<&PaymentReport> for Model {
    fn from(report: &PaymentReport) -> Self {
        Self {
            id: row::uuid(report.id),
            provider: report.provider.clone(),
            callback: report.callback.clone(),
            deal_reference: report.deal_reference.clone(),
            payment_reference: report.payment_reference.clone(),
            paid: report.paid.minor(),
            currency: report.paid.asset().code().to_owned(),
            offer_id: report.offer.map(row::uuid),
            outcome: report.outcome.name().to_owned(),
            received_at: report.received_at.as_micros(),
        }
    }
}

impl TryFrom<Model> for PaymentReport {
    type Error = StorageError;

    fn try_from(stored: Model) -> Result<Self, StorageError> {
        let id: ReportId = row::id(stored.id);
        let reading = RowContext::new("payment_reports", id);
        Ok(Self {
            id,
            paid: reading.positive(stored.paid, reading.asset(&stored.currency)?)?,
            offer: stored.offer_id.map(row::id),
            outcome: reading.named(ReportOutcome::ALL, ReportOutcome::name, &stored.outcome)?,
            received_at: row::time(stored.received_at),
            provider: stored.provider,
            callback: stored.callback,
            deal_reference: stored.deal_reference,
            payment_reference: stored.payment_reference,
        })
    }
}

#[async_trait]
impl ReportQueries for Database {
    async fn list_reports(
        &self,
        filter: &ReportFilter,
    ) -> Result<Vec<PaymentReport>, StorageError> {
        let found = page(filter).all(self.reader()).await;
        row::all(found.map_err(error::storage)?)
    }
}

/// The newest reports that the filter means.
pub(crate) fn page(filter: &ReportFilter) -> Select<Entity> {
    let mut select = Entity::find();
    if let Some(applied) = filter.applied {
        // As the partial indexes say it, so that they are used.
        select = select.filter(Expr::cust(if applied {
            "outcome = 'APPLIED'"
        } else {
            "outcome <> 'APPLIED'"
        }));
    }
    if let Some(offer) = filter.offer {
        select = select.filter(Column::OfferId.eq(row::uuid(offer)));
    }
    if let Some(after) = filter.after {
        select = select.filter(Column::Id.lt(row::uuid(after)));
    }
    select
        .order_by_desc(Column::Id)
        .limit(u64::from(filter.limit))
}
