//! Withdrawals, and what was decided about them.

use sea_orm_migration::prelude::*;

use crate::kit::{Kit, check, foreign_key, one_of};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let kit = Kit::new(manager);
        kit.table(
            Table::create()
                .table("withdrawals")
                .col(kit.id("id").primary_key())
                .col(kit.id("user_id"))
                .col(kit.text("asset"))
                .col(kit.number("amount"))
                .col(kit.text("destination"))
                .col(kit.text("status"))
                .col(kit.id("decided_by").null())
                .col(kit.number("decided_at").null())
                // What the payment is called outside, or why there is none.
                .col(kit.text("note").null())
                .col(kit.number("created_at"))
                .col(kit.number("version"))
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
            kit.index(name, "withdrawals", columns, None).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        Kit::new(manager).drop(&["withdrawals"]).await
    }
}
