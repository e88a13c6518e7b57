//! What the tests of this crate share: the contract's table, what follows from it, and a few names.
#![allow(dead_code, reason = "each test program uses its own part")]
#![allow(clippy::unwrap_used, reason = "helpers of tests may fail loudly")]

pub(crate) mod contract;
pub(crate) mod expected;

use std::time::Duration;

use p2p_domain::listing::Draft;
use p2p_domain::offer::Trigger;
use p2p_domain::{
    Asset, DisputeId, ExchangeType, Exchanger, Money, Policy, Price, Timestamp, TypedId, UserId,
};

/// When every test begins.
pub(crate) const START: Timestamp = Timestamp::from_micros(1_745_000_000_000_000);

/// This many minutes.
pub(crate) const fn minutes(count: u64) -> Duration {
    Duration::from_secs(count * 60)
}

/// The n-th person.
pub(crate) fn person(n: u128) -> UserId {
    UserId::from_u128(n)
}

/// The dispute that is opened where a test needs just one.
pub(crate) fn dispute_id() -> DisputeId {
    DisputeId::from_u128(7)
}

/// An exchanger who takes offers.
pub(crate) fn online(user: UserId) -> Exchanger {
    Exchanger::new(user).switch(true)
}

/// The price under which one minor unit of this asset costs one cent: sums in crypto and in fiat read the same.
pub(crate) fn a_cent_each(asset: Asset) -> Price {
    let units = 10i64.pow(u32::from(asset.scale()));
    Price::from_e8(units * 1_000_000, Asset::Usd).unwrap()
}

/// A listing of `total`, without limits of its own, at [`a_cent_each`].
pub(crate) fn draft(exchange_type: ExchangeType, total: Money) -> Draft {
    Draft {
        exchange_type,
        price: a_cent_each(total.asset()),
        total,
        min: Money::new(1, Asset::Usd),
        max: Money::new(i64::MAX, Asset::Usd),
        payment_methods: vec!["SEPA".to_owned()],
        payment_window: Policy::default().default_payment_window,
        terms: String::new(),
    }
}

/// What people say in the tests.
pub(crate) struct Words;

impl Words {
    pub(crate) const REFERENCE: &str = "transfer 4711";
    pub(crate) const REASON: &str = "the bank was closed";

    /// What a history keeps as the comment on this move: people's own words, or the clock's.
    pub(crate) fn comment(trigger: Trigger) -> Option<&'static str> {
        match trigger {
            Trigger::Cancel
            | Trigger::OpenDispute
            | Trigger::ResolveFinished
            | Trigger::ResolveCancelled
            | Trigger::ResolveSplit => Some(Self::REASON),
            Trigger::ResponseTimeout => Some("response timeout"),
            Trigger::PaymentTimeout => Some("payment timeout"),
            Trigger::ReceiptTimeout => Some("receipt timeout"),
            Trigger::Create
            | Trigger::Accept
            | Trigger::Decline
            | Trigger::ConfirmPayment
            | Trigger::ConfirmReceipt => None,
        }
    }
}
