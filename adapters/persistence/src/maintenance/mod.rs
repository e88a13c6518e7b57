//! What keeps the market running: signs of life, deadlines, what may be forgotten, the audit.

mod heartbeat;
mod laws;
mod ledger_check;

use std::time::Duration;

use async_trait::async_trait;
use p2p_application::ports::{LedgerReport, Maintenance, StorageError};
use p2p_domain::{OfferId, Timestamp};
use sea_orm::entity::prelude::*;
use sea_orm::{ConnectionTrait, QueryOrder, QuerySelect};

use crate::database::Database;
use crate::{access, error, idempotency, inbox, offer, row};

#[async_trait]
impl Maintenance for Database {
    async fn ping(&self) -> Result<(), StorageError> {
        for connection in [self.reader(), self.writer()] {
            connection
                .execute_unprepared("SELECT 1")
                .await
                .map_err(error::storage)?;
        }
        Ok(())
    }

    async fn due_offers(&self, now: Timestamp, limit: u32) -> Result<Vec<OfferId>, StorageError> {
        let due: Result<Vec<Uuid>, DbErr> = offer::Entity::find()
            .select_only()
            .column(offer::Column::Id)
            .filter(offer::Column::Deadline.lte(now.as_micros()))
            .order_by_asc(offer::Column::Deadline)
            .order_by_asc(offer::Column::Id)
            .limit(u64::from(limit))
            .into_tuple()
            .all(self.reader())
            .await;
        let due = due.map_err(error::storage)?;
        Ok(due.into_iter().map(row::id).collect())
    }

    async fn heartbeat(
        &self,
        now: Timestamp,
        tolerance: Duration,
    ) -> Result<Option<Duration>, StorageError> {
        heartbeat::beat(self, now, tolerance).await
    }

    async fn forget_inbox(
        &self,
        consumer: &str,
        before: Timestamp,
        limit: u32,
    ) -> Result<u64, StorageError> {
        inbox::forget(self, consumer, before, limit).await
    }

    async fn forget_replies(&self, before: Timestamp, limit: u32) -> Result<u64, StorageError> {
        idempotency::forget(self, before, limit).await
    }

    async fn forget_access(&self, before: Timestamp, limit: u32) -> Result<u64, StorageError> {
        access::forget(self, before, limit).await
    }

    async fn audit(&self) -> Result<LedgerReport, StorageError> {
        ledger_check::audit(self).await
    }
}
