//! A customer makes an offer on a listing.

use p2p_domain::offer::NewOffer;
use p2p_domain::refusal::{ListingRefusal, QuotaKind};
use p2p_domain::user::Caller;
use p2p_domain::{
    Account, AccountKey, Conduct, Decimal, ExchangeType, Exchanger, Listing, ListingId, Money,
    Offer, OfferId, Refusal, Role, TypedId,
};

use super::settle;
use crate::engine::{Command, ReadSet, UnitOfWork};

/// Begins a deal: the crypto holder's `amount` goes into escrow, and the exchanger's deadline to respond starts.
#[derive(Debug, Clone)]
pub struct CreateOffer {
    pub id: OfferId,
    pub caller: Caller,
    pub listing: ListingId,
    /// Crypto of the listing's asset.
    pub amount: Decimal,
    /// The direction that the customer expects of the listing.
    pub exchange_type: ExchangeType,
    pub conditions: String,
}

impl Command for CreateOffer {
    type Outcome = Offer;

    fn read_set(&self, reads: &mut ReadSet) {
        reads.listing_for_offer(self.listing, self.caller.user);
    }

    fn affinity(&self) -> u128 {
        self.listing.as_u128()
    }

    fn decide(&self, uow: &mut UnitOfWork<'_>) -> Result<Offer, Refusal> {
        self.caller.require(Role::Customer)?;
        let listing = uow.get::<Listing>(&self.listing)?;
        if listing.exchange_type != self.exchange_type {
            return Err(Refusal::Listing(ListingRefusal::WrongExchangeType));
        }
        let exchanger = uow.get::<Exchanger>(&listing.exchanger)?;
        uow.get::<Account>(&AccountKey::user(self.caller.user, listing.asset()))?;
        let amount = Money::from_decimal(self.amount, listing.asset()).map_err(Refusal::amount)?;
        let new_offer = NewOffer {
            id: self.id,
            customer: self.caller.user,
            amount,
            conditions: self.conditions.clone(),
        };
        let customer = self.caller.user;
        uow.get_or_new::<Conduct>(customer).may_offer(uow.now())?;
        let moved = Offer::create(new_offer, &listing, &exchanger, uow.policy(), uow.now())?;
        uow.count(
            QuotaKind::OpenOffers,
            customer,
            uow.policy().limits.open_offers,
        )?;
        settle(uow, moved, Some(self.caller.user))
    }
}
