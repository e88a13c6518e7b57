//! An exchanger changes a listing, pauses it or resumes it.

use std::time::Duration;

use p2p_domain::listing::{Change, Switch};
use p2p_domain::refusal::AmountRole;
use p2p_domain::user::Caller;
use p2p_domain::{Decimal, Exchanger, Listing, ListingId, Money, Price, Refusal};

use super::own_listing;
use crate::engine::{Command, ReadSet, UnitOfWork};

/// The new values; `None` leaves a value unchanged.
#[derive(Debug, Clone, Default)]
pub struct ListingChange {
    pub price: Option<Decimal>,
    pub total: Option<Decimal>,
    pub min: Option<Decimal>,
    pub max: Option<Decimal>,
    pub payment_methods: Option<Vec<String>>,
    pub payment_window: Option<Duration>,
    pub terms: Option<String>,
    pub switch: Option<Switch>,
}

/// Changes the caller's listing. Open deals keep the terms they began with.
#[derive(Debug, Clone)]
pub struct UpdateListing {
    pub caller: Caller,
    pub listing: ListingId,
    pub change: ListingChange,
}

impl Command for UpdateListing {
    type Outcome = Listing;

    fn read_set(&self, reads: &mut ReadSet) {
        reads.caller(self.caller);
        reads.listing(self.listing);
    }

    fn decide(&self, uow: &mut UnitOfWork<'_>) -> Result<Listing, Refusal> {
        let listing = own_listing(uow, self.listing, self.caller)?;
        let exchanger = uow.get::<Exchanger>(&self.caller.user)?;
        let (asset, fiat) = (listing.asset(), listing.price.fiat());
        let new = &self.change;
        let money = |role, value: Option<Decimal>, asset| {
            value
                .map(|value| Money::from_decimal(value, asset))
                .transpose()
                .map_err(Refusal::amount_of(role))
        };
        let change = Change {
            price: new
                .price
                .map(|price| Price::from_decimal(price, fiat))
                .transpose()
                .map_err(Refusal::amount_of(AmountRole::Price))?,
            total: money(AmountRole::Total, new.total, asset)?,
            min: money(AmountRole::Min, new.min, fiat)?,
            max: money(AmountRole::Max, new.max, fiat)?,
            payment_methods: new.payment_methods.clone(),
            payment_window: new.payment_window,
            terms: new.terms.clone(),
            switch: new.switch,
        };
        let listing = listing.update(change, &exchanger, uow.now())?;
        uow.save(listing.clone());
        Ok(listing)
    }
}
