//! Failed log-ins in a row, by a digest of the tried address, which need not belong to an account.

use sea_orm_migration::prelude::*;

use crate::schema::{SchemaBuilder, check};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let schema = SchemaBuilder::new(manager);
        schema
            .table(
                Table::create()
                    .table("log_in_attempts")
                    .col(schema.id("key").primary_key())
                    .col(schema.number("failed"))
                    .col(schema.number("last_failed_at"))
                    .col(schema.number("version"))
                    .check(check("log_in_attempts_failed", "failed >= 0"))
                    .check(check("log_in_attempts_version", "version > 0")),
                "",
                false,
            )
            .await?;
        // The oldest are forgotten a few at a time.
        schema
            .index(
                "log_in_attempts_oldest",
                "log_in_attempts",
                &["last_failed_at"],
                None,
            )
            .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        SchemaBuilder::new(manager).drop(&["log_in_attempts"]).await
    }
}
