//! The audit log, append-only, and the one row that holds its head: each append changes it, so appends take turns.

use sea_orm_migration::prelude::*;

use crate::schema::{HOT, SchemaBuilder, check};

/// What the hash of each record goes on from, before there is any.
const GENESIS: &str = "0000000000000000000000000000000000000000000000000000000000000000";

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let schema = SchemaBuilder::new(manager);
        audit_log(&schema).await?;
        schema
            .table(
                Table::create()
                    .table("audit_head")
                    .col(schema.small("id").primary_key())
                    .col(schema.number("count"))
                    .col(schema.text("hash"))
                    .check(check("audit_head_one_row", "id = 1"))
                    .check(check("audit_head_count", "count >= 0"))
                    .check(check("audit_head_hash", "length(hash) = 64")),
                HOT,
                false,
            )
            .await?;
        schema
            .run(format!(
                "INSERT INTO audit_head (id, count, hash) VALUES (1, 0, '{GENESIS}')"
            ))
            .await?;
        schema.permanent("audit_head", "id").await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        SchemaBuilder::new(manager)
            .drop(&["audit_head", "audit_trail"])
            .await
    }
}

/// It refers to nothing: what it says stays true, whatever becomes of those it speaks of.
async fn audit_log(schema: &SchemaBuilder<'_>) -> Result<(), DbErr> {
    schema
        .table(
            Table::create()
                .table("audit_trail")
                .col(schema.number("number").primary_key())
                .col(schema.number("at"))
                .col(schema.id("actor_id").null())
                .col(schema.id("session_id").null())
                .col(schema.text("address").null())
                // Not a list of those there are: every new action would alter it.
                .col(schema.text("action"))
                .col(schema.text("subject"))
                .col(schema.text("detail"))
                .col(schema.text("hash"))
                .check(check("audit_trail_number_positive", "number > 0"))
                .check(check("audit_trail_hash", "length(hash) = 64")),
            "",
            false,
        )
        .await?;
    schema.append_only("audit_trail").await?;
    let with_actor = Some("actor_id IS NOT NULL");
    for (name, columns, only) in [
        (
            "audit_trail_of_actor",
            &["actor_id", "number"][..],
            with_actor,
        ),
        // Most records of an actor are log-ins.
        (
            "audit_trail_of_actor_by_action",
            &["actor_id", "action", "number"],
            with_actor,
        ),
        ("audit_trail_of_subject", &["subject", "number"], None),
        ("audit_trail_by_action", &["action", "number"], None),
    ] {
        schema.index(name, "audit_trail", columns, only).await?;
    }
    Ok(())
}
