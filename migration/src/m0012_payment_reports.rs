//! What payment providers have reported, kept as it came.

use sea_orm_migration::prelude::*;

use crate::schema::{SchemaBuilder, check, foreign_key, one_of, unique_key};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let schema = SchemaBuilder::new(manager);
        schema
            .table(
                Table::create()
                    .table("payment_reports")
                    .col(schema.id("id").primary_key())
                    .col(schema.text("provider"))
                    .col(schema.text("callback"))
                    .col(schema.text("deal_reference"))
                    .col(schema.text("payment_reference"))
                    .col(schema.number("paid"))
                    .col(schema.text("currency"))
                    .col(schema.id("offer_id").null())
                    .col(schema.text("outcome"))
                    .col(schema.number("received_at"))
                    .index(&mut unique_key(
                        "payment_reports_callback",
                        &["provider", "callback"],
                    ))
                    .foreign_key(&mut foreign_key(
                        "payment_reports_offer",
                        ("payment_reports", "offer_id"),
                        ("offers", "id"),
                    ))
                    .check(check("payment_reports_paid", "paid > 0"))
                    .check(check(
                        "payment_reports_outcome",
                        one_of(
                            "outcome",
                            &[
                                "APPLIED",
                                "UNKNOWN_DEAL",
                                "WRONG_CURRENCY",
                                "WRONG_AMOUNT",
                                "NOT_AWAITED",
                            ],
                        ),
                    ))
                    .check(check(
                        "payment_reports_deal",
                        "(offer_id IS NULL) = (outcome = 'UNKNOWN_DEAL')",
                    )),
                "",
                false,
            )
            .await?;
        schema.append_only("payment_reports").await?;
        // Those that moderators look into, and the others.
        schema
            .index(
                "payment_reports_open",
                "payment_reports",
                &["id"],
                Some("outcome <> 'APPLIED'"),
            )
            .await?;
        schema
            .index(
                "payment_reports_applied",
                "payment_reports",
                &["id"],
                Some("outcome = 'APPLIED'"),
            )
            .await?;
        schema
            .index(
                "payment_reports_of_offer",
                "payment_reports",
                &["offer_id", "id"],
                Some("offer_id IS NOT NULL"),
            )
            .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        SchemaBuilder::new(manager).drop(&["payment_reports"]).await
    }
}
