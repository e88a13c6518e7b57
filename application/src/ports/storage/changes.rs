//! What a commit writes.

use p2p_domain::dispute::Comment;
use p2p_domain::offer::HistoryEntry;
use p2p_domain::{
    Account, Conduct, Dispute, Exchanger, FailedAttempts, Listing, Mailbox, Notification, Offer,
    Order, Payment, PaymentReport, SecondFactor, Session, User, Withdrawal,
};

use super::audit::AuditAppend;
use super::idempotency::IdempotencyRecord;
use super::inbox::InboxMark;
use super::journal::Transfer;
use super::outbox::OutboxMessage;
use crate::{aggregate_struct, for_each_aggregate};

/// An aggregate to be stored, and the version that the stored row must have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Versioned<T> {
    pub value: T,
    /// `None`: the row must be new.
    pub expected_version: Option<u64>,
}

/// The changed rows of one aggregate.
type Changed<A> = Vec<Versioned<A>>;

for_each_aggregate!(aggregate_struct {
    /// All that a batch of commands leaves behind, each aggregate once in its last state.
    #[derive(Debug, Default)]
    pub struct ChangeSet[Changed] {
        pub history: Vec<HistoryEntry>,
        pub comments: Vec<Comment>,
        pub transfers: Vec<Transfer>,
        pub outbox: Vec<OutboxMessage>,
        pub inbox: Vec<InboxMark>,
        pub reports: Vec<PaymentReport>,
        pub replies: Vec<IdempotencyRecord>,
        pub trail: Option<AuditAppend>,
    }
});

macro_rules! is_empty {
    ($($table:ident: $aggregate:ident $by:tt,)*) => {
        impl ChangeSet {
            /// Nothing to write.
            #[must_use]
            pub fn is_empty(&self) -> bool {
                let Self { $($table,)* history, comments, transfers, outbox, inbox, reports, replies, trail } = self;
                let appended = [history.is_empty(), comments.is_empty(), transfers.is_empty(), outbox.is_empty()];
                let marked = [inbox.is_empty(), reports.is_empty(), replies.is_empty(), trail.is_none()];
                $($table.is_empty() &&)* !appended.contains(&false) && !marked.contains(&false)
            }
        }
    };
}

for_each_aggregate!(is_empty);
