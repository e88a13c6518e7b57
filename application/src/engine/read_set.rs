//! What a batch must load before its commands can decide.

use std::collections::{BTreeMap, BTreeSet};

use p2p_domain::payment::PaymentOrigin;
use p2p_domain::policy::Limits;
use p2p_domain::refusal::QuotaKind;
use p2p_domain::user::Caller;
use p2p_domain::{
    Account, AccountId, Conduct, Dispute, DisputeId, Exchanger, FailedAttempts, Listing, ListingId,
    Mailbox, Notification, Offer, OfferId, Order, Payment, SecondFactor, Session, User, UserId,
    Withdrawal,
};

use crate::aggregates::{Selection, Slot};
use crate::ports::{IdempotencyKey, InboxKey, SnapshotQuery};
use crate::{aggregate_struct, for_each_aggregate};

for_each_aggregate!(aggregate_struct {
    /// The rows to load and lock.
    #[derive(Debug, Default)]
    pub struct Selections[Selection] {}
});

macro_rules! is_empty {
    ($($table:ident: $aggregate:ident $by:tt,)*) => {
        impl Selections {
            fn is_empty(&self) -> bool { $(self.$table.is_empty() &&)* true }
        }
    };
}

for_each_aggregate!(is_empty);

/// An aggregate whose rows a command can select.
pub trait Selected: Slot<Selections, Of = Selection<Self>> {}

impl<A: Slot<Selections, Of = Selection<A>>> Selected for A {}

/// What must be loaded along with an offer.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct OfferRelations {
    /// The exchanger's record, not locked.
    pub(crate) exchanger: bool,
    /// The listing, and the crypto holder's account: the escrow may go back.
    pub(crate) release: bool,
    /// The accounts of the fiat payer and of the fees: the escrow may be paid out.
    pub(crate) capture: bool,
    /// All disputes of the offer.
    pub(crate) disputes: bool,
    /// The exchanger's record, locked, and the ACTIVE listings: a freeze would pause them. The customer's conduct: a payment
    /// may be missing.
    pub(crate) freeze: bool,
}

impl OfferRelations {
    pub(crate) fn merge(&mut self, other: Self) {
        self.exchanger |= other.exchanger;
        self.release |= other.release;
        self.capture |= other.capture;
        self.disputes |= other.disputes;
        self.freeze |= other.freeze;
    }
}

/// Collects the keys of everything that the commands of a batch need, each once and in order.
#[derive(Debug, Default)]
pub struct ReadSet {
    /// Rows to load and lock. Loading adds to them what loaded rows point to.
    locked: Selections,
    pub(crate) offers: BTreeMap<OfferId, OfferRelations>,
    pub(crate) disputes: BTreeMap<DisputeId, OfferRelations>,
    /// Listings that their exchangers change; the exchangers' records are locked with them.
    pub(crate) managed_listings: BTreeSet<ListingId>,
    /// Listings and the customers who make offers on them.
    pub(crate) offered_listings: BTreeSet<(ListingId, UserId)>,
    /// Payments, and whether they may be refunded: then with the accounts of both sides.
    pub(crate) payments: BTreeMap<PaymentOrigin, bool>,
    pub(crate) account_ids: BTreeSet<AccountId>,
    pub(crate) conducts: BTreeSet<UserId>,
    /// Exchangers' records that are read without a lock, unless another command needs them locked.
    pub(crate) read_exchangers: BTreeSet<UserId>,
    /// Exchangers who may respond to an offer.
    pub(crate) responding_exchangers: BTreeSet<UserId>,
    pub(super) known_users: BTreeSet<UserId>,
    pub(super) inbox: BTreeSet<InboxKey>,
    pub(super) replies: BTreeSet<IdempotencyKey>,
    pub(super) quota_counts: BTreeSet<(QuotaKind, UserId)>,
    /// Offers whose two sides are notified.
    pub(super) notified_offers: BTreeSet<OfferId>,
    /// Moderators and administrators are notified.
    pub(super) notified_staff: bool,
    /// The audit log is appended to.
    pub(super) audit_head: bool,
}

impl ReadSet {
    /// An aggregate by its key, locked. Offers, payments, listings and conducts have methods of their own, which say what is
    /// needed along with them.
    pub fn lock<A: Selected>(&mut self, key: A::Key) {
        self.selection_mut::<A>().keys.insert(key);
    }

    /// All aggregates that belong to this, locked: the user with an address, the open sessions of a user, the disputes of an
    /// offer, the ACTIVE listings of an exchanger.
    pub fn lock_of<A: Selected>(&mut self, other: A::Other) {
        self.selection_mut::<A>().others.insert(other);
    }

    /// Whether this user exists.
    pub fn known_user(&mut self, id: UserId) {
        self.known_users.insert(id);
    }

    /// The caller's user, with the roles that are stored now.
    pub fn caller(&mut self, caller: Caller) {
        self.lock::<User>(caller.user);
    }

    /// A listing that its exchanger changes, and the exchanger's record, both locked.
    pub fn listing(&mut self, id: ListingId) {
        self.lock::<Listing>(id);
        self.managed_listings.insert(id);
    }

    /// An account, by its id.
    pub fn account_by_id(&mut self, id: AccountId) {
        self.account_ids.insert(id);
    }

    /// A payment.
    pub fn payment(&mut self, origin: PaymentOrigin) {
        self.payments.entry(origin).or_default();
    }

    /// A payment that may be refunded, and the accounts of its two sides.
    pub fn payment_to_refund(&mut self, origin: PaymentOrigin) {
        self.payments.insert(origin, true);
    }

    /// The stored reply to a request.
    pub fn reply(&mut self, key: IdempotencyKey) {
        self.replies.insert(key);
    }

    /// Whether a message has taken effect before.
    pub fn inbox(&mut self, key: InboxKey) {
        self.inbox.insert(key);
    }

    /// The parts of an offer that never change, and the mailboxes of its two sides.
    pub fn sides_to_notify(&mut self, id: OfferId) {
        self.notified_offers.insert(id);
    }

    /// All moderators and administrators, and their mailboxes.
    pub fn staff_to_notify(&mut self) {
        self.notified_staff = true;
    }

    /// The conduct of a user; that of a customer who makes an offer is loaded anyway.
    pub fn conduct(&mut self, user: UserId) {
        self.conducts.insert(user);
    }

    /// How many of these a user has.
    pub fn count(&mut self, kind: QuotaKind, user: UserId) {
        self.quota_counts.insert((kind, user));
    }

    /// The end of the audit log, to append to it.
    pub fn audit_head(&mut self) {
        self.audit_head = true;
    }

    pub(crate) fn selection<A: Selected>(&self) -> &Selection<A> {
        A::slot(&self.locked)
    }

    pub(crate) fn selection_mut<A: Selected>(&mut self) -> &mut Selection<A> {
        A::slot_mut(&mut self.locked)
    }

    /// The snapshot query that covers this read set, or `None` if any of it must be locked.
    pub(super) fn snapshot_query(&self, limits: &Limits) -> Option<SnapshotQuery> {
        let Self {
            locked,
            offers,
            disputes,
            managed_listings,
            offered_listings,
            payments,
            account_ids,
            conducts,
            // Both are filled while rows are loaded and locked.
            read_exchangers: _,
            responding_exchangers: _,
            known_users,
            inbox,
            replies,
            quota_counts,
            notified_offers,
            notified_staff,
            audit_head,
        } = self;
        let is_locked = !locked.is_empty()
            || offers
                .values()
                .any(|relations| relations.disputes || relations.freeze)
            || !disputes.is_empty()
            || !managed_listings.is_empty()
            || payments.values().any(|refund| *refund)
            || !inbox.is_empty()
            || !quota_counts.is_empty()
            || !notified_offers.is_empty()
            || *notified_staff
            || *audit_head;
        if is_locked {
            return None;
        }
        let moves_escrow = |relations: &OfferRelations| relations.release || relations.capture;
        let offers_that = |settle: bool| {
            let offers = offers.iter();
            let offers = offers.filter(move |(_, relations)| moves_escrow(relations) == settle);
            offers.map(|(id, _)| *id).collect()
        };
        Some(SnapshotQuery {
            answers: offered_listings.iter().copied().collect(),
            deals: offers_that(false),
            settled: offers_that(true),
            users: known_users.iter().copied().collect(),
            replies: replies.iter().cloned().collect(),
            payments: payments.keys().cloned().collect(),
            accounts: account_ids.iter().copied().collect(),
            conducts: conducts.iter().copied().collect(),
            open_offers: if offered_listings.is_empty() {
                0
            } else {
                limits.open_offers
            },
        })
    }
}
