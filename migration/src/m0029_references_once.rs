//! A hold or a release makes two journal entries of one account: it is looked for once.

use sea_orm_migration::prelude::*;

use crate::m0002_accounts_and_journal::REFERENCES;
use crate::schema::SchemaBuilder;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        SchemaBuilder::new(manager)
            .references_once(&REFERENCES)
            .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        SchemaBuilder::new(manager)
            .references_each(&REFERENCES)
            .await
    }
}
