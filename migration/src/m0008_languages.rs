//! In which language people are told things, and a short way to those who decide disputes.

use sea_orm_migration::prelude::*;

use crate::schema::{SchemaBuilder, one_of};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let schema = SchemaBuilder::new(manager);
        schema
            .run(format!(
                "ALTER TABLE users ADD COLUMN language text NOT NULL DEFAULT 'en' \
             CONSTRAINT users_language CHECK ({})",
                one_of("language", &["en", "ru"])
            ))
            .await?;
        // MODERATOR is the bit 4, ADMIN the bit 8.
        schema
            .index("users_staff", "users", &["id"], Some("roles >= 4"))
            .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let schema = SchemaBuilder::new(manager);
        schema.run("DROP INDEX users_staff".to_owned()).await?;
        schema
            .run("ALTER TABLE users DROP COLUMN language".to_owned())
            .await
    }
}
