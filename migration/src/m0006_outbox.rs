//! Public events on their way out, written in the commit of their fact and removed when they are delivered.

use sea_orm_migration::prelude::*;

use crate::kit::{Kit, check, one_of};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let kit = Kit::new(manager);
        kit.table(
            Table::create()
                .table("outbox")
                .col(kit.id("id").primary_key())
                .col(kit.text("name"))
                .col(kit.text("aggregate_type"))
                .col(kit.id("aggregate_id"))
                .col(kit.number("version"))
                .col(kit.text("body"))
                .col(kit.number("created_at"))
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
        Kit::new(manager).drop(&["outbox"]).await
    }
}
