//! Events of orders, payments and withdrawals go out too.

use sea_orm_migration::prelude::*;

use crate::alter::AlterCheck;
use crate::schema::SchemaBuilder;

const FROM: &str = "aggregate_type IN ('OFFER', 'DISPUTE', 'EXCHANGER')";
const TO: &str =
    "aggregate_type IN ('OFFER', 'DISPUTE', 'EXCHANGER', 'ORDER', 'PAYMENT', 'WITHDRAWAL')";

const TABLES: [(&str, &str); 2] = [
    ("outbox", "outbox_aggregate_type"),
    ("dead_letters", "dead_letters_aggregate_type"),
];

const fn checks(name: &str) -> [AlterCheck<'_>; 1] {
    [AlterCheck {
        name,
        from: FROM,
        to: TO,
    }]
}

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let schema = SchemaBuilder::new(manager);
        for (table, name) in TABLES {
            schema.alter_check(table, &checks(name)).await?;
        }
        Ok(())
    }

    /// Drops messages about aggregates that the older program does not know, since it could not read them.
    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let schema = SchemaBuilder::new(manager);
        for (table, name) in TABLES {
            schema
                .run(format!("DELETE FROM {table} WHERE NOT ({FROM})"))
                .await?;
            schema.uncheck(table, &checks(name)).await?;
        }
        Ok(())
    }
}
