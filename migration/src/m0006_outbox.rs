//! Public events on their way out, written in the commit of their fact and removed when they are delivered.

use sea_orm_migration::prelude::*;

use crate::schema::{SchemaBuilder, check, one_of};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let schema = SchemaBuilder::new(manager);
        schema
            .table(
                Table::create()
                    .table("outbox")
                    .col(schema.id("id").primary_key())
                    .col(schema.text("name"))
                    .col(schema.text("aggregate_type"))
                    .col(schema.id("aggregate_id"))
                    .col(schema.number("version"))
                    .col(schema.text("body"))
                    .col(schema.number("created_at"))
                    .check(check(
                        "outbox_aggregate_type",
                        one_of("aggregate_type", &["OFFER", "DISPUTE", "EXCHANGER"]),
                    )),
                "",
                false,
            )
            .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        SchemaBuilder::new(manager).drop(&["outbox"]).await
    }
}
