//! An exchanger publishes a listing.

use std::time::Duration;

use domain::listing::Draft;
use domain::refusal::Tally;
use domain::user::Caller;
use domain::{Asset, Decimal, ExchangeType, Listing, ListingId, Money, Price, Refusal, Role};

use crate::pipeline::{Command, Desk, Needs};

/// Publishes a listing, ACTIVE from the start.
#[derive(Debug, Clone)]
pub struct PublishListing {
    pub id: ListingId,
    pub caller: Caller,
    pub exchange_type: ExchangeType,
    pub asset: Asset,
    pub fiat: Asset,
    /// Fiat per whole unit of crypto.
    pub price: Decimal,
    /// Crypto in all.
    pub total: Decimal,
    /// Fiat per offer.
    pub min: Decimal,
    pub max: Decimal,
    pub payment_methods: Vec<String>,
    /// `None`: the market's default.
    pub payment_window: Option<Duration>,
    pub terms: String,
}

impl Command for PublishListing {
    type Outcome = Listing;

    fn needs(&self, needs: &mut Needs) {
        needs.caller(self.caller);
        needs.exchanger(self.caller.user);
        needs.tally(Tally::Listings, self.caller.user);
    }

    fn decide(&self, desk: &mut Desk<'_>) -> Result<Listing, Refusal> {
        desk.require(self.caller, Role::Exchanger)?;
        let exchanger = desk.exchanger(self.caller.user)?;
        let fiat =
            |field, value| Money::from_decimal(value, self.fiat).map_err(Refusal::amount_of(field));
        let draft = Draft {
            exchange_type: self.exchange_type,
            price: Price::from_decimal(self.price, self.fiat)
                .map_err(Refusal::amount_of("price"))?,
            total: Money::from_decimal(self.total, self.asset)
                .map_err(Refusal::amount_of("total_amount"))?,
            min: fiat("min_amount", self.min)?,
            max: fiat("max_amount", self.max)?,
            payment_methods: self.payment_methods.clone(),
            payment_window: self
                .payment_window
                .unwrap_or(desk.policy().default_payment_window),
            terms: self.terms.clone(),
        };
        let listing = Listing::publish(self.id, &exchanger, draft, desk.now())?;
        let most = desk.policy().limits.listings;
        desk.count(Tally::Listings, self.caller.user, most)?;
        desk.save_listing(listing.clone());
        Ok(listing)
    }
}
