//! An exchanger publishes a listing.

use std::time::Duration;

use p2p_domain::listing::Draft;
use p2p_domain::refusal::{AmountRole, QuotaKind};
use p2p_domain::user::Caller;
use p2p_domain::{
    Asset, Decimal, ExchangeType, Exchanger, Listing, ListingId, Money, Price, Refusal, Role,
};

use crate::engine::{Command, ReadSet, UnitOfWork};

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
    /// Crypto in total.
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

    fn read_set(&self, reads: &mut ReadSet) {
        reads.caller(self.caller);
        reads.lock::<Exchanger>(self.caller.user);
        reads.count(QuotaKind::Listings, self.caller.user);
    }

    fn decide(&self, uow: &mut UnitOfWork<'_>) -> Result<Listing, Refusal> {
        uow.require(self.caller, Role::Exchanger)?;
        let exchanger = uow.get::<Exchanger>(&self.caller.user)?;
        let fiat =
            |role, value| Money::from_decimal(value, self.fiat).map_err(Refusal::amount_of(role));
        let draft = Draft {
            exchange_type: self.exchange_type,
            price: Price::from_decimal(self.price, self.fiat)
                .map_err(Refusal::amount_of(AmountRole::Price))?,
            total: Money::from_decimal(self.total, self.asset)
                .map_err(Refusal::amount_of(AmountRole::Total))?,
            min: fiat(AmountRole::Min, self.min)?,
            max: fiat(AmountRole::Max, self.max)?,
            payment_methods: self.payment_methods.clone(),
            payment_window: self
                .payment_window
                .unwrap_or(uow.policy().default_payment_window),
            terms: self.terms.clone(),
        };
        let listing = Listing::publish(self.id, &exchanger, draft, uow.now())?;
        let most = uow.policy().limits.listings;
        uow.count(QuotaKind::Listings, self.caller.user, most)?;
        uow.save(listing.clone());
        Ok(listing)
    }
}
