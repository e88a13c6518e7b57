//! Second factors. The secret is sealed, and of recovery codes there are digests only.

use sea_orm_migration::prelude::*;

use crate::kit::{Kit, check, foreign_key};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let kit = Kit::new(manager);
        kit.table(
            Table::create()
                .table("second_factors")
                .col(kit.id("user_id").primary_key())
                .col(kit.text("secret"))
                .col(kit.number("active_since").null())
                .col(kit.number("last_step"))
                // Digests in hexadecimal digits, with commas between them.
                .col(kit.text("recovery"))
                .col(kit.number("version"))
                .foreign_key(&mut foreign_key(
                    "second_factors_user",
                    ("second_factors", "user_id"),
                    ("users", "id"),
                ))
                .check(check("second_factors_last_step", "last_step >= 0"))
                .check(check("second_factors_version", "version > 0")),
            "",
            false,
        )
        .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        Kit::new(manager).drop(&["second_factors"]).await
    }
}
