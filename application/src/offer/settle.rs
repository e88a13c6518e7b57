//! What a deal's move causes elsewhere, done in one place for all moves.

use domain::audit::{AuditAction, AuditNote};
use domain::ledger::Owner;
use domain::offer::{Answer, Moved};
use domain::{AccountKey, Offer, Refusal, UserId};

use crate::pipeline::Desk;

/// Books a move: money, listing, exchanger, history, events. `caller` is who gets to hear about their own lack of funds.
pub(crate) fn settle(
    desk: &mut Desk<'_>,
    moved: Moved,
    caller: Option<UserId>,
) -> Result<Offer, Refusal> {
    let Moved {
        offer,
        history,
        posting,
        listing,
        answer,
        events,
    } = moved;
    if history.is_empty() {
        return Ok(offer);
    }
    if let Some(step) = listing {
        let listing = desk.listing(offer.terms.listing)?;
        desk.save_listing(listing.follow(step)?);
    }
    if let Some(posting) = posting {
        desk.post(posting)
            .map_err(|(account, refusal)| blame(account, refusal, caller))?;
    }
    match answer {
        None => {}
        Some(Answer::Given) => answered(desk, offer.terms.exchanger)?,
        Some(Answer::Missing) => left_unanswered(desk, offer.terms.exchanger)?,
    }
    desk.record(history);
    desk.emit(events);
    desk.save_offer(offer.clone());
    Ok(offer)
}

fn blame(account: AccountKey, refusal: Refusal, caller: Option<UserId>) -> Refusal {
    match (refusal, account.owner) {
        (Refusal::InsufficientFunds { asset }, Owner::User(owner)) if Some(owner) != caller => {
            Refusal::CounterpartyFunds { asset }
        }
        (refusal, _) => refusal,
    }
}

fn answered(desk: &mut Desk<'_>, exchanger: UserId) -> Result<(), Refusal> {
    let before = desk.exchanger(exchanger)?;
    let after = before.answered();
    if after != before {
        desk.save_exchanger(after);
    }
    Ok(())
}

/// Whether a move is the unanswered offer that is one too many.
pub(crate) fn would_freeze(desk: &Desk<'_>, moved: &Moved) -> Result<bool, Refusal> {
    if moved.answer != Some(Answer::Missing) {
        return Ok(false);
    }
    let exchanger = desk.exchanger(moved.offer.terms.exchanger)?;
    let (_, frozen) = exchanger.left_unanswered(desk.policy().unanswered_limit, desk.now());
    Ok(frozen.is_some())
}

/// Counts, and freezes where the row of unanswered offers is too long: the exchanger's listings are paused with it.
fn left_unanswered(desk: &mut Desk<'_>, exchanger: UserId) -> Result<(), Refusal> {
    let before = desk.exchanger(exchanger)?;
    let (after, frozen) = before.left_unanswered(desk.policy().unanswered_limit, desk.now());
    if after != before {
        desk.save_exchanger(after);
    }
    if frozen.is_some() {
        let detail = serde_json::json!({ "unanswered": after.unanswered }).to_string();
        let (action, subject) = (AuditAction::ExchangerFrozen, exchanger.to_string());
        desk.note(AuditNote::by_system(action, subject, detail))?;
        for listing in desk.active_listings_of(exchanger) {
            let version = listing.version;
            let paused = listing.pause_by_system(desk.now());
            if paused.version != version {
                desk.save_listing(paused);
            }
        }
    }
    desk.emit(frozen);
    Ok(())
}
