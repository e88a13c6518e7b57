//! What a batch has to do with, and what its commands add to it.

use std::collections::{HashMap, HashSet};

use p2p_domain::audit_log::{AuditHead, AuditNote};
use p2p_domain::dispute::Comment;
use p2p_domain::event::Event;
use p2p_domain::offer::HistoryEntry;
use p2p_domain::payment::PaymentOrigin;
use p2p_domain::refusal::QuotaKind;
use p2p_domain::{
    Account, AccountId, AccountKey, Conduct, Dispute, DisputeId, Exchanger, FailedAttempts,
    Listing, ListingId, Mailbox, Notification, NotificationContent, NotificationId, Offer, OfferId,
    Order, OrderId, Payment, PaymentReport, Posting, SecondFactor, Session, SessionId, Timestamp,
    User, UserId, Withdrawal, WithdrawalId,
};

use super::rows::{Rows, Writes};
use crate::audit_chain;
use crate::events;
use crate::ports::{
    ChangeSet, Entry, IdempotencyKey, IdempotencyRecord, Ids, IdsExt, InboxKey, InboxMark,
    OfferSummary, StaffMember, Transfer, Versioned,
};

/// Everything loaded for a batch, as its commands leave it.
#[derive(Debug, Default)]
pub(super) struct IdentityMap {
    pub(super) users: Rows<UserId, User>,
    pub(super) offers: Rows<OfferId, Offer>,
    pub(super) disputes: Rows<DisputeId, Dispute>,
    pub(super) exchangers: Rows<UserId, Exchanger>,
    pub(super) listings: Rows<ListingId, Listing>,
    pub(super) accounts: Rows<AccountKey, Account>,
    pub(super) mailboxes: Rows<UserId, Mailbox>,
    pub(super) notifications: Rows<NotificationId, Notification>,
    pub(super) orders: Rows<OrderId, Order>,
    pub(super) payments: Rows<PaymentOrigin, Payment>,
    pub(super) withdrawals: Rows<WithdrawalId, Withdrawal>,
    pub(super) attempts: Rows<u128, FailedAttempts>,
    pub(super) second_factors: Rows<UserId, SecondFactor>,
    pub(super) sessions: Rows<SessionId, Session>,
    pub(super) conducts: Rows<UserId, Conduct>,
    /// How many of these somebody has, with those that this batch adds.
    pub(super) quota_counts: HashMap<(QuotaKind, UserId), u32>,
    /// The end of the audit trail, if it was asked for.
    pub(super) trail_head: Option<AuditHead>,
    pub(super) account_keys: HashMap<AccountId, AccountKey>,
    /// Requests that were answered, before or in this batch.
    pub(super) replies: HashMap<IdempotencyKey, IdempotencyRecord>,
    pub(super) heads: HashMap<OfferId, OfferSummary>,
    pub(super) staff: Vec<StaffMember>,
    /// Users who are there.
    pub(super) known_users: HashSet<UserId>,
    /// Messages that have taken effect, before or in this batch.
    pub(super) processed: HashSet<InboxKey>,
    rest: Appended,
}

/// What is only ever added.
#[derive(Debug, Default)]
pub(super) struct Appended {
    pub(super) history: Vec<HistoryEntry>,
    pub(super) comments: Vec<Comment>,
    pub(super) postings: Vec<Posting>,
    pub(super) events: Vec<Event>,
    pub(super) inbox: Vec<InboxMark>,
    pub(super) replies: Vec<IdempotencyRecord>,
    pub(super) reports: Vec<PaymentReport>,
    /// Who is told what, and its number in the mailbox.
    pub(super) news: Vec<(UserId, u64, NotificationContent)>,
    pub(super) notes: Vec<AuditNote>,
    /// What somebody has one more of.
    pub(super) counted: Vec<(QuotaKind, UserId)>,
}

impl IdentityMap {
    /// How requests were answered.
    pub(super) fn remember(&mut self, records: Vec<IdempotencyRecord>) {
        let by_key = records.into_iter().map(|one| (one.key.clone(), one));
        self.replies.extend(by_key);
    }

    /// All changes, with ids for what has none yet.
    pub(super) fn into_changes(self, ids: &dyn Ids, at: Timestamp) -> ChangeSet {
        let transfers = self
            .rest
            .postings
            .into_iter()
            .map(|posting| transfer(posting, &self.accounts, ids, at))
            .collect();
        let outbox = self
            .rest
            .events
            .iter()
            .map(|event| events::publish(event, ids.fresh()))
            .collect();
        let mut notifications = self.notifications.into_saved();
        let told = self.rest.news.into_iter();
        notifications.extend(told.map(|(user, number, news)| Versioned {
            value: Notification::new(ids.fresh(), user, number, news),
            expected_version: None,
        }));
        let trail = audit_chain::append(self.trail_head, self.rest.notes, at);
        ChangeSet {
            users: self.users.into_saved(),
            offers: self.offers.into_saved(),
            disputes: self.disputes.into_saved(),
            exchangers: self.exchangers.into_saved(),
            listings: self.listings.into_saved(),
            accounts: self.accounts.into_saved(),
            history: self.rest.history,
            comments: self.rest.comments,
            transfers,
            outbox,
            inbox: self.rest.inbox,
            reports: self.rest.reports,
            mailboxes: self.mailboxes.into_saved(),
            notifications,
            orders: self.orders.into_saved(),
            payments: self.payments.into_saved(),
            withdrawals: self.withdrawals.into_saved(),
            replies: self.rest.replies,
            attempts: self.attempts.into_saved(),
            second_factors: self.second_factors.into_saved(),
            sessions: self.sessions.into_saved(),
            conducts: self.conducts.into_saved(),
            trail,
        }
    }

    /// Takes a succeeded command's changes over.
    pub(super) fn absorb(&mut self, writes: WriteSet) {
        self.users.absorb(writes.users);
        self.offers.absorb(writes.offers);
        self.disputes.absorb(writes.disputes);
        self.exchangers.absorb(writes.exchangers);
        self.listings.absorb(writes.listings);
        self.accounts.absorb(writes.accounts);
        self.mailboxes.absorb(writes.mailboxes);
        self.notifications.absorb(writes.notifications);
        self.orders.absorb(writes.orders);
        self.payments.absorb(writes.payments);
        self.withdrawals.absorb(writes.withdrawals);
        self.attempts.absorb(writes.attempts);
        self.second_factors.absorb(writes.second_factors);
        self.sessions.absorb(writes.sessions);
        self.conducts.absorb(writes.conducts);
        for key in writes.rest.counted {
            *self.quota_counts.entry(key).or_default() += 1;
        }
        self.rest.notes.extend(writes.rest.notes);
        self.remember(writes.rest.replies.clone());
        let processed = writes.rest.inbox.iter().map(|mark| mark.key.clone());
        self.processed.extend(processed);
        self.rest.history.extend(writes.rest.history);
        self.rest.comments.extend(writes.rest.comments);
        self.rest.postings.extend(writes.rest.postings);
        self.rest.events.extend(writes.rest.events);
        self.rest.inbox.extend(writes.rest.inbox);
        self.rest.replies.extend(writes.rest.replies);
        self.rest.reports.extend(writes.rest.reports);
        self.rest.news.extend(writes.rest.news);
    }
}

/// Every account of a posting is at hand: [`super::UnitOfWork::post`] refuses it otherwise.
fn transfer(
    posting: Posting,
    accounts: &Rows<AccountKey, Account>,
    ids: &dyn Ids,
    at: Timestamp,
) -> Transfer {
    let entries = posting
        .legs()
        .iter()
        .filter_map(|leg| {
            let account = accounts.get(&leg.account)?;
            Some(Entry {
                account: account.id,
                bucket: leg.bucket,
                amount: leg.amount,
            })
        })
        .collect();
    Transfer {
        id: ids.fresh(),
        posting,
        entries,
        at,
    }
}

/// What one command changes: kept if it succeeds, thrown away if it is refused.
#[derive(Debug, Default)]
pub(super) struct WriteSet {
    pub(super) users: Writes<UserId, User>,
    pub(super) offers: Writes<OfferId, Offer>,
    pub(super) disputes: Writes<DisputeId, Dispute>,
    pub(super) exchangers: Writes<UserId, Exchanger>,
    pub(super) listings: Writes<ListingId, Listing>,
    pub(super) accounts: Writes<AccountKey, Account>,
    pub(super) mailboxes: Writes<UserId, Mailbox>,
    pub(super) notifications: Writes<NotificationId, Notification>,
    pub(super) orders: Writes<OrderId, Order>,
    pub(super) payments: Writes<PaymentOrigin, Payment>,
    pub(super) withdrawals: Writes<WithdrawalId, Withdrawal>,
    pub(super) attempts: Writes<u128, FailedAttempts>,
    pub(super) second_factors: Writes<UserId, SecondFactor>,
    pub(super) sessions: Writes<SessionId, Session>,
    pub(super) conducts: Writes<UserId, Conduct>,
    pub(super) rest: Appended,
}
