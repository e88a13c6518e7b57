//! Second factors. The secret is sealed, and of recovery codes there are digests only.

use sea_orm_migration::prelude::*;

use crate::schema::{SchemaBuilder, check, foreign_key};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let schema = SchemaBuilder::new(manager);
        schema
            .table(
                Table::create()
                    .table("second_factors")
                    .col(schema.id("user_id").primary_key())
                    .col(schema.text("secret"))
                    .col(schema.number("active_since").null())
                    .col(schema.number("last_step"))
                    // Digests in hexadecimal digits, with commas between them.
                    .col(schema.text("recovery"))
                    .col(schema.number("version"))
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
        SchemaBuilder::new(manager).drop(&["second_factors"]).await
    }
}
