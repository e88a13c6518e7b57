//! An exchanger changes a listing, pauses it or resumes it.

use std::time::Duration;

use p2p_domain::listing::{Change, Switch};
use p2p_domain::refusal::AmountRole;
use p2p_domain::user::Caller;
use p2p_domain::{Decimal, Listing, ListingId, Money, Price, Refusal};

use super::own;
use crate::engine::{Command, ReadSet, UnitOfWork};

/// What is to be changed; `None` stays as it is.
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

/// Changes the caller's listing. Running deals keep the terms they began with.
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
        let listing = own(uow, self.listing, self.caller)?;
        let exchanger = uow.exchanger(self.caller.user)?;
        let (asset, fiat) = (listing.asset(), listing.price.fiat());
        let wanted = &self.change;
        let money = |role, value: Option<Decimal>, asset| {
            value
                .map(|value| Money::from_decimal(value, asset))
                .transpose()
                .map_err(Refusal::amount_of(role))
        };
        let change = Change {
            price: wanted
                .price
                .map(|price| Price::from_decimal(price, fiat))
                .transpose()
                .map_err(Refusal::amount_of(AmountRole::Price))?,
            total: money(AmountRole::Total, wanted.total, asset)?,
            min: money(AmountRole::Min, wanted.min, fiat)?,
            max: money(AmountRole::Max, wanted.max, fiat)?,
            payment_methods: wanted.payment_methods.clone(),
            payment_window: wanted.payment_window,
            terms: wanted.terms.clone(),
            switch: wanted.switch,
        };
        let listing = listing.update(change, &exchanger, uow.now())?;
        uow.save_listing(listing.clone());
        Ok(listing)
    }
}
