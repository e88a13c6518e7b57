//! People are told of orders and withdrawals too.

use sea_orm_migration::prelude::*;

use crate::schema::SchemaBuilder;

const COLUMNS: [&str; 2] = ["order_id", "withdrawal_id"];

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let schema = SchemaBuilder::new(manager);
        for column in COLUMNS {
            schema.add_id("notifications", column).await?;
        }
        Ok(())
    }

    /// What people were told of orders and withdrawals goes: the market before this could not read it. Their numbers stay
    /// taken.
    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let schema = SchemaBuilder::new(manager);
        for column in COLUMNS {
            schema
                .run(format!(
                    "DELETE FROM notifications WHERE {column} IS NOT NULL"
                ))
                .await?;
            schema.drop_column("notifications", column).await?;
        }
        Ok(())
    }
}
