//! Log-ins, and what followed from them until they were over.

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
                    .table("sessions")
                    .col(schema.id("id").primary_key())
                    .col(schema.id("user_id"))
                    .col(schema.text("address").null())
                    .col(schema.text("client"))
                    .col(schema.number("started_at"))
                    .col(schema.number("last_used_at"))
                    .col(schema.number("expires_at"))
                    .col(schema.number("generation"))
                    .col(schema.number("proved_at").null())
                    .col(schema.number("ended_at").null())
                    // Not a list of those there are: every new reason would alter it.
                    .col(schema.text("ended_why").null())
                    .col(schema.number("version"))
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
        schema
            .index(
                "sessions_open_of_user",
                "sessions",
                &["user_id", "id"],
                Some("ended_at IS NULL"),
            )
            .await?;
        schema
            .index(
                "sessions_ended",
                "sessions",
                &["ended_at", "id"],
                Some("ended_at IS NOT NULL"),
            )
            .await?;
        schema
            .index("sessions_expiring", "sessions", &["expires_at"], None)
            .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        SchemaBuilder::new(manager).drop(&["sessions"]).await
    }
}
