//! What the relay needs of the outbox: messages for one queue only, and room that is soon free again.

use sea_orm_migration::prelude::*;

use crate::schema::SchemaBuilder;

/// Every message is a row that lives for a moment. What the dead ones leave is collected as soon as there are a few
/// thousand, however large the table once was, and as fast as can be. The file does not shrink: that would take a lock
/// for which every commit had to wait, and the room is needed again.
const QUEUE: [(&str, &str); 4] = [
    ("autovacuum_vacuum_scale_factor", "0"),
    ("autovacuum_vacuum_threshold", "5000"),
    ("autovacuum_vacuum_cost_delay", "0"),
    ("vacuum_truncate", "false"),
];

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let schema = SchemaBuilder::new(manager);
        // The broker's name of the queue. Not a list of those there are: every new queue would alter it.
        schema
            .run("ALTER TABLE outbox ADD COLUMN only_queue text".to_owned())
            .await?;
        schema.tune("outbox", &QUEUE).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let schema = SchemaBuilder::new(manager);
        schema.untune("outbox", &QUEUE).await?;
        schema
            .run("ALTER TABLE outbox DROP COLUMN only_queue".to_owned())
            .await
    }
}
