//! How customers behave: a row for each who has ever called off a deal.

use sea_orm_migration::prelude::*;

use crate::kit::{HOT, Kit, check, foreign_key};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let kit = Kit::new(manager);
        kit.table(
            Table::create()
                .table("conducts")
                .col(kit.id("user_id").primary_key())
                .col(kit.number("cancels"))
                .col(kit.number("counted_from"))
                .col(kit.number("paused_until").null())
                .col(kit.number("version"))
                .foreign_key(&mut foreign_key(
                    "conducts_user",
                    ("conducts", "user_id"),
                    ("users", "id"),
                ))
                .check(check("conducts_cancels", "cancels >= 0"))
                .check(check("conducts_version", "version > 0")),
            HOT,
            false,
        )
        .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        Kit::new(manager).drop(&["conducts"]).await
    }
}
