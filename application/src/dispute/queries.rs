//! Reading disputes.

use p2p_domain::dispute::Comment;
use p2p_domain::refusal::Resource;
use p2p_domain::user::Caller;
use p2p_domain::{Dispute, DisputeId, Offer, Refusal, Role};

use super::ports::DisputeFilter;
use crate::{MAX_PAGE, Market, Page, QueryError};

/// A dispute with its deal and comments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DisputeView {
    pub dispute: Dispute,
    pub offer: Offer,
    pub comments: Vec<Comment>,
}

/// A dispute, for the deal's two sides and for moderators. For other users it does not exist.
pub async fn get_dispute(
    market: &Market,
    caller: Caller,
    id: DisputeId,
) -> Result<DisputeView, QueryError> {
    let missing = Refusal::NotFound(Resource::Dispute);
    let Some(dispute) = market.queries().find_dispute(id).await? else {
        return Err(missing.into());
    };
    let offer = market.queries().find_offer(dispute.offer).await?;
    let offer = offer
        .filter(|offer| offer.side_of(caller.user).is_some() || caller.roles.allow(Role::Moderator))
        .ok_or(missing)?;
    let comments = market.queries().dispute_comments(id).await?;
    Ok(DisputeView {
        dispute,
        offer,
        comments,
    })
}

/// Which disputes to list.
#[derive(Debug, Clone, Copy, Default)]
pub struct DisputeList {
    /// Only open, or only resolved ones.
    pub open: Option<bool>,
    pub after: Option<DisputeId>,
    pub limit: u32,
}

/// Disputes, oldest first: all for moderators, those of their own deals for other users.
pub async fn list_disputes(
    market: &Market,
    caller: Caller,
    list: DisputeList,
) -> Result<Page<Dispute>, QueryError> {
    let limit = list.limit.clamp(1, MAX_PAGE);
    let filter = DisputeFilter {
        side: (!caller.roles.allow(Role::Moderator)).then_some(caller.user),
        open: list.open,
        after: list.after,
        limit: limit + 1,
    };
    let rows = market.queries().list_disputes(&filter).await?;
    Ok(Page::of(rows, limit))
}
