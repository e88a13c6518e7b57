//! Disputes and what was said about them.

use sea_orm_migration::prelude::*;

use crate::schema::{SchemaBuilder, check, foreign_key, one_of, primary_key, unique_key};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let schema = SchemaBuilder::new(manager);
        disputes(&schema).await?;
        comments(&schema).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        SchemaBuilder::new(manager)
            .drop(&["dispute_comments", "disputes"])
            .await
    }
}

async fn disputes(schema: &SchemaBuilder<'_>) -> Result<(), DbErr> {
    schema.table(
        Table::create()
            .table("disputes")
            .col(schema.id("id").primary_key())
            .col(schema.id("offer_id"))
            // The deal's two sides, copied from it (they never change): a user's disputes are found without their deals.
            .col(schema.id("customer_id"))
            .col(schema.id("exchanger_id"))
            .col(schema.text("opened_by"))
            .col(schema.id("opener_id").null())
            .col(schema.text("reason"))
            .col(schema.number("opened_at"))
            .col(schema.text("state"))
            .col(schema.text("resolution").null())
            .col(schema.number("payer_amount").null())
            .col(schema.text("payer_asset").null())
            .col(schema.id("resolved_by").null())
            .col(schema.text("resolution_comment").null())
            .col(schema.number("resolved_at").null())
            .col(schema.number("version"))
            .index(&mut unique_key(
                "disputes_one_of_each_side",
                &["offer_id", "opened_by"],
            ))
            .foreign_key(&mut foreign_key(
                "disputes_offer",
                ("disputes", "offer_id"),
                ("offers", "id"),
            ))
            .foreign_key(&mut foreign_key(
                "disputes_opener",
                ("disputes", "opener_id"),
                ("users", "id"),
            ))
            .foreign_key(&mut foreign_key(
                "disputes_resolver",
                ("disputes", "resolved_by"),
                ("users", "id"),
            ))
            .check(check(
                "disputes_opened_by",
                one_of("opened_by", &["CUSTOMER", "EXCHANGER", "SYSTEM"]),
            ))
            .check(check(
                "disputes_opener_is_a_person",
                "(opener_id IS NULL) = (opened_by = 'SYSTEM')",
            ))
            .check(check("disputes_state", one_of("state", &["OPEN", "RESOLVED"])))
            .check(check(
                "disputes_resolution",
                one_of(
                    "resolution",
                    &["RESOLVED_FINISHED", "RESOLVED_CANCELLED", "RESOLVED_SPLIT"],
                ),
            ))
            .check(check(
                "disputes_resolved_as_a_whole",
                "(state = 'RESOLVED') = (resolution IS NOT NULL) \
                 AND (state = 'RESOLVED') = (resolved_by IS NOT NULL) \
                 AND (state = 'RESOLVED') = (resolution_comment IS NOT NULL) \
                 AND (state = 'RESOLVED') = (resolved_at IS NOT NULL)",
            ))
            .check(check(
                "disputes_payer_amount",
                "(payer_amount IS NOT NULL) = (payer_asset IS NOT NULL) \
                 AND (payer_amount IS NOT NULL) = (resolution IS NOT NULL AND resolution = 'RESOLVED_SPLIT') \
                 AND (payer_amount IS NULL OR payer_amount > 0)",
            ))
            .check(check("disputes_version", "version > 0")),
        "",
        false,
    )
    .await?;
    schema
        .index("disputes_open", "disputes", &["id"], Some("state = 'OPEN'"))
        .await?;
    schema
        .index(
            "disputes_of_customer",
            "disputes",
            &["customer_id", "id"],
            None,
        )
        .await?;
    schema
        .index(
            "disputes_of_exchanger",
            "disputes",
            &["exchanger_id", "id"],
            None,
        )
        .await
}

async fn comments(schema: &SchemaBuilder<'_>) -> Result<(), DbErr> {
    schema
        .table(
            Table::create()
                .table("dispute_comments")
                .col(schema.id("dispute_id"))
                .col(schema.id("id"))
                .col(schema.id("author_id"))
                .col(schema.text("text"))
                .col(schema.number("at"))
                .primary_key(&mut primary_key(
                    "dispute_comments_key",
                    &["dispute_id", "id"],
                ))
                .foreign_key(&mut foreign_key(
                    "dispute_comments_dispute",
                    ("dispute_comments", "dispute_id"),
                    ("disputes", "id"),
                ))
                .foreign_key(&mut foreign_key(
                    "dispute_comments_author",
                    ("dispute_comments", "author_id"),
                    ("users", "id"),
                )),
            "",
            true,
        )
        .await?;
    schema.append_only("dispute_comments").await
}
