//! What keeps the market running: deadlines, the heartbeat, what may be forgotten, the audit.

use std::time::Duration;

use async_trait::async_trait;
use p2p_application::ports::{LedgerReport, Maintenance, StorageError};
use p2p_domain::offer::State;
use p2p_domain::{OfferId, Timestamp};

use crate::audit;
use crate::faults::Point;
use crate::queries::take;
use crate::store::Memory;

#[async_trait]
impl Maintenance for Memory {
    async fn ping(&self) -> Result<(), StorageError> {
        self.faults().visit(Point::Query).await
    }

    async fn due_offers(&self, now: Timestamp, limit: u32) -> Result<Vec<OfferId>, StorageError> {
        self.faults().visit(Point::Query).await?;
        let tables = self.read();
        let offers = tables.offers.values();
        let mut due: Vec<(Timestamp, OfferId)> = offers
            .filter_map(|offer| Some((offer.deadline()?, offer.id)))
            .filter(|(deadline, _)| *deadline <= now)
            .collect();
        due.sort_unstable();
        Ok(take(due.into_iter().map(|(_, id)| id), limit))
    }

    async fn heartbeat(
        &self,
        now: Timestamp,
        tolerance: Duration,
    ) -> Result<Option<Duration>, StorageError> {
        self.faults().visit(Point::Query).await?;
        // Deadlines are about to move: nobody may be deciding over the old ones.
        let _turn = self.take_turn().await;
        let mut tables = self.write();
        let Some(last) = tables.alive_at else {
            tables.alive_at = Some(now);
            return Ok(None);
        };
        // The clock of another replica may be behind.
        tables.alive_at = Some(last.max(now));
        let gap = now.since(last);
        if gap <= tolerance {
            return Ok(None);
        }
        for offer in tables.offers.values_mut() {
            if let Some(deadline) = deadline_of(&mut offer.state)
                && *deadline > last
            {
                *deadline = deadline.after(gap);
            }
        }
        Ok(Some(gap))
    }

    async fn forget_inbox(
        &self,
        consumer: &str,
        before: Timestamp,
        limit: u32,
    ) -> Result<u64, StorageError> {
        self.faults().visit(Point::Query).await?;
        let mut tables = self.write();
        let marks = tables.inbox.iter();
        let mut old: Vec<_> = marks
            .filter(|(key, at)| key.consumer == consumer && **at < before)
            .map(|(key, at)| (*at, key.clone()))
            .collect();
        old.sort_unstable();
        let old = take(old.into_iter(), limit);
        for (_, key) in &old {
            tables.inbox.remove(key);
        }
        Ok(old.len() as u64)
    }

    async fn forget_replies(&self, before: Timestamp, limit: u32) -> Result<u64, StorageError> {
        self.faults().visit(Point::Query).await?;
        let mut tables = self.write();
        let records = tables.replies.values();
        let mut old: Vec<_> = records
            .filter(|record| record.at < before)
            .map(|record| (record.at, record.key.clone()))
            .collect();
        old.sort_unstable();
        let old = take(old.into_iter(), limit);
        for (_, key) in &old {
            tables.replies.remove(key);
        }
        Ok(old.len() as u64)
    }

    async fn forget_access(&self, before: Timestamp, limit: u32) -> Result<u64, StorageError> {
        self.faults().visit(Point::Query).await?;
        let mut tables = self.write();
        let over = tables.sessions.values().filter(|session| {
            let ended = session.ended.map_or(session.expires_at, |(at, _)| at);
            ended.min(session.expires_at) < before
        });
        let over = take(over.map(|session| session.id), limit);
        for id in &over {
            tables.sessions.remove(id);
        }
        let old = tables.failed_attempts.values();
        let old = old.filter(|attempts| attempts.last_failed_at < before);
        let old = take(old.map(|attempts| attempts.key), limit);
        for key in &old {
            tables.failed_attempts.remove(key);
        }
        Ok((over.len() + old.len()) as u64)
    }

    async fn audit(&self) -> Result<LedgerReport, StorageError> {
        self.faults().visit(Point::Query).await?;
        Ok(audit::audit(&self.read()))
    }
}

const fn deadline_of(state: &mut State) -> Option<&mut Timestamp> {
    match state {
        State::Pending { respond_by } => Some(respond_by),
        State::Approved { pay_by, .. } => Some(pay_by),
        State::PaymentConfirmed { receipt_by, .. } => Some(receipt_by),
        State::DisputeOpen { .. }
        | State::Finished { .. }
        | State::Declined { .. }
        | State::Cancelled { .. } => None,
    }
}
