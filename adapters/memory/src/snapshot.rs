//! Looking without locking.

use std::collections::BTreeSet;

use p2p_application::ports::{Snapshot, SnapshotQuery, StorageError};
use p2p_domain::refusal::QuotaKind;
use p2p_domain::{AccountKey, ExchangeType, Listing, ListingId, Offer, OfferId, Payment};

use crate::faults::Faults;
use crate::tables::Tables;

impl Tables {
    /// All that the glance asks for, as it stands. Rows that can't be read fail it.
    pub(crate) fn read_snapshot(
        &self,
        snapshot_query: &SnapshotQuery,
        faults: &Faults,
    ) -> Result<Snapshot, StorageError> {
        let mut snapshot = Snapshot::default();
        for (listing, customer) in &snapshot_query.answers {
            let Some(listing) = self.see_listing(*listing, &mut snapshot, faults)? else {
                continue;
            };
            let holder = match listing.exchange_type {
                ExchangeType::CryptoToFiat => *customer,
                ExchangeType::FiatToCrypto => listing.exchanger,
            };
            for owner in [holder, *customer] {
                self.see_account(
                    AccountKey::user(owner, listing.asset()),
                    &mut snapshot,
                    faults,
                )?;
            }
        }
        let mut customers: Vec<_> = snapshot_query.answers.iter().map(|(_, who)| *who).collect();
        customers.sort_unstable();
        customers.dedup();
        if snapshot_query.open_offers > 0 {
            let open = |user| {
                (
                    user,
                    self.tally(QuotaKind::OpenOffers, user, snapshot_query.open_offers),
                )
            };
            snapshot.open_offers = customers.iter().copied().map(open).collect();
        }
        customers.extend(&snapshot_query.conducts);
        let conducts = customers.iter().filter_map(|user| self.conducts.get(user));
        snapshot.conducts = conducts.copied().collect();
        for id in &snapshot_query.deals {
            self.see_offer(*id, &mut snapshot, faults)?;
        }
        for id in &snapshot_query.settled {
            let Some(offer) = self.see_offer(*id, &mut snapshot, faults)? else {
                continue;
            };
            self.see_listing(offer.terms.listing, &mut snapshot, faults)?;
            let asset = offer.terms.amount.asset();
            for key in [
                AccountKey::user(offer.crypto_holder(), asset),
                AccountKey::user(offer.fiat_payer(), asset),
                AccountKey::fees(asset),
            ] {
                self.see_account(key, &mut snapshot, faults)?;
            }
        }
        let users = snapshot_query.users.iter();
        let users = users.filter(|id| self.users.contains_key(id));
        snapshot.users.extend(users);
        let origins = BTreeSet::from_iter(&snapshot_query.payments);
        let wanted = |payment: &&Payment| origins.contains(&payment.origin);
        if !origins.is_empty() {
            for payment in self.payments.values().filter(wanted) {
                faults.read("payments", payment.id)?;
                snapshot.payments.push(payment.clone());
            }
        }
        for id in &snapshot_query.accounts {
            if let Some(key) = self.account_ids.get(id) {
                self.see_account(*key, &mut snapshot, faults)?;
            }
        }
        let known = snapshot_query
            .replies
            .iter()
            .filter_map(|key| self.replies.get(key));
        snapshot.replies.extend(known.cloned());
        Ok(snapshot)
    }

    fn see_offer(
        &self,
        id: OfferId,
        snapshot: &mut Snapshot,
        faults: &Faults,
    ) -> Result<Option<&Offer>, StorageError> {
        let Some(offer) = self.offers.get(&id) else {
            return Ok(None);
        };
        faults.read("offers", offer.id)?;
        snapshot.offers.push(offer.clone());
        snapshot
            .exchangers
            .extend(self.exchangers.get(&offer.terms.exchanger));
        Ok(Some(offer))
    }

    fn see_listing(
        &self,
        id: ListingId,
        snapshot: &mut Snapshot,
        faults: &Faults,
    ) -> Result<Option<&Listing>, StorageError> {
        let Some(listing) = self.listings.get(&id) else {
            return Ok(None);
        };
        faults.read("listings", listing.id)?;
        snapshot.listings.push(listing.clone());
        snapshot
            .exchangers
            .extend(self.exchangers.get(&listing.exchanger));
        Ok(Some(listing))
    }

    fn see_account(
        &self,
        key: AccountKey,
        snapshot: &mut Snapshot,
        faults: &Faults,
    ) -> Result<(), StorageError> {
        if let Some(account) = self.accounts.get(&key) {
            faults.read("accounts", account.id)?;
            snapshot.accounts.push(*account);
        }
        Ok(())
    }
}
