//! Reading withdrawals.

use p2p_domain::refusal::Resource;
use p2p_domain::user::Caller;
use p2p_domain::withdrawal::WithdrawalStatus;
use p2p_domain::{Refusal, Role, UserId, Withdrawal, WithdrawalId};

use super::ports::WithdrawalFilter;
use crate::{MAX_PAGE, Market, Page, QueryError};

/// Which withdrawals to list.
#[derive(Debug, Clone, Copy, Default)]
pub struct WithdrawalList {
    /// The owner; `None`: all owners for ADMIN, the caller for other users.
    pub user: Option<UserId>,
    pub status: Option<WithdrawalStatus>,
    pub after: Option<WithdrawalId>,
    pub limit: u32,
}

/// A withdrawal. For its owner and for ADMIN; for other users it does not exist.
pub async fn get_withdrawal(
    market: &Market,
    caller: Caller,
    id: WithdrawalId,
) -> Result<Withdrawal, QueryError> {
    let withdrawal = market.queries().find_withdrawal(id).await?;
    let visible = |withdrawal: &Withdrawal| {
        withdrawal.user == caller.user || caller.require(Role::Admin).is_ok()
    };
    let withdrawal = withdrawal.filter(visible);
    Ok(withdrawal.ok_or(Refusal::NotFound(Resource::Withdrawal))?)
}

/// Withdrawals, newest first: the caller's own, or any for ADMIN.
pub async fn list_withdrawals(
    market: &Market,
    caller: Caller,
    list: WithdrawalList,
) -> Result<Page<Withdrawal>, QueryError> {
    let is_admin = caller.require(Role::Admin).is_ok();
    let user = match list.user {
        None if is_admin => None,
        None => Some(caller.user),
        Some(user) if user != caller.user => {
            caller.require(Role::Admin)?;
            Some(user)
        }
        own => own,
    };
    let limit = list.limit.clamp(1, MAX_PAGE);
    let filter = WithdrawalFilter {
        user,
        status: list.status,
        after: list.after,
        limit: limit + 1,
    };
    let rows = market.queries().list_withdrawals(&filter).await?;
    Ok(Page::of(rows, limit))
}
