//! Log-ins, and what followed from them until they were over.

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
                .table("sessions")
                .col(kit.id("id").primary_key())
                .col(kit.id("user_id"))
                .col(kit.text("address").null())
                .col(kit.text("client"))
                .col(kit.number("started_at"))
                .col(kit.number("last_used_at"))
                .col(kit.number("expires_at"))
                .col(kit.number("generation"))
                .col(kit.number("proved_at").null())
                .col(kit.number("ended_at").null())
                // Not a list of those there are: every new reason would alter it.
                .col(kit.text("ended_why").null())
                .col(kit.number("version"))
                .foreign_key(&mut foreign_key(
                    "sessions_user",
                    ("sessions", "user_id"),
                    ("users", "id"),
                ))
                .check(check("sessions_generation", "generation > 0"))
                .check(check(
                    "sessions_ended_as_a_whole",
                    "(ended_at IS NULL) = (ended_why IS NULL)",
                ))
                .check(check("sessions_version", "version > 0")),
            HOT,
            false,
        )
        .await?;
        // A refresh changes nothing that any of these holds.
        kit.index(
            "sessions_open_of_user",
            "sessions",
            &["user_id", "id"],
            Some("ended_at IS NULL"),
        )
        .await?;
        kit.index(
            "sessions_ended",
            "sessions",
            &["ended_at", "id"],
            Some("ended_at IS NOT NULL"),
        )
        .await?;
        kit.index("sessions_expiring", "sessions", &["expires_at"], None)
            .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        Kit::new(manager).drop(&["sessions"]).await
    }
}
