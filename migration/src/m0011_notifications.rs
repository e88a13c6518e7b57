//! What people are told, and how much of it each has read.

use sea_orm_migration::prelude::*;

use crate::kit::{HOT, Kit, Reference, check, foreign_key, unique_key};

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
        let kit = Kit::new(manager);
        mailboxes(&kit).await?;
        notifications(&kit).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        Kit::new(manager)
            .drop(&["notifications", "mailboxes"])
            .await
    }
}

async fn mailboxes(kit: &Kit<'_>) -> Result<(), DbErr> {
    kit.table(
        Table::create()
            .table("mailboxes")
            .col(kit.id("user_id").primary_key())
            .col(kit.number("last"))
            .col(kit.number("read_to"))
            .col(kit.number("version"))
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

async fn notifications(kit: &Kit<'_>) -> Result<(), DbErr> {
    kit.table(
        kit.bulk_references(&mut Table::create(), &REFERENCES)
            .table("notifications")
            .col(kit.id("id").primary_key())
            .col(kit.id("user_id"))
            .col(kit.number("number"))
            // Not a list of those there are, as in the outbox: every new event would alter it.
            .col(kit.text("event"))
            .col(kit.id("offer_id").null())
            .col(kit.id("dispute_id").null())
            .col(kit.id("exchanger_id").null())
            .col(kit.number("amount").null())
            .col(kit.text("asset").null())
            .col(kit.number("fiat_amount").null())
            .col(kit.text("fiat").null())
            .col(kit.text("detail").null())
            .col(kit.number("at"))
            .col(kit.number("read_at").null())
            .col(kit.number("version"))
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
    kit.references(&REFERENCES).await?;
    kit.index(
        "notifications_unread",
        "notifications",
        &["user_id", "number"],
        Some("read_at IS NULL"),
    )
    .await
}
