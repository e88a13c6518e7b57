//! A customer answers a listing.

use domain::offer::Opening;
use domain::refusal::Tally;
use domain::user::Caller;
use domain::{
    AccountKey, Decimal, ExchangeType, ListingId, Money, Offer, OfferId, Refusal, Role, TypedId,
};

use super::settle;
use crate::pipeline::{Command, Desk, Needs};

/// Begins a deal: the crypto holder's `amount` goes into escrow, and the exchanger has to answer.
#[derive(Debug, Clone)]
pub struct CreateOffer {
    pub id: OfferId,
    pub caller: Caller,
    pub listing: ListingId,
    /// Crypto of the listing's asset.
    pub amount: Decimal,
    /// The direction that the customer believes the listing to have.
    pub exchange_type: ExchangeType,
    pub conditions: String,
}

impl Command for CreateOffer {
    type Outcome = Offer;

    fn needs(&self, needs: &mut Needs) {
        needs.listing_to_answer(self.listing, self.caller.user);
    }

    fn affinity(&self) -> u128 {
        self.listing.as_u128()
    }

    fn decide(&self, desk: &mut Desk<'_>) -> Result<Offer, Refusal> {
        self.caller.require(Role::Customer)?;
        let listing = desk.listing(self.listing)?;
        if listing.exchange_type != self.exchange_type {
            return Err(Refusal::WrongExchangeType);
        }
        let exchanger = desk.exchanger(listing.exchanger)?;
        desk.account(AccountKey::user(self.caller.user, listing.asset()))?;
        let amount = Money::from_decimal(self.amount, listing.asset()).map_err(Refusal::amount)?;
        let opening = Opening {
            id: self.id,
            customer: self.caller.user,
            amount,
            conditions: self.conditions.clone(),
        };
        let customer = self.caller.user;
        desk.conduct(customer).may_offer(desk.now())?;
        let moved = Offer::create(opening, &listing, &exchanger, desk.policy(), desk.now())?;
        desk.count(
            Tally::OpenOffers,
            customer,
            desk.policy().limits.open_offers,
        )?;
        settle(desk, moved, Some(self.caller.user))
    }
}
