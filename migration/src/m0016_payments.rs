//! Payments, made or declined. Orders belong to another module, and accounts are stored as the caller named them, whether or not
//! they are there: neither is referred to.

use sea_orm_migration::prelude::*;

use crate::schema::{SchemaBuilder, check, one_of};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let schema = SchemaBuilder::new(manager);
        schema.table(
            Table::create()
                .table("payments")
                .col(schema.id("id").primary_key())
                .col(schema.id("order_id").null())
                .col(schema.id("caller_id").null())
                .col(schema.text("key").null())
                .col(schema.id("payer_account_id").null())
                .col(schema.id("payee_account_id").null())
                // The requested amount; a payment of zero or less is declined and stored too.
                .col(schema.number("amount"))
                .col(schema.text("asset"))
                .col(schema.text("description"))
                .col(schema.text("status"))
                // Not a list of those there are: every new reason to decline would alter it.
                .col(schema.text("decline").null())
                .col(schema.id("refunded_by").null())
                .col(schema.number("refunded_at").null())
                .col(schema.number("processed_at"))
                .col(schema.number("version"))
                .check(check(
                    "payments_one_origin",
                    "(order_id IS NULL) <> (caller_id IS NULL) AND (caller_id IS NULL) = (key IS NULL)",
                ))
                .check(check(
                    "payments_status",
                    one_of("status", &["AUTHORIZED", "DECLINED", "REFUNDED"]),
                ))
                .check(check(
                    "payments_processed_as_a_whole",
                    "(decline IS NOT NULL) = (status = 'DECLINED') \
                     AND (refunded_by IS NOT NULL) = (status = 'REFUNDED') \
                     AND (refunded_at IS NOT NULL) = (status = 'REFUNDED')",
                ))
                .check(check(
                    "payments_moved",
                    "status = 'DECLINED' \
                     OR (amount > 0 AND payer_account_id IS NOT NULL AND payee_account_id IS NOT NULL)",
                ))
                .check(check("payments_version", "version > 0")),
            "",
            false,
        )
        .await?;
        // One payment for each reason to pay; a payment has one reason, so each index holds its own kind only.
        schema.run(
            "CREATE UNIQUE INDEX payments_of_order ON payments (order_id) WHERE order_id IS NOT NULL"
                .to_owned(),
        )
        .await?;
        schema.run(
            "CREATE UNIQUE INDEX payments_of_caller ON payments (caller_id, key) WHERE caller_id IS NOT NULL"
                .to_owned(),
        )
        .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        SchemaBuilder::new(manager).drop(&["payments"]).await
    }
}
