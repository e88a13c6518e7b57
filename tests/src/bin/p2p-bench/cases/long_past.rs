//! What somebody with very many past deals looks at: those that are active, and where one of them stands.

use std::cell::RefCell;
use std::rc::Rc;

use anyhow::{Context, Result, ensure};
use async_trait::async_trait;
use p2p_domain::{OfferId, Role, UserId};
use p2p_tests::databases::TestDatabase;

use super::Case;
use crate::bench::{Bench, Storage};
use crate::draw::Draw;
use crate::drive::{Heard, Script, drive};
use crate::figures::{Figures, Line, Target, key};
use crate::fill::{OFFER, busy_every, nth, past, token};
use crate::http::{Answer, Connection, body, headers};
use crate::server::Server;

/// All deals, and those of the busy customer.
const OFFERS: usize = 1_000_000;
const BUSY: usize = 100_000;

/// Deals of the busy customer that are not over.
const ACTIVE: usize = 5;

/// Requests per second, over so many connections.
const RATE: f64 = 1_000.0;
const CONNECTIONS: usize = 64;

/// A database with a long past; only read, so it serves for all rounds and both cases.
#[derive(Default)]
pub(crate) struct LongPast(RefCell<Option<Rc<Past>>>);

struct Past {
    database: TestDatabase,
    /// Header lines of the busy customer.
    headers: Vec<u8>,
}

impl LongPast {
    async fn get(&self, bench: &mut Bench) -> Result<Rc<Past>> {
        let known = self.0.borrow().clone();
        if let Some(known) = known {
            return Ok(known);
        }
        let made = Rc::new(Past::fill(bench).await?);
        *self.0.borrow_mut() = Some(Rc::clone(&made));
        Ok(made)
    }
}

impl Past {
    async fn fill(bench: &mut Bench) -> Result<Self> {
        let filled = bench.filled(Storage::Postgres).await?;
        let database = filled.copy().await?;
        past(&database, OFFERS, BUSY, true).await?;
        let customers = filled.cast.customers.iter().map(|one| one.id());
        let busy: UserId = customers.min().context("no customers")?;
        let headers = headers(&token(busy, Role::Customer)?);
        let server = Server::start(database.url()).await?;
        let mut connection = Connection::open(server.address).await?;
        for listing in filled.cast.listings.iter().take(ACTIVE) {
            let offer = format!(
                r#"{{"listing_id":"{}","amount":"25","exchange_type":"CRYPTO2FIAT"}}"#,
                listing.id
            );
            let mut request = b"POST /api/p2p/exchange-offers".to_vec();
            request.extend_from_slice(&headers);
            request.extend_from_slice(&body(&offer));
            let answer = connection.call(&request).await?;
            ensure!(answer.status == 201, "{}", answer.text());
        }
        let mut request = b"GET /api/p2p/exchange-offers?active=true".to_vec();
        request.extend_from_slice(&headers);
        request.extend_from_slice(b"\r\n");
        let answer = connection.call(&request).await?.text();
        let active = answer.matches("\"offer_id\"").count();
        ensure!(active == ACTIVE, "{active} active deals: {answer}");
        server.stop().await?;
        Ok(Self { database, headers })
    }

    async fn measure(
        &self,
        bench: &Bench,
        path: impl Fn(&mut Draw) -> String + Clone + 'static,
    ) -> Result<Figures> {
        bench.postgres.settle().await;
        let server = Server::start(self.database.url()).await?;
        let load = bench.pace.open(CONNECTIONS, RATE);
        let driven = drive(load, &server, bench.postgres.postmaster, |number| Looks {
            draw: Draw::seeded(number as u64 + 1),
            headers: self.headers.clone(),
            path: path.clone(),
        })
        .await?;
        driven.all_right()?;
        server.stop().await?;
        Ok(driven.figures())
    }
}

struct Looks<P> {
    draw: Draw,
    headers: Vec<u8>,
    path: P,
}

impl<P: Fn(&mut Draw) -> String> Script for Looks<P> {
    fn ask(&mut self, request: &mut Vec<u8>) {
        request.extend_from_slice(b"GET /api/p2p/exchange-offers");
        request.extend_from_slice((self.path)(&mut self.draw).as_bytes());
        request.extend_from_slice(&self.headers);
        request.extend_from_slice(b"\r\n");
    }

    fn hear(&mut self, answer: &Answer<'_>) -> Heard {
        match answer.status {
            200 => Heard::Done,
            _ => Heard::Wrong,
        }
    }
}

/// Any past deal of the busy customer.
fn any(draw: &mut Draw) -> OfferId {
    nth(OFFER, busy_every(OFFERS, BUSY) * (1 + draw.below(BUSY)))
}

pub(crate) struct MyDeals(pub(crate) Rc<LongPast>);

#[async_trait(?Send)]
impl Case for MyDeals {
    fn name(&self) -> &'static str {
        "my-deals"
    }

    fn about(&self) -> &'static str {
        "1,000 times a second: the active deals of a customer with 100,000 past ones, of 1,000,000"
    }

    fn is_repeated(&self) -> bool {
        false
    }

    async fn round(&self, bench: &mut Bench) -> Result<Vec<Line>> {
        let past = self.0.get(bench).await?;
        let active = past.measure(bench, |_| "?active=true".to_owned()).await?;
        let all = past
            .measure(bench, |draw| format!("?after={}", any(draw)))
            .await?;
        Ok(vec![
            Line::new("my-deals", active).target(Target::AtMost(key::P99, 5.0)),
            Line::new("  a page of all, anywhere", all),
        ])
    }
}

pub(crate) struct Status(pub(crate) Rc<LongPast>);

#[async_trait(?Send)]
impl Case for Status {
    fn name(&self) -> &'static str {
        "status"
    }

    fn about(&self) -> &'static str {
        "1,000 times a second: where any of that customer's deals stands"
    }

    fn is_quick(&self) -> bool {
        false
    }

    fn is_repeated(&self) -> bool {
        false
    }

    async fn round(&self, bench: &mut Bench) -> Result<Vec<Line>> {
        let past = self.0.get(bench).await?;
        let status = past
            .measure(bench, |draw| format!("/{}/status", any(draw)))
            .await?;
        Ok(vec![
            Line::new("status", status).target(Target::AtMost(key::P99, 5.0)),
        ])
    }
}
