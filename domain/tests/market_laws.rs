//! A market under everything that people may do in any order: after every step, all laws hold.
#![expect(clippy::unwrap_used, reason = "helpers of tests may fail loudly")]

mod market;
mod support;

use std::collections::BTreeSet;

use p2p_domain::offer::Status;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use market::op::{Deed, Hand, Op, days};
use market::{Market, laws};

/// Does one thing, and looks whether all is well. What came of it, in a word.
fn go(market: &mut Market, op: &Op) -> Result<&'static str, TestCaseError> {
    market.wait_for(op);
    let before = market.clone();
    let outcome = market.apply(op);
    laws::hold(market)?;
    match outcome {
        Ok(()) => Ok("OK"),
        Err(refusal) => {
            laws::refused(&before, market, op, &refusal)?;
            Ok(refusal.code())
        }
    }
}

/// The clock and the moderators bring every deal to an end; then nothing is in escrow any more.
fn close_all_deals(market: &mut Market) -> Result<(), TestCaseError> {
    for newest in 0..market.deals.len() {
        let status = |market: &Market| market.deals[market.deals.len() - 1 - newest].offer.status();
        let mut rounds = 0;
        while !status(market).is_final() {
            rounds += 1;
            prop_assert!(rounds <= 2, "stuck: {:?}", status(market));
            let deed = match status(market) {
                Status::DisputeOpen => Deed::CallOff,
                _ => Deed::Expire,
            };
            let (deal, by) = (newest, Hand::Rightful);
            prop_assert_eq!(go(market, &Op::Act { deal, by, deed })?, "OK");
        }
    }
    let held = |market: &Market| market.accounts.values().any(|one| one.held().minor() != 0);
    prop_assert!(!held(market), "{:?}", market.accounts);
    prop_assert!(market.listings.iter().all(|one| one.frozen.minor() == 0));
    Ok(())
}

proptest! {
    #[test]
    fn all_laws_hold_after_every_step(day in days(150)) {
        let (mut market, mut done) = (Market::open(), Vec::new());
        for op in &day {
            match go(&mut market, op) {
                Ok("OK") => done.push(op),
                Ok(_refused) => {}
                // What was refused has changed nothing: who looks for the cause needs only what was done.
                Err(broken) => prop_assert!(false, "{broken}\n{op:?} after {done:#?}"),
            }
        }
        close_all_deals(&mut market)?;
    }
}

/// Random days get everywhere: no law is held up by what never happens.
#[test]
fn random_days_see_everything() {
    let mut runner = TestRunner::deterministic();
    let mut seen = BTreeSet::new();
    for _ in 0..300 {
        let day = days(150).new_tree(&mut runner).unwrap().current();
        let mut market = Market::open();
        for op in &day {
            let answer = go(&mut market, op).unwrap();
            seen.insert(format!("{} {answer}", op.name()));
        }
        let deals = market.deals.iter();
        seen.extend(deals.map(|deal| deal.offer.status().to_string()));
    }
    let deeds = "Accept Decline Cancel Pay Receive Expire Dispute Finish CallOff Split";
    let met = deeds.split(' ').flat_map(|deed| {
        let answers = ["OK", "ILLEGAL_TRANSITION", "OFFER_NOT_FOUND"];
        answers.map(|answer| format!("{deed} {answer}"))
    });
    let met = met.chain(SOMETIMES.iter().map(|&what| what.to_owned()));
    let unseen: Vec<_> = met.filter(|what| !seen.contains(what)).collect();
    assert!(unseen.is_empty(), "{unseen:?} of {seen:?}");
}

/// What random days must see, beyond that every deed is done and refused.
const SOMETIMES: &[&str] = &[
    "PENDING",
    "APPROVED",
    "PAYMENT_CONFIRMED",
    "DISPUTE_OPEN",
    "FINISHED",
    "DECLINED",
    "CANCELLED",
    "Dispute DISPUTE_ALREADY_OPENED",
    "Split SPLIT_OUT_OF_RANGE",
    "Deposit OK",
    "Switch OK",
    "Unfreeze OK",
    "Fee OK",
    "Publish OK",
    "Publish EXCHANGER_FROZEN",
    "Manage OK",
    "Manage LISTING_CLOSED",
    "Manage EXCHANGER_FROZEN",
    "Manage INVALID_LISTING",
    "Manage TOTAL_BELOW_COMMITTED",
    "Create OK",
    "Create LISTING_PAUSED",
    "Create LISTING_CLOSED",
    "Create SELF_DEAL",
    "Create EXCHANGER_OFFLINE",
    "Create AMOUNT_NOT_POSITIVE",
    "Create OVER_REMAINING",
    "Create BELOW_MINIMUM",
    "Create ABOVE_MAXIMUM",
    "Create INSUFFICIENT_FUNDS",
];
