//! How customers behave: a row for each who has ever called off a deal.

use sea_orm_migration::prelude::*;

use crate::schema::{HOT, SchemaBuilder, check, foreign_key};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let schema = SchemaBuilder::new(manager);
        schema
            .table(
                Table::create()
                    .table("conducts")
                    .col(schema.id("user_id").primary_key())
                    .col(schema.number("cancels"))
                    .col(schema.number("counted_from"))
                    .col(schema.number("paused_until").null())
                    .col(schema.number("version"))
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
        SchemaBuilder::new(manager).drop(&["conducts"]).await
    }
}
