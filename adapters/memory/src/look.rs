//! Looking without locking.

use std::collections::BTreeSet;

use application::ports::{Glance, Seen, StorageError};
use domain::refusal::Tally;
use domain::{AccountKey, ExchangeType, Listing, ListingId, Offer, OfferId, Payment};

use crate::faults::Faults;
use crate::tables::Tables;

impl Tables {
    /// All that the glance asks for, as it stands. Rows that can't be read fail it.
    pub(crate) fn look(&self, glance: &Glance, faults: &Faults) -> Result<Seen, StorageError> {
        let mut seen = Seen::default();
        for (listing, customer) in &glance.answers {
            let Some(listing) = self.see_listing(*listing, &mut seen, faults)? else {
                continue;
            };
            let holder = match listing.exchange_type {
                ExchangeType::CryptoToFiat => *customer,
                ExchangeType::FiatToCrypto => listing.exchanger,
            };
            for owner in [holder, *customer] {
                self.see_account(AccountKey::user(owner, listing.asset()), &mut seen, faults)?;
            }
        }
        let mut customers: Vec<_> = glance.answers.iter().map(|(_, who)| *who).collect();
        customers.sort_unstable();
        customers.dedup();
        if glance.open_offers > 0 {
            let open = |user| {
                (
                    user,
                    self.tally(Tally::OpenOffers, user, glance.open_offers),
                )
            };
            seen.open_offers = customers.iter().copied().map(open).collect();
        }
        customers.extend(&glance.conducts);
        let conducts = customers.iter().filter_map(|user| self.conducts.get(user));
        seen.conducts = conducts.copied().collect();
        for id in &glance.deals {
            self.see_offer(*id, &mut seen, faults)?;
        }
        for id in &glance.settled {
            let Some(offer) = self.see_offer(*id, &mut seen, faults)? else {
                continue;
            };
            self.see_listing(offer.terms.listing, &mut seen, faults)?;
            let asset = offer.terms.amount.asset();
            for key in [
                AccountKey::user(offer.crypto_holder(), asset),
                AccountKey::user(offer.fiat_payer(), asset),
                AccountKey::fees(asset),
            ] {
                self.see_account(key, &mut seen, faults)?;
            }
        }
        let users = glance.users.iter();
        let users = users.filter(|id| self.users.contains_key(id));
        seen.users.extend(users);
        let origins = BTreeSet::from_iter(&glance.payments);
        let wanted = |payment: &&Payment| origins.contains(&payment.origin);
        if !origins.is_empty() {
            for payment in self.payments.values().filter(wanted) {
                faults.read("payments", payment.id)?;
                seen.payments.push(payment.clone());
            }
        }
        for id in &glance.accounts {
            if let Some(key) = self.account_ids.get(id) {
                self.see_account(*key, &mut seen, faults)?;
            }
        }
        let known = glance
            .replies
            .iter()
            .filter_map(|key| self.replies.get(key));
        seen.replies.extend(known.cloned());
        Ok(seen)
    }

    fn see_offer(
        &self,
        id: OfferId,
        seen: &mut Seen,
        faults: &Faults,
    ) -> Result<Option<&Offer>, StorageError> {
        let Some(offer) = self.offers.get(&id) else {
            return Ok(None);
        };
        faults.read("offers", offer.id)?;
        seen.offers.push(offer.clone());
        seen.exchangers
            .extend(self.exchangers.get(&offer.terms.exchanger));
        Ok(Some(offer))
    }

    fn see_listing(
        &self,
        id: ListingId,
        seen: &mut Seen,
        faults: &Faults,
    ) -> Result<Option<&Listing>, StorageError> {
        let Some(listing) = self.listings.get(&id) else {
            return Ok(None);
        };
        faults.read("listings", listing.id)?;
        seen.listings.push(listing.clone());
        seen.exchangers
            .extend(self.exchangers.get(&listing.exchanger));
        Ok(Some(listing))
    }

    fn see_account(
        &self,
        key: AccountKey,
        seen: &mut Seen,
        faults: &Faults,
    ) -> Result<(), StorageError> {
        if let Some(account) = self.accounts.get(&key) {
            faults.read("accounts", account.id)?;
            seen.accounts.push(*account);
        }
        Ok(())
    }
}
