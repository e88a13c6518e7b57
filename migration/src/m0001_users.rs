//! Users, and the two system parties that own accounts.

use sea_orm_migration::prelude::*;

use crate::schema::{SchemaBuilder, check, unique_key};

/// The world outside, and what the market has earned. The names in place of their e-mail addresses are no addresses, so
/// it is impossible to register or log in as one of them.
const SYSTEM: [(u128, &str, &str); 2] = [
    (1, "system:external", "External"),
    (2, "system:fees", "Fees"),
];

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let schema = SchemaBuilder::new(manager);
        schema.create_refusal().await?;
        schema.create_expectation().await?;
        schema
            .table(
                Table::create()
                    .table("users")
                    .col(schema.id("id").primary_key())
                    .col(schema.text("email"))
                    .col(schema.text("name"))
                    .col(schema.small("roles"))
                    .col(schema.text("password_hash").null())
                    .col(schema.number("created_at"))
                    .col(schema.number("version"))
                    .index(&mut unique_key("users_email", &["email"]))
                    .check(check("users_roles", "roles BETWEEN 0 AND 15"))
                    .check(check("users_version", "version > 0")),
                "",
                false,
            )
            .await?;
        schema.permanent("users", "id").await?;
        for (id, email, name) in SYSTEM {
            schema
                .run(format!(
                    "INSERT INTO users (id, email, name, roles, created_at, version) \
                 VALUES ({}, '{email}', '{name}', 0, 0, 1)",
                    schema.id_literal(id)
                ))
                .await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let schema = SchemaBuilder::new(manager);
        schema.drop(&["users"]).await?;
        schema.drop_refusal().await
    }
}
