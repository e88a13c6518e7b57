//! Whole deals: an offer, its acceptance, the payment, the receipt, by the right people.

use std::rc::Rc;

use anyhow::Result;
use async_trait::async_trait;

use super::Case;
use crate::bench::{Bench, CONNECTIONS, Storage};
use crate::cast::{Cast, Listing};
use crate::draw::Draw;
use crate::drive::{Heard, Script};
use crate::driven::latencies;
use crate::figures::{Line, Target, key};
use crate::http::{Answer, body, headers};
use crate::offers::Offers;

/// The four calls of a deal.
const CALLS: [&str; 4] = ["create", "accept", "confirm-payment", "confirm-receipt"];

pub(crate) struct Deal;

#[async_trait(?Send)]
impl Case for Deal {
    fn name(&self) -> &'static str {
        "deal"
    }

    fn about(&self) -> &'static str {
        "whole deals, four calls each, 256 connections"
    }

    async fn round(&self, bench: &mut Bench) -> Result<Vec<Line>> {
        let load = bench.pace.closed(CONNECTIONS);
        let moves = Rc::new(Moves::new(&bench.filled(Storage::Postgres).await?.cast));
        let (driven, ours) = bench
            .measure(Storage::Postgres, load, |filled, number| {
                Deals::new(&filled.offers, &moves, number)
            })
            .await?;
        let baseline = bench.best("deal").await?;
        let mut lines = vec![
            Line::new("deal", ours.against(key::THROUGHPUT, &baseline))
                .versus("pgbench deal")
                .target(Target::AtLeast(key::RATIO, 1.5)),
        ];
        for (call, histogram) in CALLS.iter().zip(&driven.records.calls) {
            lines.push(Line::new(format!("  {call}"), latencies(histogram)));
        }
        lines.push(Line::new("  pgbench deal", baseline));
        Ok(lines)
    }
}

/// The header lines of everybody who moves a deal, and the bodies.
#[derive(Debug)]
struct Moves {
    customers: Vec<Vec<u8>>,
    /// By listing: of its exchanger.
    exchangers: Vec<Vec<u8>>,
    accept: Vec<u8>,
    paid: Vec<u8>,
    received: Vec<u8>,
}

impl Moves {
    fn new(cast: &Cast) -> Self {
        let exchanger = |listing: &Listing| headers(&cast.exchangers[listing.exchanger].token);
        let customers = cast.customers.iter();
        Self {
            customers: customers.map(|one| headers(&one.token)).collect(),
            exchangers: cast.listings.iter().map(exchanger).collect(),
            accept: body(r#"{"action":"ACCEPT"}"#),
            paid: body(r#"{"payment_reference":"SEPA 2025-04-18 4711"}"#),
            received: body("{}"),
        }
    }
}

/// Follows one deal after another to its end.
struct Deals {
    offers: Rc<Offers>,
    moves: Rc<Moves>,
    draw: Draw,
    /// Which of the four calls is the next.
    call: usize,
    // Of the deal at hand:
    customer: usize,
    listing: usize,
    offer: String,
}

impl Deals {
    fn new(offers: &Rc<Offers>, moves: &Rc<Moves>, number: usize) -> Self {
        Self {
            offers: Rc::clone(offers),
            moves: Rc::clone(moves),
            draw: Draw::seeded(number as u64 + 1),
            call: 0,
            customer: 0,
            listing: 0,
            offer: String::new(),
        }
    }
}

impl Script for Deals {
    fn ask(&mut self, request: &mut Vec<u8>) {
        if self.call == 0 {
            self.listing = self.offers.any_listing(&mut self.draw);
            self.customer = self.offers.any_customer(&mut self.draw);
            return self.offers.write(self.customer, self.listing, request);
        }
        let moves = self.moves.as_ref();
        let exchanger = &moves.exchangers[self.listing];
        let customer = &moves.customers[self.customer];
        let (method, step, who, body) = match self.call {
            1 => ("PUT", "response", exchanger, &moves.accept),
            2 => ("POST", "confirm-payment", exchanger, &moves.paid),
            _ => ("POST", "confirm-receipt", customer, &moves.received),
        };
        let offer = self.offer.as_str();
        for part in [method, " /api/p2p/exchange-offers/", offer, "/", step] {
            request.extend_from_slice(part.as_bytes());
        }
        request.extend_from_slice(who);
        request.extend_from_slice(body);
    }

    fn hear(&mut self, answer: &Answer<'_>) -> Heard {
        let call = std::mem::replace(&mut self.call, 0);
        match (call, answer.status) {
            (0, 201) => match offer_id(answer.body) {
                Some(offer) => {
                    self.offer.clear();
                    self.offer.push_str(offer);
                }
                None => return Heard::Wrong,
            },
            (1 | 2, 200) => {}
            (3, 200) => return Heard::Done,
            _ => return Heard::Wrong,
        }
        self.call = call + 1;
        Heard::More
    }
}

/// Looked for by hand: this program is not to spend the time of what it measures.
fn offer_id(body: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(body).ok()?;
    let (_, rest) = text.split_once(r#""offer_id":""#)?;
    Some(rest.split_once('"')?.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_offer_is_found_in_its_answer() {
        let body = br#"{"offer_id":"offer_01jt0c7kq5e8tvb1y9m3x4z6wa","status":"PENDING"}"#;
        assert_eq!(offer_id(body), Some("offer_01jt0c7kq5e8tvb1y9m3x4z6wa"));
        assert_eq!(offer_id(b"{}"), None);
    }
}
