//! Deals, and each step that they took.

use sea_orm_migration::prelude::*;

use crate::kit::{HOT, Kit, Reference, check, one_of, primary_key};

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
        let kit = Kit::new(manager);
        offers(&kit).await?;
        history(&kit).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        Kit::new(manager).drop(&["offer_history", "offers"]).await
    }
}

async fn offers(kit: &Kit<'_>) -> Result<(), DbErr> {
    kit.table(
        kit.bulk_references(&mut Table::create(), &OFFER_REFERENCES)
            .table("offers")
            .col(kit.id("id").primary_key())
            .col(kit.id("listing_id"))
            .col(kit.id("customer_id"))
            .col(kit.id("exchanger_id"))
            .col(kit.text("exchange_type"))
            .col(kit.text("asset"))
            .col(kit.number("amount"))
            .col(kit.text("fiat"))
            .col(kit.number("fiat_amount"))
            .col(kit.number("price_e8"))
            .col(kit.integer("fee_basis_points"))
            .col(kit.number("payment_window_seconds"))
            .col(kit.text("conditions"))
            .col(kit.number("created_at"))
            .col(kit.text("status"))
            .col(kit.number("deadline").null())
            .col(kit.flag("cancel_proposed"))
            .col(kit.number("disputed_at").null())
            .col(kit.number("closed_at").null())
            .col(kit.text("payment_reference").null())
            .col(kit.number("version"))
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
    kit.references(&OFFER_REFERENCES).await?;
    kit.permanent("offers", "id").await?;
    kit.index(
        "offers_due",
        "offers",
        &["deadline", "id"],
        Some("deadline IS NOT NULL"),
    )
    .await?;
    kit.index("offers_of_customer", "offers", &["customer_id", "id"], None)
        .await?;
    kit.index(
        "offers_of_exchanger",
        "offers",
        &["exchanger_id", "id"],
        None,
    )
    .await?;
    // Active: still open (no closing time), or finished not long ago. Deals that were called off are not in here.
    let called_off = Some("status NOT IN ('DECLINED', 'CANCELLED')");
    kit.index(
        "offers_active_of_customer",
        "offers",
        &["customer_id", "closed_at", "id"],
        called_off,
    )
    .await?;
    kit.index(
        "offers_active_of_exchanger",
        "offers",
        &["exchanger_id", "closed_at", "id"],
        called_off,
    )
    .await
}

async fn history(kit: &Kit<'_>) -> Result<(), DbErr> {
    kit.table(
        kit.bulk_references(&mut Table::create(), &HISTORY_REFERENCES)
            .table("offer_history")
            .col(kit.id("offer_id"))
            .col(kit.number("version"))
            .col(kit.text("status"))
            .col(kit.text("actor"))
            .col(kit.id("user_id").null())
            .col(kit.text("comment").null())
            .col(kit.number("at"))
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
    kit.references(&HISTORY_REFERENCES).await?;
    kit.append_only("offer_history").await
}
