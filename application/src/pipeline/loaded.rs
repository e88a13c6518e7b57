//! What a batch has to do with, and what its commands add to it.

use std::collections::{HashMap, HashSet};

use domain::audit::{AuditHead, AuditNote};
use domain::billing::PaymentOrigin;
use domain::dispute::Comment;
use domain::event::Event;
use domain::offer::HistoryEntry;
use domain::refusal::Tally;
use domain::{
    Account, AccountId, AccountKey, Attempts, Conduct, Dispute, DisputeId, Exchanger, Listing,
    ListingId, Mailbox, News, Notification, NotificationId, Offer, OfferId, Order, OrderId,
    Payment, PaymentReport, Posting, SecondFactor, Session, SessionId, Timestamp, User, UserId,
    Withdrawal, WithdrawalId,
};

use super::rows::{Rows, Sheet};
use crate::events;
use crate::ports::{
    Changes, Entry, IdempotencyKey, IdempotencyRecord, Ids, IdsExt, InboxKey, InboxMark, OfferHead,
    Saved, StaffMember, Transfer,
};
use crate::trail;

/// Everything loaded for a batch, as its commands leave it.
#[derive(Debug, Default)]
pub(super) struct Loaded {
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
    pub(super) attempts: Rows<u128, Attempts>,
    pub(super) second_factors: Rows<UserId, SecondFactor>,
    pub(super) sessions: Rows<SessionId, Session>,
    pub(super) conducts: Rows<UserId, Conduct>,
    /// How many of these somebody has, with those that this batch adds.
    pub(super) tallies: HashMap<(Tally, UserId), u32>,
    /// The end of the audit trail, if it was asked for.
    pub(super) trail_head: Option<AuditHead>,
    pub(super) account_keys: HashMap<AccountId, AccountKey>,
    /// Requests that were answered, before or in this batch.
    pub(super) replies: HashMap<IdempotencyKey, IdempotencyRecord>,
    pub(super) heads: HashMap<OfferId, OfferHead>,
    pub(super) staff: Vec<StaffMember>,
    /// Users who are there.
    pub(super) known_users: HashSet<UserId>,
    /// Messages that have taken effect, before or in this batch.
    pub(super) taken_in: HashSet<InboxKey>,
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
    pub(super) news: Vec<(UserId, u64, News)>,
    pub(super) notes: Vec<AuditNote>,
    /// What somebody has one more of.
    pub(super) counted: Vec<(Tally, UserId)>,
}

impl Loaded {
    /// How requests were answered.
    pub(super) fn remember(&mut self, records: Vec<IdempotencyRecord>) {
        let by_key = records.into_iter().map(|one| (one.key.clone(), one));
        self.replies.extend(by_key);
    }

    /// All changes, with ids for what has none yet.
    pub(super) fn into_changes(self, ids: &dyn Ids, at: Timestamp) -> Changes {
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
        notifications.extend(told.map(|(user, number, news)| Saved {
            value: Notification::new(ids.fresh(), user, number, news),
            loaded_version: None,
        }));
        let trail = trail::append(self.trail_head, self.rest.notes, at);
        Changes {
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
    pub(super) fn absorb(&mut self, scratch: Scratch) {
        self.users.absorb(scratch.users);
        self.offers.absorb(scratch.offers);
        self.disputes.absorb(scratch.disputes);
        self.exchangers.absorb(scratch.exchangers);
        self.listings.absorb(scratch.listings);
        self.accounts.absorb(scratch.accounts);
        self.mailboxes.absorb(scratch.mailboxes);
        self.notifications.absorb(scratch.notifications);
        self.orders.absorb(scratch.orders);
        self.payments.absorb(scratch.payments);
        self.withdrawals.absorb(scratch.withdrawals);
        self.attempts.absorb(scratch.attempts);
        self.second_factors.absorb(scratch.second_factors);
        self.sessions.absorb(scratch.sessions);
        self.conducts.absorb(scratch.conducts);
        for key in scratch.rest.counted {
            *self.tallies.entry(key).or_default() += 1;
        }
        self.rest.notes.extend(scratch.rest.notes);
        self.remember(scratch.rest.replies.clone());
        let taken_in = scratch.rest.inbox.iter().map(|mark| mark.key.clone());
        self.taken_in.extend(taken_in);
        self.rest.history.extend(scratch.rest.history);
        self.rest.comments.extend(scratch.rest.comments);
        self.rest.postings.extend(scratch.rest.postings);
        self.rest.events.extend(scratch.rest.events);
        self.rest.inbox.extend(scratch.rest.inbox);
        self.rest.replies.extend(scratch.rest.replies);
        self.rest.reports.extend(scratch.rest.reports);
        self.rest.news.extend(scratch.rest.news);
    }
}

/// Every account of a posting is at hand: [`super::Desk::post`] refuses it otherwise.
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
pub(super) struct Scratch {
    pub(super) users: Sheet<UserId, User>,
    pub(super) offers: Sheet<OfferId, Offer>,
    pub(super) disputes: Sheet<DisputeId, Dispute>,
    pub(super) exchangers: Sheet<UserId, Exchanger>,
    pub(super) listings: Sheet<ListingId, Listing>,
    pub(super) accounts: Sheet<AccountKey, Account>,
    pub(super) mailboxes: Sheet<UserId, Mailbox>,
    pub(super) notifications: Sheet<NotificationId, Notification>,
    pub(super) orders: Sheet<OrderId, Order>,
    pub(super) payments: Sheet<PaymentOrigin, Payment>,
    pub(super) withdrawals: Sheet<WithdrawalId, Withdrawal>,
    pub(super) attempts: Sheet<u128, Attempts>,
    pub(super) second_factors: Sheet<UserId, SecondFactor>,
    pub(super) sessions: Sheet<SessionId, Session>,
    pub(super) conducts: Sheet<UserId, Conduct>,
    pub(super) rest: Appended,
}
