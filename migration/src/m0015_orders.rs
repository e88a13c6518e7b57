//! Orders. Their payments belong to another module: they are named, and not referred to.

use sea_orm_migration::prelude::*;

use crate::schema::{Reference, SchemaBuilder, check, one_of};

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
        let schema = SchemaBuilder::new(manager);
        schema
            .table(
                schema
                    .bulk_references(&mut Table::create(), &REFERENCES)
                    .table("orders")
                    .col(schema.id("id").primary_key())
                    .col(schema.id("user_id"))
                    .col(schema.id("merchant_id").null())
                    .col(schema.text("asset"))
                    .col(schema.number("amount"))
                    .col(schema.text("description"))
                    .col(schema.text("status"))
                    .col(schema.id("payment_id").null())
                    .col(schema.text("reason").null())
                    .col(schema.number("settled_at").null())
                    .col(schema.number("refunded_at").null())
                    .col(schema.number("created_at"))
                    .col(schema.number("version"))
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
        schema.references(&REFERENCES).await?;
        schema
            .index("orders_of_user", "orders", &["user_id", "id"], None)
            .await?;
        // Nearly all orders are finished: those that are not have indexes of their own, and a finished one is in none.
        schema
            .index(
                "orders_new",
                "orders",
                &["user_id", "id"],
                Some("status = 'NEW'"),
            )
            .await?;
        schema
            .index(
                "orders_cancelled",
                "orders",
                &["user_id", "id"],
                Some("status = 'CANCELLED'"),
            )
            .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        SchemaBuilder::new(manager).drop(&["orders"]).await
    }
}
