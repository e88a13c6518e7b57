//! Deals, and each step that they took.

use sea_orm_migration::prelude::*;

use crate::schema::{HOT, Reference, SchemaBuilder, check, one_of, primary_key};

const WAITING: &str = "status IN ('PENDING', 'APPROVED', 'PAYMENT_CONFIRMED')";
const FINAL: &str = "status IN ('FINISHED', 'DECLINED', 'CANCELLED')";

const OFFER_REFERENCES: [Reference; 3] = [
    Reference::new(
        "offers_listing",
        ("offers", "listing_id"),
        ("listings", "id"),
    ),
    Reference::new(
        "offers_customer",
        ("offers", "customer_id"),
        ("users", "id"),
    ),
    Reference::new(
        "offers_exchanger",
        ("offers", "exchanger_id"),
        ("exchangers", "user_id"),
    ),
];

const HISTORY_REFERENCES: [Reference; 2] = [
    Reference::new(
        "offer_history_offer",
        ("offer_history", "offer_id"),
        ("offers", "id"),
    ),
    Reference::new(
        "offer_history_user",
        ("offer_history", "user_id"),
        ("users", "id"),
    ),
];

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let schema = SchemaBuilder::new(manager);
        offers(&schema).await?;
        history(&schema).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        SchemaBuilder::new(manager)
            .drop(&["offer_history", "offers"])
            .await
    }
}

async fn offers(schema: &SchemaBuilder<'_>) -> Result<(), DbErr> {
    schema
        .table(
            schema
                .bulk_references(&mut Table::create(), &OFFER_REFERENCES)
                .table("offers")
                .col(schema.id("id").primary_key())
                .col(schema.id("listing_id"))
                .col(schema.id("customer_id"))
                .col(schema.id("exchanger_id"))
                .col(schema.text("exchange_type"))
                .col(schema.text("asset"))
                .col(schema.number("amount"))
                .col(schema.text("fiat"))
                .col(schema.number("fiat_amount"))
                .col(schema.number("price_e8"))
                .col(schema.integer("fee_basis_points"))
                .col(schema.number("payment_window_seconds"))
                .col(schema.text("conditions"))
                .col(schema.number("created_at"))
                .col(schema.text("status"))
                .col(schema.number("deadline").null())
                .col(schema.flag("cancel_proposed"))
                .col(schema.number("disputed_at").null())
                .col(schema.number("closed_at").null())
                .col(schema.text("payment_reference").null())
                .col(schema.number("version"))
                .check(check("offers_two_sides", "customer_id <> exchanger_id"))
                .check(check(
                    "offers_exchange_type",
                    one_of("exchange_type", &["CRYPTO2FIAT", "FIAT2CRYPTO"]),
                ))
                .check(check(
                    "offers_amounts_positive",
                    "amount > 0 AND fiat_amount > 0 AND price_e8 > 0",
                ))
                .check(check("offers_fee", "fee_basis_points BETWEEN 0 AND 10000"))
                .check(check("offers_payment_window", "payment_window_seconds > 0"))
                .check(check(
                    "offers_status",
                    format!("status = 'DISPUTE_OPEN' OR {WAITING} OR {FINAL}"),
                ))
                .check(check(
                    "offers_deadline_while_waiting",
                    format!("(deadline IS NOT NULL) = ({WAITING})"),
                ))
                .check(check(
                    "offers_disputed_at",
                    "(disputed_at IS NOT NULL) = (status = 'DISPUTE_OPEN')",
                ))
                .check(check(
                    "offers_closed_at",
                    format!("(closed_at IS NOT NULL) = ({FINAL})"),
                ))
                .check(check(
                    "offers_cancel_proposed",
                    "NOT cancel_proposed OR status IN ('APPROVED', 'PAYMENT_CONFIRMED')",
                ))
                .check(check("offers_version", "version > 0")),
            HOT,
            false,
        )
        .await?;
    schema.references(&OFFER_REFERENCES).await?;
    schema.permanent("offers", "id").await?;
    schema
        .index(
            "offers_due",
            "offers",
            &["deadline", "id"],
            Some("deadline IS NOT NULL"),
        )
        .await?;
    schema
        .index("offers_of_customer", "offers", &["customer_id", "id"], None)
        .await?;
    schema
        .index(
            "offers_of_exchanger",
            "offers",
            &["exchanger_id", "id"],
            None,
        )
        .await?;
    // Active: still open (no closing time), or finished not long ago. Deals that were called off are not in here.
    let called_off = Some("status NOT IN ('DECLINED', 'CANCELLED')");
    schema
        .index(
            "offers_active_of_customer",
            "offers",
            &["customer_id", "closed_at", "id"],
            called_off,
        )
        .await?;
    schema
        .index(
            "offers_active_of_exchanger",
            "offers",
            &["exchanger_id", "closed_at", "id"],
            called_off,
        )
        .await
}

async fn history(schema: &SchemaBuilder<'_>) -> Result<(), DbErr> {
    schema
        .table(
            schema
                .bulk_references(&mut Table::create(), &HISTORY_REFERENCES)
                .table("offer_history")
                .col(schema.id("offer_id"))
                .col(schema.number("version"))
                .col(schema.text("status"))
                .col(schema.text("actor"))
                .col(schema.id("user_id").null())
                .col(schema.text("comment").null())
                .col(schema.number("at"))
                .primary_key(&mut primary_key(
                    "offer_history_key",
                    &["offer_id", "version"],
                ))
                .check(check(
                    "offer_history_status",
                    one_of(
                        "status",
                        &[
                            "PENDING",
                            "APPROVED",
                            "PAYMENT_CONFIRMED",
                            "RECEIPT_CONFIRMED",
                            "DISPUTE_OPEN",
                            "FINISHED",
                            "DECLINED",
                            "CANCELLED",
                        ],
                    ),
                ))
                .check(check(
                    "offer_history_actor",
                    one_of(
                        "actor",
                        &["CUSTOMER", "EXCHANGER", "MODERATOR", "SYSTEM", "PROVIDER"],
                    ),
                ))
                .check(check("offer_history_version", "version > 0")),
            "",
            true,
        )
        .await?;
    schema.references(&HISTORY_REFERENCES).await?;
    schema.append_only("offer_history").await
}
