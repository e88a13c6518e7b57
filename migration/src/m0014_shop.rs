//! The market's own shop: who is paid by orders that name no merchant. A party of the system like the two before it (see
//! [`m0001_users`](crate::m0001_users) and [`m0002_accounts_and_journal`](crate::m0002_accounts_and_journal)), with an
//! account in every asset that the market has today.

use sea_orm_migration::prelude::*;

use crate::schema::SchemaBuilder;

const SHOP: u128 = 3;

/// The ids of its accounts go on where those of the other two end.
const FIRST_ACCOUNT: u128 = 0x116;

const ASSETS: [&str; 11] = [
    "BTC", "ETH", "LTC", "USDT", "USDC", "USD", "EUR", "GBP", "RUB", "KZT", "JPY",
];

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let schema = SchemaBuilder::new(manager);
        let shop = schema.id_literal(SHOP);
        schema
            .run(format!(
                "INSERT INTO users (id, email, name, roles, created_at, version) \
             VALUES ({shop}, 'system:shop', 'Shop', 0, 0, 1)"
            ))
            .await?;
        for (id, asset) in (FIRST_ACCOUNT..).zip(ASSETS) {
            schema
                .run(format!(
                    "INSERT INTO accounts (id, owner_id, asset, available, held, version) \
                 VALUES ({}, {shop}, '{asset}', 0, 0, 1)",
                    schema.id_literal(id)
                ))
                .await?;
        }
        Ok(())
    }

    /// The accounts are without entries, and may go: where the shop was ever paid, the journal has refused to go down before
    /// it comes to this.
    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let schema = SchemaBuilder::new(manager);
        let shop = schema.id_literal(SHOP);
        for (table, key) in [("accounts", "owner_id"), ("users", "id")] {
            schema
                .delete_permanent(table, &format!("{key} = {shop}"))
                .await?;
        }
        Ok(())
    }
}
