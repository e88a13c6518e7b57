//! Messages that have taken effect, each written in the commit of its effect and forgotten long after.

use sea_orm_migration::prelude::*;

use crate::schema::{SchemaBuilder, primary_key};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let schema = SchemaBuilder::new(manager);
        schema
            .table(
                Table::create()
                    .table("inbox")
                    .col(schema.text("consumer"))
                    .col(schema.text("message"))
                    .col(schema.number("taken_at"))
                    .primary_key(&mut primary_key("inbox_key", &["consumer", "message"])),
                "",
                true,
            )
            .await?;
        // The oldest are forgotten a few at a time, so their order is needed; a coarse index (BRIN) would not have it, and
        // loses its worth as the room of what was forgotten is used again.
        schema
            .index("inbox_oldest", "inbox", &["consumer", "taken_at"], None)
            .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        SchemaBuilder::new(manager).drop(&["inbox"]).await
    }
}
