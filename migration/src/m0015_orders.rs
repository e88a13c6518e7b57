//! Orders. Their payments belong to another module: they are named, and not referred to.

use sea_orm_migration::prelude::*;

use crate::kit::{Kit, Reference, check, one_of};

const REFERENCES: [Reference; 1] = [Reference::new(
    "orders_user",
    ("orders", "user_id"),
    ("users", "id"),
)];

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let kit = Kit::new(manager);
        kit.table(
            kit.bulk_references(&mut Table::create(), &REFERENCES)
                .table("orders")
                .col(kit.id("id").primary_key())
                .col(kit.id("user_id"))
                .col(kit.id("merchant_id").null())
                .col(kit.text("asset"))
                .col(kit.number("amount"))
                .col(kit.text("description"))
                .col(kit.text("status"))
                .col(kit.id("payment_id").null())
                .col(kit.text("reason").null())
                .col(kit.number("settled_at").null())
                .col(kit.number("refunded_at").null())
                .col(kit.number("created_at"))
                .col(kit.number("version"))
                .check(check("orders_amount_positive", "amount > 0"))
                .check(check(
                    "orders_two_sides",
                    "merchant_id IS NULL OR merchant_id <> user_id",
                ))
                .check(check(
                    "orders_status",
                    one_of("status", &["NEW", "FINISHED", "CANCELLED"]),
                ))
                .check(check(
                    "orders_settled_as_a_whole",
                    "(payment_id IS NOT NULL) = (status = 'FINISHED') \
                     AND (reason IS NOT NULL) = (status = 'CANCELLED') \
                     AND (settled_at IS NULL) = (status = 'NEW') \
                     AND (refunded_at IS NULL OR status = 'FINISHED')",
                ))
                .check(check("orders_version", "version > 0")),
            "",
            false,
        )
        .await?;
        kit.references(&REFERENCES).await?;
        kit.index("orders_of_user", "orders", &["user_id", "id"], None)
            .await?;
        // Nearly all orders are finished: those that are not have indexes of their own, and a finished one is in none.
        kit.index(
            "orders_new",
            "orders",
            &["user_id", "id"],
            Some("status = 'NEW'"),
        )
        .await?;
        kit.index(
            "orders_cancelled",
            "orders",
            &["user_id", "id"],
            Some("status = 'CANCELLED'"),
        )
        .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        Kit::new(manager).drop(&["orders"]).await
    }
}
