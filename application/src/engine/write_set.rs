//! What one command changes: kept if it succeeds, thrown away if it is refused.

use p2p_domain::audit_log::AuditNote;
use p2p_domain::dispute::Comment;
use p2p_domain::event::Event;
use p2p_domain::offer::HistoryEntry;
use p2p_domain::refusal::QuotaKind;
use p2p_domain::{
    Account, Conduct, Dispute, Exchanger, FailedAttempts, Listing, Mailbox, Notification,
    NotificationContent, Offer, Order, Payment, PaymentReport, Posting, SecondFactor, Session,
    User, UserId, Withdrawal,
};

use crate::aggregates::Aggregate;
use crate::ports::{IdempotencyRecord, InboxMark};
use crate::{aggregate_struct, for_each_aggregate};

/// The rows of one table that a command changes: rarely more than three, so a list is the fastest map.
#[derive(Debug)]
pub struct Writes<A: Aggregate>(Vec<(A::Key, A)>);

impl<A: Aggregate> Default for Writes<A> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<A: Aggregate> Writes<A> {
    pub(super) fn get(&self, key: &A::Key) -> Option<&A> {
        let mut rows = self.0.iter();
        rows.find(|(known, _)| known == key).map(|(_, row)| row)
    }

    pub(super) fn set(&mut self, row: A) {
        let key = row.key();
        match self.0.iter_mut().find(|(known, _)| *known == key) {
            Some((_, old)) => *old = row,
            None => self.0.push((key, row)),
        }
    }

    pub(super) fn into_rows(self) -> impl Iterator<Item = (A::Key, A)> {
        self.0.into_iter()
    }
}

for_each_aggregate!(aggregate_struct {
    /// What one command changes.
    #[derive(Debug, Default)]
    pub struct WriteSet[Writes] {
        pub(super) appended: Appended,
    }
});

/// What is only ever added.
#[derive(Debug, Default)]
pub(crate) struct Appended {
    pub(super) history: Vec<HistoryEntry>,
    pub(super) comments: Vec<Comment>,
    pub(super) postings: Vec<Posting>,
    pub(super) events: Vec<Event>,
    pub(super) inbox: Vec<InboxMark>,
    pub(super) replies: Vec<IdempotencyRecord>,
    pub(super) reports: Vec<PaymentReport>,
    /// Notifications: the recipient, the number in the mailbox, the content.
    pub(super) notifications: Vec<(UserId, u64, NotificationContent)>,
    pub(super) notes: Vec<AuditNote>,
    /// Users who have one more of these.
    pub(super) counted: Vec<(QuotaKind, UserId)>,
}

impl Appended {
    pub(super) fn extend(&mut self, other: Self) {
        let Self {
            history,
            comments,
            postings,
            events,
            inbox,
            replies,
            reports,
            notifications,
            notes,
            counted,
        } = other;
        self.history.extend(history);
        self.comments.extend(comments);
        self.postings.extend(postings);
        self.events.extend(events);
        self.inbox.extend(inbox);
        self.replies.extend(replies);
        self.reports.extend(reports);
        self.notifications.extend(notifications);
        self.notes.extend(notes);
        self.counted.extend(counted);
    }
}
