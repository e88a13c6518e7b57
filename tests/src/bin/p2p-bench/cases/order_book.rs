//! Looking for listings, among few and among many.

use std::cell::RefCell;
use std::rc::Rc;

use anyhow::Result;
use async_trait::async_trait;
use p2p_domain::Role;
use p2p_tests::databases::TestDatabase;

use super::Case;
use crate::bench::Bench;
use crate::book::{Questions, Searches};
use crate::figures::{Figures, Line, Target, key};
use crate::fill::{EXCHANGER, book, nth, token};
use crate::server::Server;
use crate::{drive, http};

/// Listings.
const FEW: usize = 10_000;
const MANY: usize = 1_000_000;

/// Requests per second, over so many connections.
const RATE: f64 = 1_000.0;
const CONNECTIONS: usize = 64;

#[derive(Default)]
pub(crate) struct OrderBook {
    /// Few, and many; only read, so they serve for all rounds.
    books: RefCell<Option<Rc<[TestDatabase; 2]>>>,
}

#[async_trait(?Send)]
impl Case for OrderBook {
    fn name(&self) -> &'static str {
        "order-book"
    }

    fn about(&self) -> &'static str {
        "1,000 searches a second for listings among 10,000 and among 1,000,000"
    }

    fn is_repeated(&self) -> bool {
        false
    }

    async fn round(&self, bench: &mut Bench) -> Result<Vec<Line>> {
        let books = self.books().await?;
        let few = search(bench, &books[0], FEW).await?;
        let many = search(bench, &books[1], MANY).await?;
        let growth = Figures::default()
            .with(key::P50, get(&many, key::P50) / get(&few, key::P50))
            .with(key::P99, get(&many, key::P99) / get(&few, key::P99));
        Ok(vec![
            Line::new("order-book, 1,000,000", many).target(Target::AtMost(key::P99, 5.0)),
            Line::new("order-book, 10,000", few).target(Target::AtMost(key::P99, 5.0)),
            Line::new("  the one by the other", growth).target(Target::AtMost(key::P50, 1.5)),
        ])
    }
}

impl OrderBook {
    async fn books(&self) -> Result<Rc<[TestDatabase; 2]>> {
        let known = self.books.borrow().clone();
        if let Some(known) = known {
            return Ok(known);
        }
        let books = Rc::new([book(FEW).await?, book(MANY).await?]);
        *self.books.borrow_mut() = Some(Rc::clone(&books));
        Ok(books)
    }
}

fn get(figures: &Figures, key: &str) -> f64 {
    figures.get(key).unwrap_or(f64::NAN)
}

async fn search(bench: &Bench, book: &TestDatabase, listings: usize) -> Result<Figures> {
    let headers = http::headers(&token(nth(EXCHANGER, 1), Role::Exchanger)?);
    let questions = Rc::new(Questions::new(listings));
    bench.postgres.settle().await;
    let server = Server::start(book.url()).await?;
    let mut load = bench.pace.open(CONNECTIONS, RATE);
    // Each of the server's connections plans each kind of question once; that is no part of a running service.
    load.warm_up *= 4;
    let searches = |number| Searches::new(&questions, &headers, number);
    let driven = drive::drive(load, &server, bench.postgres.postmaster, searches).await?;
    driven.all_right()?;
    server.stop().await?;
    Ok(driven.figures())
}
