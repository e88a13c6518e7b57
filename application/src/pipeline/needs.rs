//! What a batch must load before its commands can decide.

use std::collections::{BTreeMap, BTreeSet};

use domain::user::Email;
use domain::{AccountKey, DisputeId, ListingId, OfferId, UserId};

/// What must be loaded along with a deal.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct AroundOffer {
    /// The exchanger's own record.
    pub(super) exchanger: bool,
    /// The listing, and the accounts of both sides and of the fees: the deal's money may move.
    pub(super) settlement: bool,
    /// All disputes of the deal.
    pub(super) disputes: bool,
    /// The exchanger's ACTIVE listings: a freeze would pause them.
    pub(super) active_listings: bool,
}

impl AroundOffer {
    pub(super) fn merge(&mut self, other: Self) {
        self.exchanger |= other.exchanger;
        self.settlement |= other.settlement;
        self.disputes |= other.disputes;
        self.active_listings |= other.active_listings;
    }
}

/// Collects the keys of everything that the commands of a batch want to see, each once and in order.
#[derive(Debug, Default)]
pub struct Needs {
    pub(super) users: BTreeSet<UserId>,
    pub(super) emails: BTreeSet<Email>,
    pub(super) offers: BTreeMap<OfferId, AroundOffer>,
    pub(super) disputes: BTreeMap<DisputeId, AroundOffer>,
    pub(super) exchangers: BTreeSet<UserId>,
    pub(super) listings: BTreeSet<ListingId>,
    /// Listings that a customer answers: their exchanger, and the account whose crypto will be held.
    pub(super) answered: BTreeSet<(ListingId, UserId)>,
    pub(super) accounts: BTreeSet<AccountKey>,
}

impl Needs {
    /// A user by id.
    pub fn user(&mut self, id: UserId) {
        self.users.insert(id);
    }

    /// A user by e-mail address.
    pub fn email(&mut self, email: &Email) {
        self.emails.insert(email.clone());
    }

    /// A deal alone.
    pub fn offer(&mut self, id: OfferId) {
        self.around(id, AroundOffer::default());
    }

    /// A deal and its exchanger's record.
    pub fn offer_with_exchanger(&mut self, id: OfferId) {
        self.around(
            id,
            AroundOffer {
                exchanger: true,
                ..AroundOffer::default()
            },
        );
    }

    /// A deal that may end: its exchanger, its listing, the accounts that its money may move between.
    pub fn offer_to_settle(&mut self, id: OfferId) {
        self.around(
            id,
            AroundOffer {
                exchanger: true,
                settlement: true,
                ..AroundOffer::default()
            },
        );
    }

    /// A deal and its disputes.
    pub fn offer_with_disputes(&mut self, id: OfferId) {
        self.around(
            id,
            AroundOffer {
                disputes: true,
                ..AroundOffer::default()
            },
        );
    }

    /// A deal whose time may have run out: all that settling takes, its disputes, and the listings that a freeze of its
    /// exchanger would pause.
    pub fn offer_to_expire(&mut self, id: OfferId) {
        self.around(
            id,
            AroundOffer {
                exchanger: true,
                settlement: true,
                disputes: true,
                active_listings: true,
            },
        );
    }

    /// A dispute, its deal and the deal's other disputes.
    pub fn dispute(&mut self, id: DisputeId) {
        let wants = AroundOffer {
            disputes: true,
            ..AroundOffer::default()
        };
        self.disputes.entry(id).or_default().merge(wants);
    }

    /// A dispute, its deal with all that settling takes, and the deal's other disputes.
    pub fn dispute_to_resolve(&mut self, id: DisputeId) {
        let wants = AroundOffer {
            exchanger: true,
            settlement: true,
            disputes: true,
            active_listings: false,
        };
        self.disputes.entry(id).or_default().merge(wants);
    }

    /// An exchanger's record.
    pub fn exchanger(&mut self, id: UserId) {
        self.exchangers.insert(id);
    }

    /// A listing and its exchanger's record.
    pub fn listing(&mut self, id: ListingId) {
        self.listings.insert(id);
    }

    /// A listing that a customer answers, its exchanger's record, and the account whose crypto will be held.
    pub fn listing_to_answer(&mut self, id: ListingId, customer: UserId) {
        self.listings.insert(id);
        self.answered.insert((id, customer));
    }

    /// An account.
    pub fn account(&mut self, key: AccountKey) {
        self.accounts.insert(key);
    }

    fn around(&mut self, id: OfferId, wants: AroundOffer) {
        self.offers.entry(id).or_default().merge(wants);
    }
}
