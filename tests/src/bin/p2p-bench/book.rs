//! What people ask of the order book: filters, orders, and pages further down.

use std::rc::Rc;

use p2p_domain::{ListingId, TypedId, UserId};

use crate::draw::Draw;
use crate::drive::{Heard, Script};
use crate::fill::{EXCHANGER, LISTING, nth};
use crate::http::Answer;

/// Prepared questions: enough for every kind and every pair, and few enough to be made beforehand.
const QUESTIONS: usize = 2_000;

/// How many pages further down somebody goes, at most.
const PAGES: usize = 5;

/// Pairs as often as the book has them, with an amount that fits and the price of one whole crypto in hundred-millionths.
const PAIRS: [(&str, &str, &str, i64); 6] = [
    ("USDT", "USD", "100", 100_000_000),
    ("USDT", "EUR", "92", 92_000_000),
    ("USDT", "RUB", "9000", 9_000_000_000),
    ("BTC", "USD", "1000", 6_000_000_000_000),
    ("ETH", "EUR", "500", 276_000_000_000),
    ("LTC", "JPY", "20000", 1_200_000_000_000),
];

/// Of 1,000 listings, 600 take SEPA, 15 PIX, one cheques, and none beads.
const METHODS: [&str; 8] = [
    "SEPA", "SEPA", "CARD", "CARD", "REVOLUT", "PIX", "CHEQUE", "BEADS",
];

/// Paths with their queries.
#[derive(Debug)]
pub(crate) struct Questions(Vec<String>);

impl Questions {
    /// About a book of so many listings.
    pub(crate) fn new(listings: usize) -> Self {
        let mut draw = Draw::seeded(7);
        Self(
            (0..QUESTIONS)
                .map(|_| question(&mut draw, listings))
                .collect(),
        )
    }
}

fn question(draw: &mut Draw, listings: usize) -> String {
    let (asset, fiat, amount, price) = PAIRS[draw.below(PAIRS.len())];
    let (direction, mark) = match draw.below(2) {
        0 => ("FIAT2CRYPTO", 'a'),
        _ => ("CRYPTO2FIAT", 'd'),
    };
    let pair = format!("exchange_type={direction}&asset={asset}&currency={fiat}");
    let listing: ListingId = nth(LISTING, 1 + draw.below(listings));
    let query = match draw.below(100) {
        0..25 => pair,
        25..40 => format!(
            "{pair}&payment_method={}",
            METHODS[draw.below(METHODS.len())]
        ),
        40..52 => format!("{pair}&amount={amount}"),
        52..55 => format!("{pair}&amount={amount}00000"),
        55..60 => format!("{pair}&online_only=true"),
        60..65 => format!("{pair}&amount={amount}&payment_method=SEPA&online_only=true"),
        // In the midst of the book, at a price that many have.
        65..75 => {
            let tick = price / 1_000 * i64::try_from(draw.below(100)).unwrap_or(0);
            let price = price / 1_000 * 950 + tick;
            format!("{pair}&cursor={mark}{price:x}-{:x}", listing.as_u128())
        }
        75..85 => "sort=newest".to_owned(),
        85..88 => format!("sort=newest&asset={asset}&currency={fiat}"),
        88..90 => format!("sort=newest&cursor=n1-{:x}", listing.as_u128()),
        90..92 => format!("exchange_type={direction}"),
        92..94 => format!("exchange_type={direction}&asset={asset}"),
        94..96 => format!("exchange_type={direction}&currency={fiat}"),
        _ => {
            let exchanger: UserId = nth(EXCHANGER, 1 + draw.below(listings / 100));
            format!("exchanger_id={exchanger}")
        }
    };
    format!("/api/p2p/listings?{query}")
}

/// Asks one question after another, and of every other answer the pages that follow.
#[derive(Debug)]
pub(crate) struct Searches {
    questions: Rc<Questions>,
    headers: Vec<u8>,
    draw: Draw,
    question: usize,
    /// Pages still to be turned.
    pages: usize,
    cursor: String,
}

impl Searches {
    /// `number` is the connection's: each has an order of its own.
    pub(crate) fn new(questions: &Rc<Questions>, headers: &[u8], number: usize) -> Self {
        Self {
            questions: Rc::clone(questions),
            headers: headers.to_vec(),
            draw: Draw::seeded(number as u64 + 1),
            question: 0,
            pages: 0,
            cursor: String::new(),
        }
    }
}

impl Script for Searches {
    fn ask(&mut self, request: &mut Vec<u8>) {
        if self.pages == 0 || self.cursor.is_empty() {
            self.question = self.draw.below(self.questions.0.len());
            // Half of all people look at the first page only.
            self.pages = (self.draw.below(2 * PAGES) + 1).saturating_sub(PAGES);
            self.cursor.clear();
        } else {
            self.pages -= 1;
        }
        let path = self.questions.0[self.question].as_str();
        request.extend_from_slice(b"GET ");
        if self.cursor.is_empty() {
            request.extend_from_slice(path.as_bytes());
        } else {
            let first = path.split("&cursor=").next().unwrap_or(path);
            for part in [first, "&cursor=", &self.cursor] {
                request.extend_from_slice(part.as_bytes());
            }
        }
        request.extend_from_slice(&self.headers);
        request.extend_from_slice(b"\r\n");
    }

    fn hear(&mut self, answer: &Answer<'_>) -> Heard {
        self.cursor.clear();
        if answer.status != 200 {
            return Heard::Wrong;
        }
        if let Some(cursor) = next_cursor(answer.body) {
            self.cursor.push_str(cursor);
        }
        Heard::Done
    }
}

/// Looked for by hand, at the end: this program is not to spend the time of what it measures.
fn next_cursor(body: &[u8]) -> Option<&str> {
    let end = std::str::from_utf8(body.get(body.len().saturating_sub(80)..)?).ok()?;
    let (_, rest) = end.split_once(r#""next_cursor":""#)?;
    Some(rest.split_once('"')?.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cursor_is_found_in_its_answer() {
        let body = br#"{"items":[],"next_cursor":"a5f5e100-19000001000700080000000000003e8"}"#;
        assert_eq!(
            next_cursor(body),
            Some("a5f5e100-19000001000700080000000000003e8")
        );
        assert_eq!(next_cursor(br#"{"items":[],"next_cursor":null}"#), None);
        assert_eq!(next_cursor(b"{}"), None);
    }

    #[test]
    fn the_questions_are_the_same_every_time() {
        let questions = Questions::new(10_000).0;
        assert_eq!(questions, Questions::new(10_000).0);
        for kind in [
            "sort=newest",
            "payment_method=BEADS",
            "&cursor=d",
            "exchanger_id=user_",
        ] {
            assert!(questions.iter().any(|one| one.contains(kind)), "{kind}");
        }
    }
}
