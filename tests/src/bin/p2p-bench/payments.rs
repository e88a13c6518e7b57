//! What payers ask for: payments to others, each under a key of its own.

use std::rc::Rc;

use anyhow::{Result, ensure};
use axum::http::HeaderValue;

use crate::cast::Cast;
use crate::draw::Draw;
use crate::drive::{Asker, Heard};
use crate::grpc::{Calls, Field, message};
use crate::http::Answer;

/// Customers with their accounts.
#[derive(Debug)]
pub(crate) struct Payers(Vec<Payer>);

#[derive(Debug)]
struct Payer {
    authorization: HeaderValue,
    account: String,
}

impl Payers {
    pub(crate) fn new(cast: &Cast) -> Result<Self> {
        ensure!(cast.customers.len() == cast.accounts.len() && cast.accounts.len() > 1);
        let customers = cast.customers.iter().zip(&cast.accounts);
        let payers = customers.map(|(customer, account)| {
            Ok(Payer {
                authorization: format!("Bearer {}", customer.token).parse()?,
                account: account.to_string(),
            })
        });
        Ok(Self(payers.collect::<Result<_>>()?))
    }
}

/// Who pays whom.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Pair {
    /// Any customer any other.
    Any,
    /// Always the same customer the same other.
    Hot,
    /// Two customers each other.
    HotBothWays,
}

impl Pair {
    fn draw(self, among: usize, draw: &mut Draw) -> [usize; 2] {
        match self {
            Self::Any => {
                let payer = draw.below(among);
                [payer, (payer + 1 + draw.below(among - 1)) % among]
            }
            Self::Hot => [0, 1],
            Self::HotBothWays => {
                let payer = draw.below(2);
                [payer, 1 - payer]
            }
        }
    }
}

/// Makes one payment after another.
#[derive(Debug)]
pub(crate) struct Payments {
    payers: Rc<Payers>,
    pair: Pair,
    calls: Calls,
    draw: Draw,
}

impl Payments {
    pub(crate) const METHOD: &str = "payment.v1.PaymentService/AuthorizePayment";

    /// `number`: each of those who ask has payments of its own.
    pub(crate) fn new(payers: &Rc<Payers>, pair: Pair, calls: Calls, number: usize) -> Self {
        Self {
            payers: Rc::clone(payers),
            pair,
            calls,
            draw: Draw::seeded(number as u64 + 1),
        }
    }
}

impl Asker for Payments {
    async fn ask(&mut self) -> Result<(Heard, Answer<'_>)> {
        let payers = &self.payers.0;
        let [payer, payee] = self.pair.draw(payers.len(), &mut self.draw);
        let (payer, payee) = (&payers[payer], &payers[payee]);
        let key = format!("bench-{:016x}{:016x}", self.draw.next(), self.draw.next());
        let request = message(&[
            Field::Text(&key),
            Field::Text(&payer.account),
            Field::Text(&payee.account),
            Field::Number(10_000),
            Field::Text("USDT"),
            Field::Text("Two tickets, please"),
        ]);
        let answer = self.calls.call(&payer.authorization, request).await?;
        let heard = if answer.status == 0 && is_authorized(answer.body) {
            Heard::Done
        } else {
            Heard::Wrong
        };
        Ok((heard, answer))
    }
}

/// Whether the second field of an answer, after the payment's id, says AUTHORIZED.
fn is_authorized(answer: &[u8]) -> bool {
    let [0x0a, length, rest @ ..] = answer else {
        return false;
    };
    let after = rest.get(usize::from(*length)..);
    after.is_some_and(|after| after.starts_with(&[0x10, 1]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_authorized_counts() {
        assert!(is_authorized(b"\x0a\x02id\x10\x01\x22\x01?"));
        for other in [
            &b""[..],
            b"\x0a\x02id\x10\x02",
            b"\x0a\x02id\x10\x03",
            b"\x0a\x09id\x10\x01",
        ] {
            assert!(!is_authorized(other), "{other:?}");
        }
    }

    #[test]
    fn nobody_pays_themselves() {
        let mut draw = Draw::seeded(1);
        for pair in [Pair::Any, Pair::Hot, Pair::HotBothWays] {
            for _ in 0..1_000 {
                let [payer, payee] = pair.draw(3, &mut draw);
                assert!(payer != payee && payer < 3 && payee < 3, "{pair:?}");
            }
        }
    }
}
