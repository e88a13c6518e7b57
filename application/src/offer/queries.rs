//! Reading deals.

use p2p_domain::offer::HistoryEntry;
use p2p_domain::refusal::Resource;
use p2p_domain::user::Caller;
use p2p_domain::{Actor, Dispute, Offer, OfferId, Refusal, Role};

use super::ports::OfferFilter;
use crate::{MAX_PAGE, Market, Page, QueryError};

/// A deal with its history and disputes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DealView {
    pub offer: Offer,
    pub history: Vec<HistoryEntry>,
    pub disputes: Vec<Dispute>,
}

/// A deal, for its two sides and for moderators. For other users it does not exist.
pub async fn offer_status(
    market: &Market,
    caller: Caller,
    id: OfferId,
) -> Result<Offer, QueryError> {
    let offer = market.queries().find_offer(id).await?;
    let visible =
        |offer: &Offer| offer.side_of(caller.user).is_some() || caller.roles.allow(Role::Moderator);
    Ok(offer
        .filter(visible)
        .ok_or(Refusal::NotFound(Resource::Offer))?)
}

/// A deal with its history and disputes, for its two sides and for moderators.
pub async fn get_offer(
    market: &Market,
    caller: Caller,
    id: OfferId,
) -> Result<DealView, QueryError> {
    let offer = offer_status(market, caller, id).await?;
    let history = market.queries().offer_history(id).await?;
    let disputes = market.queries().disputes_of(id).await?;
    Ok(DealView {
        offer,
        history,
        disputes,
    })
}

/// Which of the caller's deals to list.
#[derive(Debug, Clone, Copy, Default)]
pub struct OfferList {
    /// The caller's side; `None`: either.
    pub side: Option<Actor>,
    pub active: bool,
    pub after: Option<OfferId>,
    pub limit: u32,
}

/// The caller's deals, newest first.
pub async fn list_offers(
    market: &Market,
    caller: Caller,
    list: OfferList,
) -> Result<Page<Offer>, QueryError> {
    let limit = list.limit.clamp(1, MAX_PAGE);
    let filter = OfferFilter {
        user: caller.user,
        side: list.side,
        active_since: list
            .active
            .then(|| market.now().before(market.policy().finished_stays_active)),
        after: list.after,
        limit: limit + 1,
    };
    let rows = market.queries().list_offers(&filter).await?;
    Ok(Page::of(rows, limit))
}
