//! Reading without locking.

use p2p_domain::payment::PaymentOrigin;
use p2p_domain::{
    Account, AccountId, Conduct, Exchanger, Listing, ListingId, Offer, OfferId, Payment, UserId,
};

use super::idempotency::{IdempotencyKey, IdempotencyRecord};

/// What to read. Keys are sorted, without repetition.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SnapshotQuery {
    /// Listings and the customers who make offers on them: selects the listing, its exchanger, the accounts of the crypto
    /// holder and of the customer, and the customer's conduct and open offers.
    pub answers: Vec<(ListingId, UserId)>,
    /// Offers and their exchangers.
    pub deals: Vec<OfferId>,
    /// Offers whose escrow may move: their exchangers, listings, the accounts of both sides and of the fees.
    pub settled: Vec<OfferId>,
    /// Users whose existence is checked.
    pub users: Vec<UserId>,
    /// Requests whose stored replies are read.
    pub replies: Vec<IdempotencyKey>,
    /// Payments that may exist already.
    pub payments: Vec<PaymentOrigin>,
    /// Accounts by id.
    pub accounts: Vec<AccountId>,
    /// Users whose conduct is read; that of a customer who makes an offer comes with the listing.
    pub conducts: Vec<UserId>,
    /// The highest count of open offers of a customer that is of interest; 0: they are not counted.
    pub open_offers: u32,
}

impl SnapshotQuery {
    /// Nothing to read.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        let Self {
            answers,
            deals,
            settled,
            users,
            replies,
            payments,
            accounts,
            conducts,
            open_offers: _,
        } = self;
        answers.is_empty()
            && deals.is_empty()
            && settled.is_empty()
            && users.is_empty()
            && replies.is_empty()
            && payments.is_empty()
            && accounts.is_empty()
            && conducts.is_empty()
    }
}

/// What was read. The same row may come more than once; keys that name nothing are left out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Snapshot {
    pub offers: Vec<Offer>,
    pub exchangers: Vec<Exchanger>,
    pub listings: Vec<Listing>,
    pub accounts: Vec<Account>,
    /// Those users that exist.
    pub users: Vec<UserId>,
    pub replies: Vec<IdempotencyRecord>,
    pub payments: Vec<Payment>,
    pub conducts: Vec<Conduct>,
    /// How many open offers the customers have, as far as they were counted.
    pub open_offers: Vec<(UserId, u32)>,
}
