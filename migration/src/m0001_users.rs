//! People, and the two parties of the system that own accounts without being anybody.

use sea_orm_migration::prelude::*;

use crate::kit::{Kit, check, unique_key};

/// The world outside, and what the market has earned. The names in place of their e-mail addresses are no addresses, so
/// nobody can ever register or log in as one of them.
const SYSTEM: [(u128, &str, &str); 2] = [
    (1, "system:external", "External"),
    (2, "system:fees", "Fees"),
];

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let kit = Kit::new(manager);
        kit.create_refusal().await?;
        kit.create_expectation().await?;
        kit.table(
            Table::create()
                .table("users")
                .col(kit.id("id").primary_key())
                .col(kit.text("email"))
                .col(kit.text("name"))
                .col(kit.small("roles"))
                .col(kit.text("password_hash").null())
                .col(kit.number("created_at"))
                .col(kit.number("version"))
                .index(&mut unique_key("users_email", &["email"]))
                .check(check("users_roles", "roles BETWEEN 0 AND 15"))
                .check(check("users_version", "version > 0")),
            "",
            false,
        )
        .await?;
        kit.permanent("users", "id").await?;
        for (id, email, name) in SYSTEM {
            kit.run(format!(
                "INSERT INTO users (id, email, name, roles, created_at, version) \
                 VALUES ({}, '{email}', '{name}', 0, 0, 1)",
                kit.id_literal(id)
            ))
            .await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let kit = Kit::new(manager);
        kit.drop(&["users"]).await?;
        kit.drop_refusal().await
    }
}
