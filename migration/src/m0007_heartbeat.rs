//! When the market was last known to be alive: one row, empty until the first note.

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
                    .table("heartbeat")
                    .col(schema.small("id").primary_key())
                    .col(schema.number("beat_at").null())
                    .check(check("heartbeat_one_row", "id = 1")),
                "",
                false,
            )
            .await?;
        schema
            .run("INSERT INTO heartbeat (id, beat_at) VALUES (1, NULL)".to_owned())
            .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        SchemaBuilder::new(manager).drop(&["heartbeat"]).await
    }
}
