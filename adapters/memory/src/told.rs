//! Reads of what people were told, and of what payment providers have reported.

use async_trait::async_trait;
use p2p_application::notification::{NotificationFilter, NotificationQueries};
use p2p_application::payment_report::{ReportFilter, ReportQueries};
use p2p_application::ports::StorageError;
use p2p_domain::{Mailbox, Notification, PaymentReport, ReportOutcome, UserId};

use crate::queries::take;
use crate::store::Memory;
use crate::tables::Tables;

impl Tables {
    /// Somebody's notifications, in order.
    fn told(&self, user: UserId) -> Vec<&Notification> {
        let all = self.notifications.values();
        let mut own: Vec<_> = all.filter(|row| row.user == user).collect();
        own.sort_unstable_by_key(|row| row.number);
        own
    }
}

#[async_trait]
impl NotificationQueries for Memory {
    async fn mailbox(&self, user: UserId) -> Result<Option<Mailbox>, StorageError> {
        self.ask(|tables| tables.mailboxes.get(&user).copied())
            .await
    }

    async fn list_notifications(
        &self,
        filter: &NotificationFilter,
    ) -> Result<Vec<Notification>, StorageError> {
        let unread = |row: &Notification| {
            filter
                .unread_after
                .is_none_or(|number| row.number > number && row.read_at.is_none())
        };
        self.ask(|tables| {
            let newest_first = tables.told(filter.user).into_iter().rev();
            let page = newest_first
                .filter(|row| filter.before.is_none_or(|number| row.number < number))
                .filter(|row| unread(row));
            take(page.cloned(), filter.limit)
        })
        .await
    }

    async fn notifications_after(
        &self,
        user: UserId,
        number: u64,
        limit: u32,
    ) -> Result<Vec<Notification>, StorageError> {
        self.ask(|tables| {
            let own = tables.told(user).into_iter();
            take(own.filter(|row| row.number > number).cloned(), limit)
        })
        .await
    }

    async fn count_unread(
        &self,
        user: UserId,
        number: u64,
        most: u64,
    ) -> Result<u64, StorageError> {
        self.ask(|tables| {
            let own = tables.told(user).into_iter();
            let unread = own.filter(|row| row.number > number && row.read_at.is_none());
            most.min(unread.count() as u64)
        })
        .await
    }
}

#[async_trait]
impl ReportQueries for Memory {
    async fn list_reports(
        &self,
        filter: &ReportFilter,
    ) -> Result<Vec<PaymentReport>, StorageError> {
        let fits = |row: &PaymentReport| {
            let applied = row.outcome == ReportOutcome::Applied;
            filter.applied.is_none_or(|wanted| wanted == applied)
                && filter.offer.is_none_or(|offer| row.offer == Some(offer))
                && filter.after.is_none_or(|after| row.id < after)
        };
        self.ask(|tables| {
            let newest_first = tables.reports.values().rev();
            take(newest_first.filter(|row| fits(row)).cloned(), filter.limit)
        })
        .await
    }
}
