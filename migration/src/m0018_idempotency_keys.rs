//! Requests that were answered, each written in the commit of its effect and forgotten a day later.

use sea_orm_migration::prelude::*;

use crate::schema::{SchemaBuilder, check, primary_key};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let schema = SchemaBuilder::new(manager);
        schema
            .table(
                Table::create()
                    .table("idempotency_keys")
                    // A user or an unregistered caller, hence no foreign key.
                    .col(schema.id("caller"))
                    .col(schema.text("operation"))
                    .col(schema.text("key"))
                    .col(schema.id("fingerprint"))
                    .col(schema.small("status"))
                    .col(schema.text("body"))
                    .col(schema.number("created_at"))
                    .primary_key(&mut primary_key(
                        "idempotency_keys_key",
                        &["caller", "operation", "key"],
                    ))
                    .check(check(
                        "idempotency_keys_status",
                        "status BETWEEN 100 AND 599",
                    )),
                "",
                true,
            )
            .await?;
        // The oldest are forgotten a few at a time, as in the inbox.
        schema
            .index(
                "idempotency_keys_oldest",
                "idempotency_keys",
                &["created_at"],
                None,
            )
            .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        SchemaBuilder::new(manager)
            .drop(&["idempotency_keys"])
            .await
    }
}
