//! Committing: everything is checked before anything is changed.
//!
//! What somebody else was faster with (a version, a unique key) is a conflict; what the schema of a database would not
//! let in, whoever asks, is rejected.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;

use p2p_application::aggregates::Aggregate;
use p2p_application::for_each_aggregate;
use p2p_application::ports::{ChangeSet, StorageError, Transfer, Versioned};
use p2p_domain::dispute::DisputeState;
use p2p_domain::ledger::Owner;
use p2p_domain::user::Email;
use p2p_domain::{
    Actor, Listing, Mailbox, Money, OfferId, PaymentReport, ReportOutcome, TypedId, UserId,
};

use crate::tables::Tables;

type Check = Result<(), StorageError>;

fn conflict(what: String) -> StorageError {
    StorageError::Conflict { what }
}

fn rejected(what: String) -> StorageError {
    StorageError::Rejected { what }
}

macro_rules! rows {
    ($($table:ident: $aggregate:ident $by:tt,)*) => {
        impl Tables {
            fn check_rows(&self, changes: &ChangeSet) -> Check {
                $(check_table(&self.$table, &changes.$table)?;)*
                Ok(())
            }

            fn put_rows(&mut self, changes: &ChangeSet) {
                $(put_table(&mut self.$table, &changes.$table);)*
            }
        }
    };
}

for_each_aggregate!(rows);

/// The stored rows have the expected versions, and each is changed once.
fn check_table<A: Aggregate>(table: &BTreeMap<A::Key, A>, changed: &[Versioned<A>]) -> Check {
    let mut seen = BTreeSet::new();
    for row in changed {
        let key = row.value.key();
        if table.get(&key).map(A::version) != row.expected_version {
            return Err(conflict(format!("{key:?} has another version")));
        }
        let what = format!("{key:?} is written twice");
        if !seen.insert(key) {
            // A database would report the second of two new rows as a key that is taken.
            return Err(match row.expected_version {
                None => conflict(what),
                Some(_) => rejected(what),
            });
        }
    }
    Ok(())
}

fn put_table<A: Aggregate>(table: &mut BTreeMap<A::Key, A>, changed: &[Versioned<A>]) {
    for row in changed {
        table.insert(row.value.key(), row.value.clone());
    }
}

impl Tables {
    /// Whether all these changes can be made. Conflicts come first: to load and decide again may cure the rest.
    pub(crate) fn check(&self, changes: &ChangeSet) -> Check {
        self.check_versions(changes)?;
        self.check_unique(changes)?;
        self.check_references(changes)?;
        changes
            .listings
            .iter()
            .try_for_each(|saved| sums_up(&saved.value))?;
        changes
            .mailboxes
            .iter()
            .try_for_each(|saved| read_what_there_is(&saved.value))?;
        for saved in &changes.orders {
            positive(saved.value.id, saved.value.purchase.amount)?;
        }
        for saved in &changes.withdrawals {
            positive(saved.value.id, saved.value.amount)?;
        }
        changes.reports.iter().try_for_each(names_its_deal)
    }

    /// Makes changes that were checked.
    pub(crate) fn apply(&mut self, changes: &ChangeSet) {
        self.put_rows(changes);
        for saved in &changes.accounts {
            let account = &saved.value;
            self.account_ids.insert(account.id, account.key);
        }
        for entry in &changes.history {
            let key = (entry.offer, entry.version);
            self.history.insert(key, entry.clone());
        }
        for comment in &changes.comments {
            self.comments.insert(comment.id, comment.clone());
        }
        for transfer in &changes.transfers {
            self.transfers.insert(transfer.id, transfer.clone());
        }
        if let Some(append) = &changes.trail {
            self.audit_head = append.head();
            let records = append.records.iter();
            self.trail
                .extend(records.map(|record| (record.number, record.clone())));
        }
        for record in &changes.replies {
            self.replies.insert(record.key.clone(), record.clone());
        }
        for mark in &changes.inbox {
            self.inbox.insert(mark.key.clone(), mark.at);
        }
        for report in &changes.reports {
            self.reports.insert(report.id, report.clone());
        }
        for message in &changes.outbox {
            self.outbox.insert(message.id, message.clone());
        }
    }

    fn check_versions(&self, changes: &ChangeSet) -> Check {
        self.check_rows(changes)?;
        match &changes.trail {
            Some(append) if append.after != self.audit_head => {
                Err(conflict("the audit log has another end".into()))
            }
            _ => Ok(()),
        }
    }

    fn check_unique(&self, changes: &ChangeSet) -> Check {
        self.check_emails(changes)?;
        self.check_sides(changes)?;
        let new_accounts = changes
            .accounts
            .iter()
            .filter(|row| row.expected_version.is_none());
        distinct(new_accounts.map(|row| row.value.id), |id| {
            self.account_ids.contains_key(id)
        })?;
        let history = changes
            .history
            .iter()
            .map(|entry| (entry.offer, entry.version));
        distinct(history, |key| self.history.contains_key(key))?;
        let comments = changes.comments.iter().map(|comment| comment.id);
        distinct(comments, |id| self.comments.contains_key(id))?;
        let transfers = changes.transfers.iter().map(|transfer| transfer.id);
        distinct(transfers, |id| self.transfers.contains_key(id))?;
        let messages = changes.outbox.iter().map(|message| message.id);
        distinct(messages, |id| self.outbox.contains_key(id))?;
        let marks = changes.inbox.iter().map(|mark| &mark.key);
        distinct(marks, |key| self.inbox.contains_key(key))?;
        let replies = changes.replies.iter().map(|record| &record.key);
        distinct(replies, |key| self.replies.contains_key(key))?;
        self.check_payment_ids(changes)?;
        self.check_reports(changes)?;
        self.check_numbers(changes)
    }

    /// Payments are kept by their reasons; their ids are unique as well.
    fn check_payment_ids(&self, changes: &ChangeSet) -> Check {
        let new = changes
            .payments
            .iter()
            .filter(|row| row.expected_version.is_none());
        let ids = new.map(|row| row.value.id);
        distinct(ids, |id| {
            let mut known = self.payments.values();
            known.any(|payment| payment.id == *id)
        })
    }

    /// A report is received once, under its own id and under its provider's name for it.
    fn check_reports(&self, changes: &ChangeSet) -> Check {
        let ids = changes.reports.iter().map(|report| report.id);
        distinct(ids, |id| self.reports.contains_key(id))?;
        let name = |report: &PaymentReport| (report.provider.clone(), report.callback.clone());
        let names = changes.reports.iter().map(name);
        distinct(names, |wanted| {
            self.reports.values().any(|known| name(known) == *wanted)
        })
    }

    /// One notification for each number in a mailbox.
    fn check_numbers(&self, changes: &ChangeSet) -> Check {
        let new = changes
            .notifications
            .iter()
            .filter(|row| row.expected_version.is_none());
        let places = new.map(|row| (row.value.user, row.value.number));
        distinct(places, |place| {
            let mut known = self.notifications.values();
            known.any(|row| (row.user, row.number) == *place)
        })
    }

    /// One account for each e-mail address.
    fn check_emails(&self, changes: &ChangeSet) -> Check {
        if changes.users.is_empty() {
            return Ok(());
        }
        let changed: BTreeSet<UserId> = changes.users.iter().map(|row| row.value.id).collect();
        let others = self
            .users
            .values()
            .filter(|user| !changed.contains(&user.id));
        let taken: BTreeSet<&Email> = others.map(|user| &user.email).collect();
        let wanted = changes.users.iter().map(|row| &row.value.email);
        distinct(wanted, |email| taken.contains(email))
    }

    /// One dispute of a deal for each side.
    fn check_sides(&self, changes: &ChangeSet) -> Check {
        let new = changes
            .disputes
            .iter()
            .filter(|row| row.expected_version.is_none());
        let sides = new.map(|row| (row.value.offer, row.value.opened_by));
        let taken = |side: &(OfferId, Actor)| {
            let mut known = self.disputes.values();
            known.any(|dispute| (dispute.offer, dispute.opened_by) == *side)
        };
        distinct(sides, taken)
    }

    /// Whatever a row points to is there, or comes with it.
    fn check_references(&self, changes: &ChangeSet) -> Check {
        let user = |id: UserId| {
            let there =
                self.users.contains_key(&id) || changes.users.iter().any(|row| row.value.id == id);
            present(there, "user", id)
        };
        let offer = |id: OfferId| {
            let there = self.offers.contains_key(&id)
                || changes.offers.iter().any(|row| row.value.id == id);
            present(there, "offer", id)
        };
        let exchanger = |id: UserId| {
            let there = self.exchangers.contains_key(&id)
                || changes.exchangers.iter().any(|row| row.value.user == id);
            present(there, "exchanger", id)
        };
        for row in &changes.exchangers {
            user(row.value.user)?;
        }
        for row in &changes.accounts {
            if let Owner::User(owner) = row.value.key.owner {
                user(owner)?;
            }
        }
        for row in &changes.listings {
            exchanger(row.value.exchanger)?;
        }
        for row in &changes.offers {
            let terms = &row.value.terms;
            user(terms.customer)?;
            exchanger(terms.exchanger)?;
            let mut new = changes.listings.iter();
            let there = self.listings.contains_key(&terms.listing)
                || new.any(|row| row.value.id == terms.listing);
            present(there, "listing", terms.listing)?;
        }
        for row in &changes.disputes {
            offer(row.value.offer)?;
            row.value.opener.map_or(Ok(()), user)?;
            if let DisputeState::Resolved { by, .. } = row.value.state {
                user(by)?;
            }
        }
        for entry in &changes.history {
            offer(entry.offer)?;
            entry.user.map_or(Ok(()), user)?;
        }
        for comment in &changes.comments {
            let mut new = changes.disputes.iter();
            let there = self.disputes.contains_key(&comment.dispute)
                || new.any(|row| row.value.id == comment.dispute);
            present(there, "dispute", comment.dispute)?;
            user(comment.author)?;
        }
        for row in &changes.orders {
            user(row.value.purchase.user)?;
        }
        for row in &changes.sessions {
            user(row.value.user)?;
        }
        for row in &changes.second_factors {
            user(row.value.user)?;
        }
        for row in &changes.conducts {
            user(row.value.user)?;
        }
        for row in &changes.withdrawals {
            user(row.value.user)?;
        }
        for row in &changes.mailboxes {
            user(row.value.user)?;
        }
        for row in &changes.notifications {
            user(row.value.user)?;
        }
        for report in &changes.reports {
            report.offer.map_or(Ok(()), offer)?;
        }
        for entry in changes.transfers.iter().flat_map(|row| &row.entries) {
            let id = entry.account;
            let mut new = changes.accounts.iter();
            let there = self.account_ids.contains_key(&id) || new.any(|row| row.value.id == id);
            present(there, "account", id)?;
        }
        Ok(())
    }
}

/// Neither taken nor wanted twice.
fn distinct<K: Ord + Debug>(keys: impl Iterator<Item = K>, taken: impl Fn(&K) -> bool) -> Check {
    let mut seen = BTreeSet::new();
    for key in keys {
        if taken(&key) || seen.contains(&key) {
            return Err(conflict(format!("{key:?} is taken")));
        }
        seen.insert(key);
    }
    Ok(())
}

fn present(there: bool, noun: &str, id: impl Debug) -> Check {
    if there {
        Ok(())
    } else {
        Err(rejected(format!("there is no {noun} {id:?}")))
    }
}

/// What a listing's columns must say of each other.
fn sums_up(listing: &Listing) -> Check {
    let (total, frozen) = (listing.total.minor(), listing.frozen.minor());
    let executed = listing.executed.minor();
    let taken = i128::from(frozen) + i128::from(executed);
    if frozen < 0 || executed < 0 || taken > i128::from(total) {
        return Err(rejected(format!(
            "the amounts of {:?} don't add up",
            listing.id
        )));
    }
    Ok(())
}

/// Nobody has read more than there is.
fn read_what_there_is(mailbox: &Mailbox) -> Check {
    if mailbox.read_to > mailbox.last {
        return Err(rejected(format!("{:?} read ahead", mailbox.user)));
    }
    Ok(())
}

/// A report names a deal unless the deal is unknown, or a deposit was made of it.
fn names_its_deal(report: &PaymentReport) -> Check {
    let fits = match report.outcome {
        ReportOutcome::UnknownDeal => report.offer.is_none(),
        ReportOutcome::Applied => true,
        ReportOutcome::WrongCurrency | ReportOutcome::WrongAmount | ReportOutcome::NotAwaited => {
            report.offer.is_some()
        }
    };
    if fits {
        return Ok(());
    }
    Err(rejected(format!("{:?} and its deal", report.id)))
}

/// Nothing is bought or withdrawn for nothing.
fn positive(id: impl TypedId, amount: Money) -> Check {
    if amount.minor() > 0 {
        return Ok(());
    }
    Err(rejected(format!("{id} is about {amount}")))
}

/// The sum of a transfer's entries.
pub(crate) fn sum(transfer: &Transfer) -> i128 {
    let amounts = transfer
        .entries
        .iter()
        .map(|entry| i128::from(entry.amount));
    amounts.sum()
}
