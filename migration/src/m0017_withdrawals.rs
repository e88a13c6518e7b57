//! Withdrawals, and what was decided about them.

use sea_orm_migration::prelude::*;

use crate::schema::{SchemaBuilder, check, foreign_key, one_of};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let schema = SchemaBuilder::new(manager);
        schema
            .table(
                Table::create()
                    .table("withdrawals")
                    .col(schema.id("id").primary_key())
                    .col(schema.id("user_id"))
                    .col(schema.text("asset"))
                    .col(schema.number("amount"))
                    .col(schema.text("destination"))
                    .col(schema.text("status"))
                    .col(schema.id("decided_by").null())
                    .col(schema.number("decided_at").null())
                    // What the payment is called outside, or why there is none.
                    .col(schema.text("note").null())
                    .col(schema.number("created_at"))
                    .col(schema.number("version"))
                    .foreign_key(&mut foreign_key(
                        "withdrawals_user",
                        ("withdrawals", "user_id"),
                        ("users", "id"),
                    ))
                    .check(check("withdrawals_amount_positive", "amount > 0"))
                    .check(check(
                        "withdrawals_status",
                        one_of("status", &["REQUESTED", "APPROVED", "REJECTED"]),
                    ))
                    .check(check(
                        "withdrawals_decided_as_a_whole",
                        "(decided_by IS NULL) = (status = 'REQUESTED') \
                     AND (decided_at IS NULL) = (status = 'REQUESTED') \
                     AND (note IS NULL) = (status = 'REQUESTED')",
                    ))
                    .check(check("withdrawals_version", "version > 0")),
                "",
                false,
            )
            .await?;
        // They are few, and looked at by people in each of these ways.
        for (name, columns) in [
            ("withdrawals_of_user", &["user_id", "id"][..]),
            (
                "withdrawals_of_user_by_status",
                &["user_id", "status", "id"],
            ),
            ("withdrawals_by_status", &["status", "id"]),
        ] {
            schema.index(name, "withdrawals", columns, None).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        SchemaBuilder::new(manager).drop(&["withdrawals"]).await
    }
}
