//! What customers ask for: new offers, as bytes that are ready to be sent.

use std::rc::Rc;

use anyhow::{Result, ensure};

use crate::cast::Cast;
use crate::draw::{Draw, Zipf};
use crate::drive::{Heard, Script};
use crate::http::{Answer, body, headers};
use crate::server::OPEN_OFFERS;

/// The parts of requests for new offers: each of the first goes with each of the second.
#[derive(Debug)]
pub(crate) struct Offers {
    /// Header lines, by customer.
    customers: Vec<Vec<u8>>,
    /// Bodies, by listing.
    listings: Vec<Vec<u8>>,
}

impl Offers {
    pub(crate) fn new(cast: &Cast) -> Result<Self> {
        ensure!(!cast.customers.is_empty() && !cast.listings.is_empty());
        let offer = |listing| {
            body(&format!(
                r#"{{"listing_id":"{listing}","amount":"25","exchange_type":"CRYPTO2FIAT","conditions":"Bank transfer, please"}}"#
            ))
        };
        let customers = cast.customers.iter();
        let listings = cast.listings.iter();
        Ok(Self {
            customers: customers.map(|one| headers(&one.token)).collect(),
            listings: listings.map(|one| offer(one.id)).collect(),
        })
    }

    /// Writes a request of this customer for an offer on this listing.
    pub(crate) fn write(&self, customer: usize, listing: usize, request: &mut Vec<u8>) {
        request.extend_from_slice(b"POST /api/p2p/exchange-offers");
        self.write_headers(customer, request);
        request.extend_from_slice(&self.listings[listing]);
    }

    /// Writes what follows the path in a request by this customer, but for the body and what is said of it.
    pub(crate) fn write_headers(&self, customer: usize, request: &mut Vec<u8>) {
        request.extend_from_slice(&self.customers[customer]);
    }

    pub(crate) fn any_customer(&self, draw: &mut Draw) -> usize {
        draw.below(self.customers.len())
    }

    pub(crate) fn any_listing(&self, draw: &mut Draw) -> usize {
        draw.below(self.listings.len())
    }
}

/// Which customers make offers. Listings are drawn evenly.
#[derive(Debug, Clone)]
pub(crate) enum Whose {
    Anybody,
    /// All offers come from one account.
    One,
    Zipf(Rc<Zipf>),
}

impl Whose {
    /// What the server has to be told. Whoever makes most of the offers has more of them open than any limit would let
    /// anybody have: open deals are not counted then.
    pub(crate) const fn settings(&self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Anybody => &[],
            Self::One | Self::Zipf(_) => &[(OPEN_OFFERS, "0")],
        }
    }
}

/// Makes one offer after another.
#[derive(Debug)]
pub(crate) struct CreateOffers {
    offers: Rc<Offers>,
    whose: Whose,
    draw: Draw,
}

impl CreateOffers {
    /// `number` is the connection's: each has an order of its own.
    pub(crate) fn new(offers: &Rc<Offers>, whose: &Whose, number: usize) -> Self {
        Self {
            offers: Rc::clone(offers),
            whose: whose.clone(),
            draw: Draw::seeded(number as u64 + 1),
        }
    }
}

impl Script for CreateOffers {
    fn ask(&mut self, request: &mut Vec<u8>) {
        let listing = self.offers.any_listing(&mut self.draw);
        let customer = match &self.whose {
            Whose::Anybody => self.offers.any_customer(&mut self.draw),
            Whose::One => 0,
            Whose::Zipf(zipf) => zipf.draw(&mut self.draw),
        };
        self.offers.write(customer, listing, request);
    }

    fn hear(&mut self, answer: &Answer<'_>) -> Heard {
        match answer.status {
            201 => Heard::Done,
            _ => Heard::Wrong,
        }
    }
}
