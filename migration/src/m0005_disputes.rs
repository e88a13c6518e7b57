//! Disputes and what was said about them.

use sea_orm_migration::prelude::*;

use crate::kit::{Kit, check, foreign_key, one_of, primary_key, unique_key};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let kit = Kit::new(manager);
        disputes(&kit).await?;
        comments(&kit).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        Kit::new(manager)
            .drop(&["dispute_comments", "disputes"])
            .await
    }
}

async fn disputes(kit: &Kit<'_>) -> Result<(), DbErr> {
    kit.table(
        Table::create()
            .table("disputes")
            .col(kit.id("id").primary_key())
            .col(kit.id("offer_id"))
            // The deal's two sides, copied from it (they never change): a user's disputes are found without their deals.
            .col(kit.id("customer_id"))
            .col(kit.id("exchanger_id"))
            .col(kit.text("opened_by"))
            .col(kit.id("opener_id").null())
            .col(kit.text("reason"))
            .col(kit.number("opened_at"))
            .col(kit.text("state"))
            .col(kit.text("resolution").null())
            .col(kit.number("payer_amount").null())
            .col(kit.text("payer_asset").null())
            .col(kit.id("resolved_by").null())
            .col(kit.text("resolution_comment").null())
            .col(kit.number("resolved_at").null())
            .col(kit.number("version"))
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
    kit.index("disputes_open", "disputes", &["id"], Some("state = 'OPEN'"))
        .await?;
    kit.index(
        "disputes_of_customer",
        "disputes",
        &["customer_id", "id"],
        None,
    )
    .await?;
    kit.index(
        "disputes_of_exchanger",
        "disputes",
        &["exchanger_id", "id"],
        None,
    )
    .await
}

async fn comments(kit: &Kit<'_>) -> Result<(), DbErr> {
    kit.table(
        Table::create()
            .table("dispute_comments")
            .col(kit.id("dispute_id"))
            .col(kit.id("id"))
            .col(kit.id("author_id"))
            .col(kit.text("text"))
            .col(kit.number("at"))
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
    kit.append_only("dispute_comments").await
}
