//! Messages that could not take effect, for a broker that has no place of its own for them.

use sea_orm_migration::prelude::*;

use crate::schema::{SchemaBuilder, check, one_of, primary_key};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let schema = SchemaBuilder::new(manager);
        schema
            .table(
                Table::create()
                    .table("dead_letters")
                    .col(schema.id("message_id"))
                    .col(schema.text("queue"))
                    .col(schema.text("name"))
                    .col(schema.text("aggregate_type"))
                    .col(schema.id("aggregate_id"))
                    .col(schema.number("version"))
                    .col(schema.text("body"))
                    .col(schema.number("created_at"))
                    .col(schema.text("reason"))
                    .col(schema.number("died_at"))
                    // The message first: it is looked for without its queue.
                    .primary_key(&mut primary_key(
                        "dead_letters_key",
                        &["message_id", "queue"],
                    ))
                    .check(check(
                        "dead_letters_aggregate_type",
                        one_of("aggregate_type", &["OFFER", "DISPUTE", "EXCHANGER"]),
                    )),
                "",
                true,
            )
            .await?;
        schema
            .index(
                "dead_letters_oldest",
                "dead_letters",
                &["died_at", "message_id", "queue"],
                None,
            )
            .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        SchemaBuilder::new(manager).drop(&["dead_letters"]).await
    }
}
