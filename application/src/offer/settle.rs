//! The effects of a transition outside the deal, in one place for all transitions.

use p2p_domain::audit_log::{AuditAction, AuditNote};
use p2p_domain::ledger::Owner;
use p2p_domain::offer::{Response, Transition};
use p2p_domain::refusal::LedgerRefusal;
use p2p_domain::{AccountKey, Exchanger, Listing, Offer, Refusal, UserId};

use crate::engine::UnitOfWork;

/// Saves a transition with all its effects: money, listing, exchanger, history, events. A lack of funds is attributed to the
/// `caller` or to the other side.
pub(crate) fn settle(
    uow: &mut UnitOfWork<'_>,
    moved: Transition,
    caller: Option<UserId>,
) -> Result<Offer, Refusal> {
    let Transition {
        offer,
        history,
        posting,
        listing,
        response,
        events,
    } = moved;
    if history.is_empty() {
        return Ok(offer);
    }
    if let Some(step) = listing {
        let listing = uow.get::<Listing>(&offer.terms.listing)?;
        uow.save(listing.follow(step)?);
    }
    if let Some(posting) = posting {
        uow.post(posting)
            .map_err(|(account, refusal)| attribute_shortfall(account, refusal, caller))?;
    }
    match response {
        None => {}
        Some(Response::Given) => responded(uow, offer.terms.exchanger)?,
        Some(Response::Missing) => left_unanswered(uow, offer.terms.exchanger)?,
    }
    uow.record(history);
    uow.emit(events);
    uow.save(offer.clone());
    Ok(offer)
}

fn attribute_shortfall(account: AccountKey, refusal: Refusal, caller: Option<UserId>) -> Refusal {
    match (refusal, account.owner) {
        (Refusal::Ledger(LedgerRefusal::InsufficientFunds { asset }), Owner::User(owner))
            if Some(owner) != caller =>
        {
            Refusal::Ledger(LedgerRefusal::CounterpartyFunds { asset })
        }
        (refusal, _) => refusal,
    }
}

fn responded(uow: &mut UnitOfWork<'_>, exchanger: UserId) -> Result<(), Refusal> {
    let before = uow.get::<Exchanger>(&exchanger)?;
    let after = before.responded();
    if after != before {
        uow.save(after);
    }
    Ok(())
}

/// Whether a transition is the unanswered offer that freezes the exchanger.
pub(crate) fn would_freeze(uow: &UnitOfWork<'_>, moved: &Transition) -> Result<bool, Refusal> {
    if moved.response != Some(Response::Missing) {
        return Ok(false);
    }
    let exchanger = uow.get::<Exchanger>(&moved.offer.terms.exchanger)?;
    let (_, frozen) = exchanger.left_unanswered(uow.policy().unanswered_limit, uow.now());
    Ok(frozen.is_some())
}

/// Counts an unanswered offer. One too many in a row freezes the exchanger and pauses their listings.
fn left_unanswered(uow: &mut UnitOfWork<'_>, exchanger: UserId) -> Result<(), Refusal> {
    let before = uow.get::<Exchanger>(&exchanger)?;
    let (after, frozen) = before.left_unanswered(uow.policy().unanswered_limit, uow.now());
    if after != before {
        uow.save(after);
    }
    if frozen.is_some() {
        let detail = serde_json::json!({ "unanswered": after.unanswered }).to_string();
        let (action, subject) = (AuditAction::ExchangerFrozen, exchanger.to_string());
        uow.note(AuditNote::by_system(action, subject, detail))?;
        for listing in uow.find_all::<Listing>(|listing| listing.exchanger == exchanger) {
            let version = listing.version;
            let paused = listing.pause_by_system(uow.now());
            if paused.version != version {
                uow.save(paused);
            }
        }
    }
    uow.emit(frozen);
    Ok(())
}
