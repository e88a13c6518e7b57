//! When passwords and roles were changed, and e-mail addresses verified. Of what was before nothing more is known than when
//! the account was made.

use sea_orm_migration::prelude::*;

use crate::kit::Kit;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let kit = Kit::new(manager);
        kit.add_number("users", "password_changed_at", "NOT NULL DEFAULT 0")
            .await?;
        kit.add_number("users", "email_verified_at", "").await?;
        kit.add_number("users", "roles_changed_at", "").await?;
        kit.run("UPDATE users SET password_changed_at = created_at".to_owned())
            .await?;
        // Every replica asks again and again what has changed of late: next to nothing.
        kit.index(
            "users_roles_changed",
            "users",
            &["roles_changed_at", "id"],
            Some("roles_changed_at IS NOT NULL"),
        )
        .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let kit = Kit::new(manager);
        kit.run("DROP INDEX users_roles_changed".to_owned()).await?;
        for column in [
            "password_changed_at",
            "email_verified_at",
            "roles_changed_at",
        ] {
            kit.drop_column("users", column).await?;
        }
        Ok(())
    }
}
