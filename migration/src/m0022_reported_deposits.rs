//! A payment report may name a user instead of a deal, and be applied as a deposit.

use sea_orm_migration::prelude::*;

use crate::alter::AlterCheck;
use crate::schema::SchemaBuilder;

const CHECKS: [AlterCheck<'static>; 1] = [AlterCheck {
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
        SchemaBuilder::new(manager)
            .alter_check("payment_reports", &CHECKS)
            .await
    }

    /// Refused, by the check as it was, once there are such reports: what was reported is kept.
    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        SchemaBuilder::new(manager)
            .uncheck("payment_reports", &CHECKS)
            .await
    }
}
