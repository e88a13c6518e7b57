//! A payment report may name a user instead of a deal, and be applied as a deposit.

use sea_orm_migration::prelude::*;

use crate::alter::Recheck;
use crate::kit::Kit;

const CHECKS: [Recheck<'static>; 1] = [Recheck {
    name: "payment_reports_deal",
    from: "(offer_id IS NULL) = (outcome = 'UNKNOWN_DEAL')",
    to: "CASE WHEN offer_id IS NULL THEN outcome IN ('UNKNOWN_DEAL', 'APPLIED') \
         ELSE outcome <> 'UNKNOWN_DEAL' END",
}];

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        Kit::new(manager).recheck("payment_reports", &CHECKS).await
    }

    /// Refused, by the check as it was, once there are such reports: what was reported is kept.
    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        Kit::new(manager).uncheck("payment_reports", &CHECKS).await
    }
}
