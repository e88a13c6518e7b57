//! The ledger: balances, and the journal from which each balance can be computed anew.
//!
//! The two system parties get an account in every asset that the market has today; a new asset brings them theirs in a
//! migration of its own.

use sea_orm_migration::prelude::*;

use crate::schema::{HOT, Reference, SchemaBuilder, check, foreign_key, one_of, unique_key};

/// The world outside (user 1) and the market's earnings (user 2).
const SYSTEM: [u128; 2] = [1, 2];

const ASSETS: [&str; 11] = [
    "BTC", "ETH", "LTC", "USDT", "USDC", "USD", "EUR", "GBP", "RUB", "KZT", "JPY",
];

/// Keeps each entry unique and is in the order of a statement: an account, its newest transfer first, AVAILABLE before
/// HELD. One index for both, and a page of a statement is a walk along it.
const KEY: [(&str, IndexOrder); 3] = [
    ("account_id", IndexOrder::Asc),
    ("transfer_id", IndexOrder::Desc),
    ("bucket", IndexOrder::Asc),
];

pub(crate) const REFERENCES: [Reference; 1] = [Reference::new(
    "journal_entries_account",
    ("journal_entries", "account_id"),
    ("accounts", "id"),
)];

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let schema = SchemaBuilder::new(manager);
        let external = schema.id_literal(SYSTEM[0]);
        schema
            .table(
                Table::create()
                    .table("accounts")
                    .col(schema.id("id").primary_key())
                    .col(schema.id("owner_id"))
                    .col(schema.text("asset"))
                    .col(schema.number("available"))
                    .col(schema.number("held"))
                    .col(schema.number("version"))
                    .index(&mut unique_key(
                        "accounts_owner_asset",
                        &["owner_id", "asset"],
                    ))
                    .foreign_key(&mut foreign_key(
                        "accounts_owner",
                        ("accounts", "owner_id"),
                        ("users", "id"),
                    ))
                    .check(check("accounts_held_not_negative", "held >= 0"))
                    .check(check(
                        "accounts_available_not_negative",
                        format!("available >= 0 OR owner_id = {external}"),
                    ))
                    .check(check("accounts_version", "version > 0")),
                HOT,
                false,
            )
            .await?;
        schema.permanent("accounts", "id").await?;
        journal(&schema).await?;
        let mut id = 0x100u128;
        for owner in SYSTEM {
            for asset in ASSETS {
                schema
                    .run(format!(
                        "INSERT INTO accounts (id, owner_id, asset, available, held, version) \
                     VALUES ({}, {}, '{asset}', 0, 0, 1)",
                        schema.id_literal(id),
                        schema.id_literal(owner)
                    ))
                    .await?;
                id += 1;
            }
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        SchemaBuilder::new(manager)
            .drop(&["journal_entries", "accounts"])
            .await
    }
}

async fn journal(schema: &SchemaBuilder<'_>) -> Result<(), DbErr> {
    schema
        .table(
            schema
                .ordered_key(
                    schema
                        .bulk_references(&mut Table::create(), &REFERENCES)
                        .table("journal_entries")
                        .col(schema.id("account_id"))
                        .col(schema.id("transfer_id"))
                        .col(schema.text("bucket"))
                        .col(schema.number("amount"))
                        .col(schema.text("kind"))
                        .col(schema.id("offer_id").null())
                        .col(schema.id("staff_id").null())
                        .col(schema.number("posted_at")),
                    &KEY,
                )
                .check(check(
                    "journal_entries_bucket",
                    one_of("bucket", &["AVAILABLE", "HELD"]),
                ))
                .check(check("journal_entries_amount_not_zero", "amount <> 0"))
                .check(check(
                    "journal_entries_kind",
                    one_of("kind", &["DEPOSIT", "HOLD", "RELEASE", "CAPTURE", "SPLIT"]),
                ))
                .check(check(
                    "journal_entries_one_reference",
                    "(offer_id IS NULL) <> (staff_id IS NULL)",
                )),
            "",
            true,
        )
        .await?;
    schema
        .ordered_key_index("journal_entries_key", "journal_entries", &KEY)
        .await?;
    schema.references(&REFERENCES).await?;
    schema.append_only("journal_entries").await
}
