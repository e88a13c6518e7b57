//! Deals: a customer answers a listing, both sides move it, the clock moves it where nobody does.

mod accept;
mod cancel;
mod confirm_payment;
mod confirm_receipt;
mod create;
mod decline;
mod expire;
mod open_dispute;
mod queries;
mod settle;
mod words;

pub use accept::AcceptOffer;
pub use cancel::CancelOffer;
pub use confirm_payment::ConfirmPayment;
pub use confirm_receipt::ConfirmReceipt;
pub use create::CreateOffer;
pub use decline::DeclineOffer;
pub use expire::{ExpireOffer, Expired};
pub use open_dispute::OpenDispute;
pub use queries::{DealView, OfferList, get_offer, list_offers, offer_status};

pub use words::in_words;

pub(crate) use settle::{settle, would_freeze};

use domain::offer::Step;
use domain::refusal::Noun;
use domain::user::Caller;
use domain::{Actor, Offer, OfferId, Refusal};

use crate::pipeline::Desk;

/// The deal, and the caller's step in it. To everybody but its two sides a deal does not exist.
fn deal_of(desk: &Desk<'_>, id: OfferId, caller: Caller) -> Result<(Offer, Step), Refusal> {
    let offer = desk.offer(id)?;
    let side = offer
        .side_of(caller.user)
        .ok_or(Refusal::NotFound(Noun::Offer))?;
    Ok((offer, Step::by(side, caller.user, desk.now())))
}

/// Where a request says on which side its author stands, it must be right.
fn agrees(claimed: Option<Actor>, step: Step) -> Result<(), Refusal> {
    match claimed {
        Some(actor) if actor != step.actor => Err(Refusal::IdentityMismatch),
        _ => Ok(()),
    }
}
