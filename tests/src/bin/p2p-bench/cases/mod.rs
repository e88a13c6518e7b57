//! The cases, one file each.
//!
//! A new case is a file with a type that implements [`Case`], and a line in [`all`].

mod create;
mod deal;
mod idle;
mod long_past;
mod memory;
mod one_account;
mod order_book;
mod orders;
mod overload;
mod payments;
mod push;
pub(crate) mod relay;
mod sqlite;
mod start;
mod ten_million;
mod zipf;

use std::rc::Rc;
use std::time::Duration;

use anyhow::Result;
use async_trait::async_trait;

use crate::bench::Bench;
use crate::figures::Line;

/// Something that is measured.
#[async_trait(?Send)]
pub(crate) trait Case {
    fn name(&self) -> &'static str;

    /// What it measures, in a line.
    fn about(&self) -> &'static str;

    /// How long a round may take before it is given up.
    fn patience(&self) -> Duration {
        Duration::from_secs(300)
    }

    /// Whether it is among the cases of a quick run.
    fn is_quick(&self) -> bool {
        true
    }

    /// Whether it is measured in every round. What has no baseline beside it, and takes long to prepare, is measured in the
    /// first.
    fn is_repeated(&self) -> bool {
        true
    }

    /// Measures once: the case, and what it is compared with. The same lines in every round.
    async fn round(&self, bench: &mut Bench) -> Result<Vec<Line>>;
}

/// Every case, in the order in which they are measured.
pub(crate) fn all() -> Vec<Box<dyn Case>> {
    let past = Rc::<long_past::LongPast>::default();
    vec![
        Box::new(create::Create),
        Box::new(deal::Deal),
        Box::new(one_account::OneAccount),
        Box::new(zipf::Zipf),
        Box::new(idle::Idle),
        Box::new(sqlite::Sqlite),
        Box::new(memory::Memory),
        Box::new(start::Start),
        Box::new(overload::Overload),
        Box::new(orders::Orders),
        Box::new(payments::Payments),
        Box::new(relay::Relay),
        Box::new(push::Push),
        Box::<order_book::OrderBook>::default(),
        Box::new(long_past::MyDeals(Rc::clone(&past))),
        Box::new(long_past::Status(past)),
        Box::new(ten_million::TenMillion),
    ]
}
