//! What a batch must load before its commands can decide.

use std::collections::{BTreeMap, BTreeSet};

use p2p_domain::payment::PaymentOrigin;
use p2p_domain::policy::Limits;
use p2p_domain::refusal::QuotaKind;
use p2p_domain::user::{Caller, Email};
use p2p_domain::{
    AccountId, AccountKey, DisputeId, ListingId, NotificationId, OfferId, OrderId, SessionId,
    UserId, WithdrawalId,
};

use crate::ports::{IdempotencyKey, InboxKey, SnapshotQuery};

/// What must be loaded along with a deal.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct OfferRelations {
    /// The exchanger's own record, to look at.
    pub(super) exchanger: bool,
    /// The listing, and the crypto holder's account: the escrow may go back.
    pub(super) release: bool,
    /// The accounts of the fiat payer and of the fees: the escrow may be paid out.
    pub(super) capture: bool,
    /// All disputes of the deal.
    pub(super) disputes: bool,
    /// The exchanger's record, locked, and the ACTIVE listings: a freeze would pause them. The
    /// customer's conduct: a payment may be missing.
    pub(super) freeze: bool,
}

impl OfferRelations {
    pub(super) fn merge(&mut self, other: Self) {
        self.exchanger |= other.exchanger;
        self.release |= other.release;
        self.capture |= other.capture;
        self.disputes |= other.disputes;
        self.freeze |= other.freeze;
    }
}

/// Collects the keys of everything that the commands of a batch want to see, each once and in order.
#[derive(Debug, Default)]
pub struct ReadSet {
    pub(super) users: BTreeSet<UserId>,
    pub(super) emails: BTreeSet<Email>,
    pub(super) offers: BTreeMap<OfferId, OfferRelations>,
    pub(super) disputes: BTreeMap<DisputeId, OfferRelations>,
    pub(super) exchangers: BTreeSet<UserId>,
    /// Exchangers to look at: they are locked only where somebody else in the batch wants them locked, or an answer will change
    /// them.
    pub(super) seen_exchangers: BTreeSet<UserId>,
    pub(super) listings: BTreeSet<ListingId>,
    /// Those of them that their exchangers change, whose records are locked with them.
    pub(super) managed_listings: BTreeSet<ListingId>,
    /// Listings that a customer answers: their exchanger, the account whose crypto will be held, and the customer's.
    pub(super) answered: BTreeSet<(ListingId, UserId)>,
    pub(super) accounts: BTreeSet<AccountKey>,
    /// Deals whose two sides are told something.
    pub(super) told: BTreeSet<OfferId>,
    /// Moderators and administrators are told something.
    pub(super) staff: bool,
    pub(super) mailboxes: BTreeSet<UserId>,
    pub(super) notifications: BTreeSet<NotificationId>,
    pub(super) inbox: BTreeSet<InboxKey>,
    pub(super) replies: BTreeSet<IdempotencyKey>,
    pub(super) orders: BTreeSet<OrderId>,
    pub(super) withdrawals: BTreeSet<WithdrawalId>,
    /// Payments, and whether they may be refunded: then with the accounts of both sides.
    pub(super) payments: BTreeMap<PaymentOrigin, bool>,
    pub(super) account_ids: BTreeSet<AccountId>,
    pub(super) known_users: BTreeSet<UserId>,
    pub(super) attempts: BTreeSet<u128>,
    pub(super) second_factors: BTreeSet<UserId>,
    pub(super) sessions: BTreeSet<SessionId>,
    /// Users whose sessions may all end.
    pub(super) sessions_of: BTreeSet<UserId>,
    pub(super) conducts: BTreeSet<UserId>,
    pub(super) quota_counts: BTreeSet<(QuotaKind, UserId)>,
    /// Something goes behind the end of the audit trail.
    pub(super) trail: bool,
}

impl ReadSet {
    /// A user by id.
    pub fn user(&mut self, id: UserId) {
        self.users.insert(id);
    }

    /// Whether there is such a user.
    pub fn known_user(&mut self, id: UserId) {
        self.known_users.insert(id);
    }

    /// Whoever asks, to look at the roles that they hold now.
    pub fn caller(&mut self, caller: Caller) {
        self.users.insert(caller.user);
    }

    /// A user by e-mail address.
    pub fn email(&mut self, email: &Email) {
        self.emails.insert(email.clone());
    }

    /// A deal alone.
    pub fn offer(&mut self, id: OfferId) {
        self.around(id, OfferRelations::default());
    }

    /// A deal and its exchanger's record.
    pub fn offer_with_exchanger(&mut self, id: OfferId) {
        self.around(
            id,
            OfferRelations {
                exchanger: true,
                ..OfferRelations::default()
            },
        );
    }

    /// A deal that may be called off: its exchanger's record, its listing, and the account that its escrow goes back to.
    pub fn offer_to_release(&mut self, id: OfferId) {
        self.around(
            id,
            OfferRelations {
                exchanger: true,
                release: true,
                ..OfferRelations::default()
            },
        );
    }

    /// A deal that may be finished: its listing, and the accounts that its escrow may be paid out to.
    pub fn offer_to_capture(&mut self, id: OfferId) {
        self.around(
            id,
            OfferRelations {
                release: true,
                capture: true,
                ..OfferRelations::default()
            },
        );
    }

    /// A deal and its disputes.
    pub fn offer_with_disputes(&mut self, id: OfferId) {
        self.around(
            id,
            OfferRelations {
                disputes: true,
                ..OfferRelations::default()
            },
        );
    }

    /// A deal whose time may have run out: all that calling it off takes, its disputes, and the listings that a freeze of
    /// its exchanger would pause.
    pub fn offer_to_expire(&mut self, id: OfferId) {
        self.around(
            id,
            OfferRelations {
                release: true,
                disputes: true,
                freeze: true,
                ..OfferRelations::default()
            },
        );
    }

    /// A dispute, its deal and the deal's other disputes.
    pub fn dispute(&mut self, id: DisputeId) {
        let wants = OfferRelations {
            disputes: true,
            ..OfferRelations::default()
        };
        self.disputes.entry(id).or_default().merge(wants);
    }

    /// A dispute, its deal with all that finishing it takes, and the deal's other disputes.
    pub fn dispute_to_resolve(&mut self, id: DisputeId) {
        let wants = OfferRelations {
            release: true,
            capture: true,
            disputes: true,
            ..OfferRelations::default()
        };
        self.disputes.entry(id).or_default().merge(wants);
    }

    /// An exchanger's record.
    pub fn exchanger(&mut self, id: UserId) {
        self.exchangers.insert(id);
    }

    /// A listing that its exchanger changes, and the exchanger's record, both locked.
    pub fn listing(&mut self, id: ListingId) {
        self.listings.insert(id);
        self.managed_listings.insert(id);
    }

    /// A listing that a customer answers, its exchanger's record, the account whose crypto will be held, and the customer's.
    pub fn listing_for_offer(&mut self, id: ListingId, customer: UserId) {
        self.listings.insert(id);
        self.answered.insert((id, customer));
    }

    /// An account.
    pub fn account(&mut self, key: AccountKey) {
        self.accounts.insert(key);
    }

    /// An account, by its id.
    pub fn account_by_id(&mut self, id: AccountId) {
        self.account_ids.insert(id);
    }

    /// An order.
    pub fn order(&mut self, id: OrderId) {
        self.orders.insert(id);
    }

    /// A payment.
    pub fn payment(&mut self, origin: PaymentOrigin) {
        self.payments.entry(origin).or_default();
    }

    /// A payment that may be refunded, and the accounts of its two sides.
    pub fn payment_to_refund(&mut self, origin: PaymentOrigin) {
        self.payments.insert(origin, true);
    }

    /// A withdrawal, its owner's account, and that of the outside world.
    pub fn withdrawal(&mut self, id: WithdrawalId) {
        self.withdrawals.insert(id);
    }

    /// Whether a request was answered before.
    pub fn reply(&mut self, key: IdempotencyKey) {
        self.replies.insert(key);
    }

    /// Whether a message has taken effect before.
    pub fn inbox(&mut self, key: InboxKey) {
        self.inbox.insert(key);
    }

    /// What of a deal never changes, and the mailboxes of its two sides.
    pub fn sides_to_notify(&mut self, id: OfferId) {
        self.told.insert(id);
    }

    /// Who is on the staff, and their mailboxes.
    pub fn staff_to_notify(&mut self) {
        self.staff = true;
    }

    /// Somebody's mailbox.
    pub fn mailbox(&mut self, user: UserId) {
        self.mailboxes.insert(user);
    }

    /// A notification.
    pub fn notification(&mut self, id: NotificationId) {
        self.notifications.insert(id);
    }

    /// Failed log-ins under the address with this digest.
    pub fn attempts(&mut self, key: u128) {
        self.attempts.insert(key);
    }

    /// Somebody's second factor.
    pub fn second_factor(&mut self, user: UserId) {
        self.second_factors.insert(user);
    }

    /// A session.
    pub fn session(&mut self, id: SessionId) {
        self.sessions.insert(id);
    }

    /// All sessions of a user that have not ended.
    pub fn sessions_of(&mut self, user: UserId) {
        self.sessions_of.insert(user);
    }

    /// How a customer behaves; whoever answers a listing is looked at anyway.
    pub fn conduct(&mut self, user: UserId) {
        self.conducts.insert(user);
    }

    /// How many of these somebody has.
    pub fn tally(&mut self, what: QuotaKind, user: UserId) {
        self.quota_counts.insert((what, user));
    }

    /// The end of the audit trail, to write something behind it.
    pub fn trail(&mut self) {
        self.trail = true;
    }

    /// All of it as a look finds it, if a look finds all of it: deals and answers do, what must be locked to be relied on
    /// does not.
    pub(super) fn snapshot_query(&self, limits: &Limits) -> Option<SnapshotQuery> {
        let locks = !self.users.is_empty()
            || !self.emails.is_empty()
            || !self.disputes.is_empty()
            || !self.exchangers.is_empty()
            || !self.managed_listings.is_empty()
            || !self.accounts.is_empty()
            || !self.told.is_empty()
            || self.staff
            || !self.mailboxes.is_empty()
            || !self.notifications.is_empty()
            || !self.inbox.is_empty()
            || !self.orders.is_empty()
            || !self.withdrawals.is_empty()
            || !self.attempts.is_empty()
            || !self.second_factors.is_empty()
            || !self.sessions.is_empty()
            || !self.sessions_of.is_empty()
            || !self.quota_counts.is_empty()
            || self.trail
            || self.payments.values().any(|refund| *refund)
            || self
                .offers
                .values()
                .any(|around| around.disputes || around.freeze);
        if locks {
            return None;
        }
        let moves = |around: &OfferRelations| around.release || around.capture;
        let which = |settled: bool| {
            let offers = self
                .offers
                .iter()
                .filter(move |(_, around)| moves(around) == settled);
            offers.map(|(id, _)| *id).collect()
        };
        Some(SnapshotQuery {
            answers: self.answered.iter().copied().collect(),
            deals: which(false),
            settled: which(true),
            users: self.known_users.iter().copied().collect(),
            replies: self.replies.iter().cloned().collect(),
            payments: self.payments.keys().cloned().collect(),
            accounts: self.account_ids.iter().copied().collect(),
            conducts: self.conducts.iter().copied().collect(),
            open_offers: if self.answered.is_empty() {
                0
            } else {
                limits.open_offers
            },
        })
    }

    fn around(&mut self, id: OfferId, wants: OfferRelations) {
        self.offers.entry(id).or_default().merge(wants);
    }
}
