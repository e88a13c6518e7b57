//! The audit trail, append-only, and the one row that says where it ends: whoever appends changes it, one at a time.

use sea_orm_migration::prelude::*;

use crate::kit::{HOT, Kit, check};

/// What the hash of each record goes on from, before there is any.
const GENESIS: &str = "0000000000000000000000000000000000000000000000000000000000000000";

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let kit = Kit::new(manager);
        trail(&kit).await?;
        kit.table(
            Table::create()
                .table("audit_head")
                .col(kit.small("id").primary_key())
                .col(kit.number("count"))
                .col(kit.text("hash"))
                .check(check("audit_head_one_row", "id = 1"))
                .check(check("audit_head_count", "count >= 0"))
                .check(check("audit_head_hash", "length(hash) = 64")),
            HOT,
            false,
        )
        .await?;
        kit.run(format!(
            "INSERT INTO audit_head (id, count, hash) VALUES (1, 0, '{GENESIS}')"
        ))
        .await?;
        kit.permanent("audit_head", "id").await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        Kit::new(manager).drop(&["audit_head", "audit_trail"]).await
    }
}

/// It refers to nothing: what it says stays true, whatever becomes of those it speaks of.
async fn trail(kit: &Kit<'_>) -> Result<(), DbErr> {
    kit.table(
        Table::create()
            .table("audit_trail")
            .col(kit.number("number").primary_key())
            .col(kit.number("at"))
            .col(kit.id("actor_id").null())
            .col(kit.id("session_id").null())
            .col(kit.text("address").null())
            // Not a list of those there are: every new action would alter it.
            .col(kit.text("action"))
            .col(kit.text("subject"))
            .col(kit.text("detail"))
            .col(kit.text("hash"))
            .check(check("audit_trail_number_positive", "number > 0"))
            .check(check("audit_trail_hash", "length(hash) = 64")),
        "",
        false,
    )
    .await?;
    kit.append_only("audit_trail").await?;
    let by_somebody = Some("actor_id IS NOT NULL");
    for (name, columns, only) in [
        (
            "audit_trail_of_actor",
            &["actor_id", "number"][..],
            by_somebody,
        ),
        // Somebody who logs in every day has done little else.
        (
            "audit_trail_of_actor_by_action",
            &["actor_id", "action", "number"],
            by_somebody,
        ),
        ("audit_trail_of_subject", &["subject", "number"], None),
        ("audit_trail_by_action", &["action", "number"], None),
    ] {
        kit.index(name, "audit_trail", columns, only).await?;
    }
    Ok(())
}
