//! What a deal's move causes elsewhere, done in one place for all moves.

use p2p_domain::audit_log::{AuditAction, AuditNote};
use p2p_domain::ledger::Owner;
use p2p_domain::offer::{Response, Transition};
use p2p_domain::refusal::LedgerRefusal;
use p2p_domain::{AccountKey, Offer, Refusal, UserId};

use crate::engine::UnitOfWork;

/// Books a move: money, listing, exchanger, history, events. `caller` is who gets to hear about their own lack of funds.
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
        let listing = uow.listing(offer.terms.listing)?;
        uow.save_listing(listing.follow(step)?);
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
    uow.save_offer(offer.clone());
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
    let before = uow.exchanger(exchanger)?;
    let after = before.responded();
    if after != before {
        uow.save_exchanger(after);
    }
    Ok(())
}

/// Whether a move is the unanswered offer that is one too many.
pub(crate) fn would_freeze(uow: &UnitOfWork<'_>, moved: &Transition) -> Result<bool, Refusal> {
    if moved.response != Some(Response::Missing) {
        return Ok(false);
    }
    let exchanger = uow.exchanger(moved.offer.terms.exchanger)?;
    let (_, frozen) = exchanger.left_unanswered(uow.policy().unanswered_limit, uow.now());
    Ok(frozen.is_some())
}

/// Counts, and freezes where the row of unanswered offers is too long: the exchanger's listings are paused with it.
fn left_unanswered(uow: &mut UnitOfWork<'_>, exchanger: UserId) -> Result<(), Refusal> {
    let before = uow.exchanger(exchanger)?;
    let (after, frozen) = before.left_unanswered(uow.policy().unanswered_limit, uow.now());
    if after != before {
        uow.save_exchanger(after);
    }
    if frozen.is_some() {
        let detail = serde_json::json!({ "unanswered": after.unanswered }).to_string();
        let (action, subject) = (AuditAction::ExchangerFrozen, exchanger.to_string());
        uow.note(AuditNote::by_system(action, subject, detail))?;
        for listing in uow.active_listings_of(exchanger) {
            let version = listing.version;
            let paused = listing.pause_by_system(uow.now());
            if paused.version != version {
                uow.save_listing(paused);
            }
        }
    }
    uow.emit(frozen);
    Ok(())
}
