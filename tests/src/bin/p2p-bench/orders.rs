//! What buyers ask for: new orders, each under a key of its own.

use std::rc::Rc;

use crate::draw::Draw;
use crate::drive::{Heard, Script};
use crate::http::{Answer, body};
use crate::offers::Offers;

/// Makes one order after another.
#[derive(Debug)]
pub(crate) struct CreateOrders {
    buyers: Rc<Offers>,
    /// Waits for each order's end, and wants it to be a good one.
    to_the_end: bool,
    /// The connection's number.
    number: usize,
    /// How many it has made.
    made: usize,
    draw: Draw,
}

impl CreateOrders {
    pub(crate) fn new(buyers: &Rc<Offers>, to_the_end: bool, number: usize) -> Self {
        Self {
            buyers: Rc::clone(buyers),
            to_the_end,
            number,
            made: 0,
            draw: Draw::seeded(number as u64 + 1),
        }
    }
}

impl Script for CreateOrders {
    fn ask(&mut self, request: &mut Vec<u8>) {
        let customer = self.buyers.any_customer(&mut self.draw);
        self.made += 1;
        request.extend_from_slice(b"POST /api/orders");
        self.buyers.write_headers(customer, request);
        let (number, made) = (self.number, self.made);
        let key = format!("idempotency-key: bench-{number:08x}-{made:016x}\r\n");
        request.extend_from_slice(key.as_bytes());
        if self.to_the_end {
            request.extend_from_slice(b"prefer: wait=10\r\n");
        }
        let order = r#"{"amount":"25","asset":"USDT","description":"Two tickets, please"}"#;
        request.extend_from_slice(&body(order));
    }

    fn hear(&mut self, answer: &Answer<'_>) -> Heard {
        let wanted: &[u8] = if self.to_the_end {
            br#""status":"FINISHED""#
        } else {
            br#""status":"NEW""#
        };
        let is_wanted = answer.body.windows(wanted.len()).any(|part| part == wanted);
        if answer.status == 201 && is_wanted {
            Heard::Done
        } else {
            Heard::Wrong
        }
    }
}
