//! Which rows an offer on a listing needs, and which a move of an offer: said once for the loader, which locks them, and for
//! stores that answer a snapshot query without a statement of their own.

use p2p_domain::refusal::QuotaKind;
use p2p_domain::{
    Account, AccountId, AccountKey, Conduct, Dispute, DisputeId, Exchanger, Listing, ListingId,
    Offer, OfferId, Payment, TypedId, User, UserId,
};

use crate::aggregates::Aggregate;
use crate::engine::{Loader, OfferRelations, ReadSet, Related};
use crate::ports::{IdempotencyKey, IdempotencyRecord, Snapshot, SnapshotQuery, StorageError};

/// The accounts that an offer on a listing needs: the crypto holder's, whose crypto will be held, and the customer's, to which
/// it may be paid out. No deal begins that could not be paid at its end.
fn accounts_for_offer(listing: &Listing, customer: UserId) -> [AccountKey; 2] {
    let direction = listing.exchange_type;
    let holder = direction.crypto_holder_of(customer, listing.exchanger);
    [holder, customer].map(|party| AccountKey::user(party, listing.asset()))
}

/// The account that the escrow of an offer goes back to.
fn account_to_release(offer: &Offer) -> AccountKey {
    AccountKey::user(offer.crypto_holder(), offer.terms.amount.asset())
}

/// The accounts that the escrow of an offer is paid out to: the fiat payer's and that of the fees.
fn accounts_to_capture(offer: &Offer) -> [AccountKey; 2] {
    let asset = offer.terms.amount.asset();
    let payer = AccountKey::user(offer.fiat_payer(), asset);
    [payer, AccountKey::fees(asset)]
}

impl ReadSet {
    /// An offer alone.
    pub fn offer(&mut self, id: OfferId) {
        self.offer_with(id, OfferRelations::default());
    }

    /// An offer and its exchanger's record.
    pub fn offer_with_exchanger(&mut self, id: OfferId) {
        let relations = OfferRelations {
            exchanger: true,
            ..OfferRelations::default()
        };
        self.offer_with(id, relations);
    }

    /// An offer that may be cancelled: its exchanger's record, its listing, and the account that its escrow goes back to.
    pub fn offer_to_release(&mut self, id: OfferId) {
        let relations = OfferRelations {
            exchanger: true,
            release: true,
            ..OfferRelations::default()
        };
        self.offer_with(id, relations);
    }

    /// An offer that may be finished: its listing, and the accounts that its escrow may be paid out to.
    pub fn offer_to_capture(&mut self, id: OfferId) {
        let relations = OfferRelations {
            release: true,
            capture: true,
            ..OfferRelations::default()
        };
        self.offer_with(id, relations);
    }

    /// An offer and its disputes.
    pub fn offer_with_disputes(&mut self, id: OfferId) {
        let relations = OfferRelations {
            disputes: true,
            ..OfferRelations::default()
        };
        self.offer_with(id, relations);
    }

    /// An offer that may have expired: what cancelling it needs, its disputes, and the listings that a freeze of its exchanger
    /// would pause.
    pub fn offer_to_expire(&mut self, id: OfferId) {
        let relations = OfferRelations {
            release: true,
            disputes: true,
            freeze: true,
            ..OfferRelations::default()
        };
        self.offer_with(id, relations);
    }

    /// A dispute, its offer and the offer's other disputes.
    pub fn dispute(&mut self, id: DisputeId) {
        let relations = OfferRelations {
            disputes: true,
            ..OfferRelations::default()
        };
        self.disputes.entry(id).or_default().merge(relations);
    }

    /// A dispute, its offer with all that finishing it needs, and the offer's other disputes.
    pub fn dispute_to_resolve(&mut self, id: DisputeId) {
        let relations = OfferRelations {
            release: true,
            capture: true,
            disputes: true,
            ..OfferRelations::default()
        };
        self.disputes.entry(id).or_default().merge(relations);
    }

    /// A listing that a customer makes an offer on: its exchanger's record, the accounts of the crypto holder and of the
    /// customer, the customer's conduct and open offers.
    pub fn listing_for_offer(&mut self, id: ListingId, customer: UserId) {
        self.offered_listings.insert((id, customer));
    }

    fn offer_with(&mut self, id: OfferId, relations: OfferRelations) {
        self.offers.entry(id).or_default().merge(relations);
    }
}

impl Related for Offer {
    async fn prepare(loader: &mut Loader<'_>) -> Result<(), StorageError> {
        let reads = &mut loader.reads;
        let ids: Vec<OfferId> = reads.offers.keys().copied().collect();
        reads.selection_mut::<Self>().keys.extend(ids);
        Ok(())
    }

    fn relate(&self, reads: &mut ReadSet) {
        let OfferRelations {
            exchanger,
            release,
            capture,
            disputes,
            freeze,
        } = reads.offers.get(&self.id).copied().unwrap_or_default();
        let terms = &self.terms;
        if freeze {
            reads.lock::<Exchanger>(terms.exchanger);
            reads.lock_of::<Listing>(terms.exchanger);
            reads.conducts.insert(terms.customer);
        } else if exchanger {
            reads.read_exchangers.insert(terms.exchanger);
        }
        if exchanger {
            reads.responding_exchangers.insert(terms.exchanger);
        }
        if disputes {
            reads.lock_of::<Dispute>(self.id);
        }
        if release {
            reads.lock::<Listing>(terms.listing);
            reads.lock::<Account>(account_to_release(self));
        }
        if capture {
            let accounts = &mut reads.selection_mut::<Account>().keys;
            accounts.extend(accounts_to_capture(self));
        }
    }
}

impl Related for Dispute {}

impl Related for Exchanger {
    /// Reads records that need no lock. A response to an offer ends the exchanger's row of unanswered offers: a record that it
    /// will change is locked in its turn. At the commit, with all later rows already locked, it might wait in a circle.
    async fn prepare(loader: &mut Loader<'_>) -> Result<(), StorageError> {
        let locked = &loader.reads.selection::<Self>().keys;
        let read = loader.reads.read_exchangers.difference(locked);
        let read: Vec<UserId> = read.copied().collect();
        if read.is_empty() {
            return Ok(());
        }
        for exchanger in loader.transaction.read_exchangers(&read).await? {
            let responds = loader.reads.responding_exchangers.contains(&exchanger.user);
            if exchanger.unanswered > 0 && responds {
                loader.reads.lock::<Self>(exchanger.user);
            } else {
                loader.map.put(exchanger);
            }
        }
        Ok(())
    }
}

impl Related for Listing {
    async fn prepare(loader: &mut Loader<'_>) -> Result<(), StorageError> {
        let reads = &mut loader.reads;
        let ids = reads.offered_listings.iter().map(|(id, _)| *id);
        let ids: Vec<ListingId> = ids.collect();
        reads.selection_mut::<Self>().keys.extend(ids);
        Ok(())
    }

    fn relate(&self, reads: &mut ReadSet) {
        let [first, last] = [u128::MIN, u128::MAX].map(UserId::from_u128);
        let offered = reads
            .offered_listings
            .range((self.id, first)..=(self.id, last));
        let accounts = offered.flat_map(|(_, customer)| accounts_for_offer(self, *customer));
        let accounts: Vec<AccountKey> = accounts.collect();
        reads.selection_mut::<Account>().keys.extend(accounts);
    }
}

impl Related for Conduct {
    /// Reads what offers on listings depend on besides locked rows. With the accounts locked, other offers of the same customers
    /// wait, and then count those made here; with the listings locked, a freeze of their exchangers has happened, and is seen,
    /// or waits.
    async fn prepare(loader: &mut Loader<'_>) -> Result<(), StorageError> {
        let offered = loader.reads.offered_listings.iter();
        let mut customers: Vec<UserId> = offered.clone().map(|(_, customer)| *customer).collect();
        customers.sort_unstable();
        customers.dedup();
        // Records that were read before are not read again: by them it was decided what is locked, and a newer record might
        // have to be changed out of turn.
        let map = &loader.map;
        let listings = offered.filter_map(|(listing, _)| map.get::<Listing>(listing));
        let exchangers = listings.map(|listing| listing.exchanger);
        let exchangers = exchangers.filter(|id| map.get::<Exchanger>(id).is_none());
        let mut exchangers: Vec<UserId> = exchangers.collect();
        exchangers.sort_unstable();
        exchangers.dedup();
        if !customers.is_empty() {
            let most = loader.limits.open_offers;
            let preconditions =
                loader
                    .transaction
                    .offer_preconditions(&customers, &exchangers, most);
            let preconditions = preconditions.await?;
            for exchanger in preconditions.exchangers {
                loader.map.put(exchanger);
            }
            for customer in preconditions.customers {
                if let Some(conduct) = customer.conduct {
                    loader.map.put(conduct);
                }
                loader
                    .map
                    .put_open_offers(customer.user, customer.open_offers);
            }
        }
        let rest = loader.reads.conducts.iter().copied();
        let rest = rest.filter(|user| customers.binary_search(user).is_err());
        let rest: Vec<UserId> = rest.collect();
        loader.reads.selection_mut::<Self>().keys.extend(rest);
        Ok(())
    }
}

/// Finds an aggregate as last committed.
pub trait Find<A: Aggregate> {
    fn find(&self, key: &A::Key) -> Result<Option<A>, StorageError>;
}

/// A store that answers snapshot queries row by row, without a statement of its own.
pub trait SnapshotRows:
    Find<User>
    + Find<Offer>
    + Find<Exchanger>
    + Find<Listing>
    + Find<Payment>
    + Find<Account>
    + Find<Conduct>
{
    fn account_key(&self, id: AccountId) -> Option<AccountKey>;

    fn reply(&self, key: &IdempotencyKey) -> Option<IdempotencyRecord>;

    /// Counted up to `most`.
    fn count(&self, kind: QuotaKind, user: UserId, most: u32) -> u32;
}

/// Answers a snapshot query from single rows.
pub fn snapshot(rows: &impl SnapshotRows, query: &SnapshotQuery) -> Result<Snapshot, StorageError> {
    let SnapshotQuery {
        answers,
        deals,
        settled,
        users,
        replies,
        payments,
        accounts,
        conducts,
        open_offers,
    } = query;
    let mut found = Snapshot::default();
    for (listing, customer) in answers {
        if let Some(listing) = found.listing(rows, listing)? {
            found.accounts(rows, accounts_for_offer(&listing, *customer))?;
        }
    }
    let mut customers: Vec<UserId> = answers.iter().map(|(_, customer)| *customer).collect();
    customers.sort_unstable();
    customers.dedup();
    if *open_offers > 0 {
        let count = |user| rows.count(QuotaKind::OpenOffers, user, *open_offers);
        let counted = customers.iter().map(|user| (*user, count(*user)));
        found.open_offers = counted.collect();
    }
    for user in customers.iter().chain(conducts) {
        found.conducts.extend::<Option<Conduct>>(rows.find(user)?);
    }
    for offer in deals {
        found.offer(rows, offer)?;
    }
    for offer in settled {
        if let Some(offer) = found.offer(rows, offer)? {
            found.listing(rows, &offer.terms.listing)?;
            found.accounts(rows, [account_to_release(&offer)])?;
            found.accounts(rows, accounts_to_capture(&offer))?;
        }
    }
    for user in users {
        let user: Option<User> = rows.find(user)?;
        found.users.extend(user.map(|user| user.id));
    }
    for origin in payments {
        found.payments.extend(rows.find(origin)?);
    }
    found.accounts(rows, accounts.iter().filter_map(|id| rows.account_key(*id)))?;
    found.replies = replies.iter().filter_map(|key| rows.reply(key)).collect();
    Ok(found)
}

impl Snapshot {
    fn offer(
        &mut self,
        rows: &impl SnapshotRows,
        id: &OfferId,
    ) -> Result<Option<Offer>, StorageError> {
        let offer: Option<Offer> = rows.find(id)?;
        if let Some(offer) = &offer {
            self.offers.push(offer.clone());
            self.exchangers
                .extend::<Option<Exchanger>>(rows.find(&offer.terms.exchanger)?);
        }
        Ok(offer)
    }

    fn listing(
        &mut self,
        rows: &impl SnapshotRows,
        id: &ListingId,
    ) -> Result<Option<Listing>, StorageError> {
        let listing: Option<Listing> = rows.find(id)?;
        if let Some(listing) = &listing {
            self.listings.push(listing.clone());
            self.exchangers
                .extend::<Option<Exchanger>>(rows.find(&listing.exchanger)?);
        }
        Ok(listing)
    }

    fn accounts(
        &mut self,
        rows: &impl SnapshotRows,
        keys: impl IntoIterator<Item = AccountKey>,
    ) -> Result<(), StorageError> {
        for key in keys {
            self.accounts.extend::<Option<Account>>(rows.find(&key)?);
        }
        Ok(())
    }
}
