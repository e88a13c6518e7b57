//! Exchangers and what they publish.

use sea_orm_migration::prelude::*;

use crate::schema::{HOT, SchemaBuilder, check, foreign_key, one_of};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let schema = SchemaBuilder::new(manager);
        exchangers(&schema).await?;
        listings(&schema).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        SchemaBuilder::new(manager)
            .drop(&["listings", "exchangers"])
            .await
    }
}

async fn exchangers(schema: &SchemaBuilder<'_>) -> Result<(), DbErr> {
    schema
        .table(
            Table::create()
                .table("exchangers")
                .col(schema.id("user_id").primary_key())
                .col(schema.flag("online"))
                .col(schema.number("unanswered"))
                .col(schema.number("frozen_at").null())
                .col(schema.number("version"))
                .foreign_key(&mut foreign_key(
                    "exchangers_user",
                    ("exchangers", "user_id"),
                    ("users", "id"),
                ))
                .check(check("exchangers_unanswered", "unanswered >= 0"))
                .check(check("exchangers_version", "version > 0")),
            HOT,
            false,
        )
        .await?;
    schema.permanent("exchangers", "user_id").await?;
    schema
        .index(
            "exchangers_frozen",
            "exchangers",
            &["frozen_at", "user_id"],
            Some("frozen_at IS NOT NULL"),
        )
        .await
}

async fn listings(schema: &SchemaBuilder<'_>) -> Result<(), DbErr> {
    schema
        .table(
            Table::create()
                .table("listings")
                .col(schema.id("id").primary_key())
                .col(schema.id("exchanger_id"))
                .col(schema.text("exchange_type"))
                .col(schema.text("asset"))
                .col(schema.text("fiat"))
                .col(schema.number("price_e8"))
                .col(schema.number("total"))
                .col(schema.number("frozen"))
                .col(schema.number("executed"))
                .col(schema.number("remaining"))
                .col(schema.number("min_fiat"))
                .col(schema.number("max_fiat"))
                // The most fiat that one offer can be about just now.
                .col(schema.number("available_fiat"))
                .col(schema.text("payment_methods"))
                .col(schema.number("payment_window_seconds"))
                .col(schema.text("terms"))
                .col(schema.text("state"))
                .col(schema.number("created_at"))
                .col(schema.number("updated_at"))
                .col(schema.number("version"))
                .foreign_key(&mut foreign_key(
                    "listings_exchanger",
                    ("listings", "exchanger_id"),
                    ("exchangers", "user_id"),
                ))
                .check(check(
                    "listings_exchange_type",
                    one_of("exchange_type", &["CRYPTO2FIAT", "FIAT2CRYPTO"]),
                ))
                .check(check("listings_price", "price_e8 > 0"))
                .check(check("listings_total", "total > 0"))
                .check(check(
                    "listings_amounts_not_negative",
                    "remaining >= 0 AND frozen >= 0 AND executed >= 0 AND available_fiat >= 0",
                ))
                .check(check(
                    "listings_amounts_add_up",
                    "remaining + frozen + executed = total",
                ))
                .check(check(
                    "listings_limits",
                    "min_fiat > 0 AND max_fiat >= min_fiat",
                ))
                .check(check(
                    "listings_payment_window",
                    "payment_window_seconds > 0",
                ))
                .check(check(
                    "listings_state",
                    one_of("state", &["ACTIVE", "PAUSED", "CLOSED"]),
                ))
                .check(check("listings_version", "version > 0")),
            HOT,
            false,
        )
        .await?;

    schema.permanent("listings", "id").await?;

    // The book: who buys crypto wants the cheapest first, who sells it the dearest; ties go by id. What changes with
    // every deal is in no index.
    let priced = |price| [("price_e8", price), ("id", IndexOrder::Asc)];
    let book = |price| {
        [("asset", IndexOrder::Asc), ("fiat", IndexOrder::Asc)]
            .into_iter()
            .chain(priced(price))
    };
    let buy = Some("state = 'ACTIVE' AND exchange_type = 'FIAT2CRYPTO'");
    let sell = Some("state = 'ACTIVE' AND exchange_type = 'CRYPTO2FIAT'");
    schema
        .ordered_index("listings_book_buy", "listings", book(IndexOrder::Asc), buy)
        .await?;
    schema
        .ordered_index(
            "listings_book_sell",
            "listings",
            book(IndexOrder::Desc),
            sell,
        )
        .await?;
    schema
        .ordered_index(
            "listings_cheapest",
            "listings",
            priced(IndexOrder::Asc),
            buy,
        )
        .await?;
    schema
        .ordered_index(
            "listings_dearest",
            "listings",
            priced(IndexOrder::Desc),
            sell,
        )
        .await?;
    schema
        .index(
            "listings_newest",
            "listings",
            &["id"],
            Some("state = 'ACTIVE'"),
        )
        .await?;
    schema
        .index(
            "listings_newest_of_pair",
            "listings",
            &["asset", "fiat", "id"],
            Some("state = 'ACTIVE'"),
        )
        .await?;
    schema
        .index(
            "listings_of_exchanger",
            "listings",
            &["exchanger_id", "id"],
            Some("state <> 'CLOSED'"),
        )
        .await
}
