//! Deals: a customer makes an offer on a listing, both sides move the deal, and deadlines move it if neither side does.

mod accept;
mod cancel;
mod confirm_payment;
mod confirm_receipt;
mod create;
mod decline;
mod expire;
mod open_dispute;
mod ports;
mod queries;
pub mod reads;
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
pub use ports::{OfferFilter, OfferQueries};
pub use queries::{DealView, OfferList, get_offer, list_offers, offer_status};

pub use words::describe;

pub(crate) use settle::{settle, would_freeze};

use p2p_domain::offer::Act;
use p2p_domain::refusal::{AccessRefusal, Resource};
use p2p_domain::user::Caller;
use p2p_domain::{Actor, Offer, OfferId, Refusal};

use crate::engine::UnitOfWork;

/// The deal and the caller's act in it. For users other than its two sides a deal does not exist.
fn deal_of(uow: &UnitOfWork<'_>, id: OfferId, caller: Caller) -> Result<(Offer, Act), Refusal> {
    let offer = uow.get::<Offer>(&id)?;
    let side = offer
        .side_of(caller.user)
        .ok_or(Refusal::NotFound(Resource::Offer))?;
    Ok((offer, Act::by(side, caller.user, uow.now())))
}

/// Refuses a request that claims the wrong side for its author.
fn check_claimed_side(claimed: Option<Actor>, step: Act) -> Result<(), Refusal> {
    match claimed {
        Some(actor) if actor != step.actor => Err(Refusal::Access(AccessRefusal::IdentityMismatch)),
        _ => Ok(()),
    }
}
