//! Messages that could not take effect, for a broker that has no place of its own for them.

use sea_orm_migration::prelude::*;

use crate::kit::{Kit, check, one_of, primary_key};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let kit = Kit::new(manager);
        kit.table(
            Table::create()
                .table("dead_letters")
                .col(kit.id("message_id"))
                .col(kit.text("queue"))
                .col(kit.text("name"))
                .col(kit.text("aggregate_type"))
                .col(kit.id("aggregate_id"))
                .col(kit.number("version"))
                .col(kit.text("body"))
                .col(kit.number("created_at"))
                .col(kit.text("reason"))
                .col(kit.number("died_at"))
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
        kit.index(
            "dead_letters_oldest",
            "dead_letters",
            &["died_at", "message_id", "queue"],
            None,
        )
        .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        Kit::new(manager).drop(&["dead_letters"]).await
    }
}
