//! What a batch has loaded, as its commands leave it.

use std::collections::{HashMap, HashSet};

use p2p_domain::audit_log::AuditHead;
use p2p_domain::refusal::QuotaKind;
use p2p_domain::{
    Account, AccountId, AccountKey, Conduct, Dispute, Exchanger, FailedAttempts, Listing, Mailbox,
    Notification, Offer, OfferId, Order, Payment, Posting, SecondFactor, Session, Timestamp, User,
    UserId, Withdrawal,
};

use super::write_set::{Appended, WriteSet, Writes};
use crate::aggregates::{Aggregate, Slot};
use crate::audit_chain;
use crate::events;
use crate::ports::{
    ChangeSet, Entry, IdempotencyKey, IdempotencyRecord, Ids, IdsExt, InboxKey, OfferSummary,
    StaffMember, Transfer, Versioned,
};
use crate::{aggregate_struct, for_each_aggregate};

/// A loaded or new aggregate.
#[derive(Debug)]
struct Row<A> {
    value: A,
    /// `None`: it is new.
    expected_version: Option<u64>,
    changed: bool,
}

/// The rows of one table that a batch has loaded, and those that its commands have added.
#[derive(Debug)]
pub struct Rows<A: Aggregate>(HashMap<A::Key, Row<A>>);

impl<A: Aggregate> Default for Rows<A> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<A: Aggregate> Rows<A> {
    /// Adds a row as it was loaded.
    pub(super) fn put(&mut self, value: A) {
        let (key, expected_version) = (value.key(), Some(value.version()));
        let row = Row {
            value,
            expected_version,
            changed: false,
        };
        self.0.insert(key, row);
    }

    pub(super) fn get(&self, key: &A::Key) -> Option<&A> {
        self.0.get(key).map(|row| &row.value)
    }

    pub(super) fn values(&self) -> impl Iterator<Item = &A> {
        self.0.values().map(|row| &row.value)
    }

    fn absorb(&mut self, writes: Writes<A>) {
        for (key, value) in writes.into_rows() {
            match self.0.get_mut(&key) {
                Some(row) => {
                    row.changed = true;
                    row.value = value;
                }
                None => {
                    let row = Row {
                        value,
                        expected_version: None,
                        changed: true,
                    };
                    self.0.insert(key, row);
                }
            }
        }
    }

    fn into_changed(self) -> Vec<Versioned<A>> {
        let changed = self.0.into_values().filter(|row| row.changed);
        changed
            .map(|row| Versioned {
                value: row.value,
                expected_version: row.expected_version,
            })
            .collect()
    }
}

for_each_aggregate!(aggregate_struct {
    /// The rows of a batch.
    #[derive(Debug, Default)]
    pub struct LoadedRows[Rows] {}
});

macro_rules! absorb {
    ($($table:ident: $aggregate:ident $by:tt,)*) => {
        impl LoadedRows {
            /// Takes over what a command that succeeded has changed.
            fn absorb(&mut self, writes: WriteSet) -> Appended {
                let WriteSet { $($table,)* appended } = writes;
                $(self.$table.absorb($table);)*
                appended
            }

            /// The changed rows.
            fn into_changes(self) -> ChangeSet {
                ChangeSet { $($table: self.$table.into_changed(),)* ..ChangeSet::default() }
            }
        }
    };
}

for_each_aggregate!(absorb);

/// An aggregate that commands load and change.
pub trait Tracked: Slot<LoadedRows, Of = Rows<Self>> + Slot<WriteSet, Of = Writes<Self>> {}

impl<A: Slot<LoadedRows, Of = Rows<A>> + Slot<WriteSet, Of = Writes<A>>> Tracked for A {}

/// All that a batch has loaded, as its commands leave it.
#[derive(Debug, Default)]
pub(crate) struct IdentityMap {
    rows: LoadedRows,
    /// How many of these each user has, including those that this batch adds.
    pub(super) quota_counts: HashMap<(QuotaKind, UserId), u32>,
    /// The end of the audit log, if it was loaded.
    pub(super) audit_head: Option<AuditHead>,
    pub(super) account_keys: HashMap<AccountId, AccountKey>,
    /// Replies that were stored before, or are by this batch.
    pub(super) replies: HashMap<IdempotencyKey, IdempotencyRecord>,
    pub(super) offer_summaries: HashMap<OfferId, OfferSummary>,
    pub(super) staff: Vec<StaffMember>,
    /// Users that exist.
    pub(super) known_users: HashSet<UserId>,
    /// Messages that have taken effect, before or in this batch.
    pub(super) processed: HashSet<InboxKey>,
    appended: Appended,
}

impl IdentityMap {
    pub(crate) fn rows<A: Tracked>(&self) -> &Rows<A> {
        <A as Slot<LoadedRows>>::slot(&self.rows)
    }

    /// Adds a row as it was loaded.
    pub(crate) fn put<A: Tracked>(&mut self, row: A) {
        <A as Slot<LoadedRows>>::slot_mut(&mut self.rows).put(row);
    }

    pub(crate) fn get<A: Tracked>(&self, key: &A::Key) -> Option<&A> {
        self.rows::<A>().get(key)
    }

    pub(crate) fn put_account_key(&mut self, id: AccountId, key: AccountKey) {
        self.account_keys.insert(id, key);
    }

    pub(crate) fn put_open_offers(&mut self, user: UserId, count: u32) {
        let key = (QuotaKind::OpenOffers, user);
        self.quota_counts.insert(key, count);
    }

    pub(super) fn put_replies(&mut self, records: Vec<IdempotencyRecord>) {
        let by_key = records.into_iter().map(|one| (one.key.clone(), one));
        self.replies.extend(by_key);
    }

    /// Takes over what a command that succeeded has changed.
    pub(super) fn absorb(&mut self, writes: WriteSet) {
        let appended = self.rows.absorb(writes);
        for key in &appended.counted {
            *self.quota_counts.entry(*key).or_default() += 1;
        }
        self.put_replies(appended.replies.clone());
        let processed = appended.inbox.iter().map(|mark| mark.key.clone());
        self.processed.extend(processed);
        self.appended.extend(appended);
    }

    /// All changes, with ids for what has none yet.
    pub(super) fn into_changes(self, ids: &dyn Ids, at: Timestamp) -> ChangeSet {
        let Appended {
            history,
            comments,
            postings,
            events,
            inbox,
            replies,
            reports,
            notifications,
            notes,
            counted: _,
        } = self.appended;
        let accounts = &self.rows.accounts;
        let transfers = postings.into_iter();
        let transfers = transfers.map(|posting| transfer(posting, accounts, ids, at));
        let transfers = transfers.collect();
        let outbox = events.iter();
        let outbox = outbox.map(|event| events::publish(event, ids.fresh()));
        let outbox = outbox.collect();
        let trail = audit_chain::append(self.audit_head, notes, at);
        let mut changes = ChangeSet {
            history,
            comments,
            transfers,
            outbox,
            inbox,
            reports,
            replies,
            trail,
            ..self.rows.into_changes()
        };
        let notifications = notifications.into_iter();
        let notifications = notifications.map(|(user, number, content)| Versioned {
            value: Notification::new(ids.fresh(), user, number, content),
            expected_version: None,
        });
        changes.notifications.extend(notifications);
        changes
    }
}

/// Every account of a posting is loaded: [`super::UnitOfWork::post`] refuses it otherwise.
fn transfer(posting: Posting, accounts: &Rows<Account>, ids: &dyn Ids, at: Timestamp) -> Transfer {
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
