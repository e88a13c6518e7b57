//! The state of a deal in words.

use std::fmt::Write as _;

use p2p_domain::offer::State;
use p2p_domain::{Actor, Offer};

/// Describes the state of a deal in one sentence: what it waits for and until when, or how it ended.
#[must_use]
pub fn describe(offer: &Offer) -> String {
    let payer = side_name(offer.terms.exchange_type.fiat_payer());
    let holder = side_name(offer.terms.exchange_type.crypto_holder());
    let mut text = match offer.state {
        State::Pending { respond_by } => {
            format!("Waiting for the exchanger's answer until {respond_by}")
        }
        State::Approved { pay_by, .. } => {
            format!("Waiting for the {payer} to pay the fiat until {pay_by}")
        }
        State::PaymentConfirmed { receipt_by, .. } => {
            format!("Waiting for the {holder} to confirm receipt of the fiat until {receipt_by}")
        }
        State::DisputeOpen { since } => {
            format!("In dispute since {since}, waiting for a moderator")
        }
        State::Finished { at } => format!("Transaction completed at {at}"),
        State::Declined { at } => format!("Offer declined by the exchanger at {at}"),
        State::Cancelled { at } => format!("Transaction cancelled at {at}"),
    };
    if offer.state.cancel_proposed() {
        let _ = write!(text, "; the {holder} proposes to cancel");
    }
    text
}

const fn side_name(side: Actor) -> &'static str {
    match side {
        Actor::Exchanger => "exchanger",
        _ => "customer",
    }
}
