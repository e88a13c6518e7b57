//! When passwords and roles were changed, and e-mail addresses verified. Of what was before nothing more is known than when
//! the account was made.

use sea_orm_migration::prelude::*;

use crate::schema::SchemaBuilder;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let schema = SchemaBuilder::new(manager);
        schema
            .add_number("users", "password_changed_at", "NOT NULL DEFAULT 0")
            .await?;
        schema.add_number("users", "email_verified_at", "").await?;
        schema.add_number("users", "roles_changed_at", "").await?;
        schema
            .run("UPDATE users SET password_changed_at = created_at".to_owned())
            .await?;
        // Every replica asks again and again what has changed of late: next to nothing.
        schema
            .index(
                "users_roles_changed",
                "users",
                &["roles_changed_at", "id"],
                Some("roles_changed_at IS NOT NULL"),
            )
            .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let schema = SchemaBuilder::new(manager);
        schema
            .run("DROP INDEX users_roles_changed".to_owned())
            .await?;
        for column in [
            "password_changed_at",
            "email_verified_at",
            "roles_changed_at",
        ] {
            schema.drop_column("users", column).await?;
        }
        Ok(())
    }
}
