//! What people are told, and how much of it each has read.

use sea_orm_migration::prelude::*;

use crate::schema::{HOT, Reference, SchemaBuilder, check, foreign_key, unique_key};

/// Notifications are written in bulk. What else they name is what an event has said, and is not looked up.
const REFERENCES: [Reference; 1] = [Reference::new(
    "notifications_user",
    ("notifications", "user_id"),
    ("users", "id"),
)];

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let schema = SchemaBuilder::new(manager);
        mailboxes(&schema).await?;
        notifications(&schema).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        SchemaBuilder::new(manager)
            .drop(&["notifications", "mailboxes"])
            .await
    }
}

async fn mailboxes(schema: &SchemaBuilder<'_>) -> Result<(), DbErr> {
    schema
        .table(
            Table::create()
                .table("mailboxes")
                .col(schema.id("user_id").primary_key())
                .col(schema.number("last"))
                .col(schema.number("read_to"))
                .col(schema.number("version"))
                .foreign_key(&mut foreign_key(
                    "mailboxes_user",
                    ("mailboxes", "user_id"),
                    ("users", "id"),
                ))
                .check(check("mailboxes_read_to", "read_to BETWEEN 0 AND last"))
                .check(check("mailboxes_version", "version > 0")),
            HOT,
            false,
        )
        .await
}

async fn notifications(schema: &SchemaBuilder<'_>) -> Result<(), DbErr> {
    schema
        .table(
            schema
                .bulk_references(&mut Table::create(), &REFERENCES)
                .table("notifications")
                .col(schema.id("id").primary_key())
                .col(schema.id("user_id"))
                .col(schema.number("number"))
                // Not a list of those there are, as in the outbox: every new event would alter it.
                .col(schema.text("event"))
                .col(schema.id("offer_id").null())
                .col(schema.id("dispute_id").null())
                .col(schema.id("exchanger_id").null())
                .col(schema.number("amount").null())
                .col(schema.text("asset").null())
                .col(schema.number("fiat_amount").null())
                .col(schema.text("fiat").null())
                .col(schema.text("detail").null())
                .col(schema.number("at"))
                .col(schema.number("read_at").null())
                .col(schema.number("version"))
                .index(&mut unique_key(
                    "notifications_number",
                    &["user_id", "number"],
                ))
                .check(check("notifications_number_positive", "number > 0"))
                .check(check(
                    "notifications_amounts",
                    "(amount IS NULL) = (asset IS NULL) AND (fiat_amount IS NULL) = (fiat IS NULL)",
                ))
                .check(check("notifications_version", "version > 0")),
            "",
            false,
        )
        .await?;
    schema.references(&REFERENCES).await?;
    schema
        .index(
            "notifications_unread",
            "notifications",
            &["user_id", "number"],
            Some("read_at IS NULL"),
        )
        .await
}
