//! Money moves for payments, withdrawals and reported deposits too.
//!
//! One column names them all, and the kind of the entry says what it names: every column of this table is sent with
//! every commit that moves money.

use sea_orm_migration::prelude::*;

use crate::alter::AlterCheck;
use crate::schema::SchemaBuilder;

const CHECKS: [AlterCheck<'static>; 2] = [
    AlterCheck {
        name: "journal_entries_kind",
        from: "kind IN ('DEPOSIT', 'HOLD', 'RELEASE', 'CAPTURE', 'SPLIT')",
        to: "kind IN ('DEPOSIT', 'HOLD', 'RELEASE', 'CAPTURE', 'SPLIT', 'PAYMENT', 'REFUND', \
             'WITHDRAWAL_HOLD', 'WITHDRAWAL_RELEASE', 'WITHDRAWAL')",
    },
    AlterCheck {
        name: "journal_entries_one_reference",
        from: "(offer_id IS NULL) <> (staff_id IS NULL)",
        to: "CASE WHEN subject_id IS NULL \
               THEN (offer_id IS NULL) <> (staff_id IS NULL) \
                 AND kind IN ('DEPOSIT', 'HOLD', 'RELEASE', 'CAPTURE', 'SPLIT') \
               ELSE offer_id IS NULL AND staff_id IS NULL \
                 AND kind NOT IN ('HOLD', 'RELEASE', 'CAPTURE', 'SPLIT') END",
    },
];

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let schema = SchemaBuilder::new(manager);
        schema.add_id("journal_entries", "subject_id").await?;
        schema.alter_check("journal_entries", &CHECKS).await
    }

    /// Refused, by the checks as they were, once there are entries of the new kinds: the journal loses nothing.
    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let schema = SchemaBuilder::new(manager);
        schema.uncheck("journal_entries", &CHECKS).await?;
        schema.drop_column("journal_entries", "subject_id").await
    }
}
