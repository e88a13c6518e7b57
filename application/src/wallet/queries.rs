//! Reading balances and statements.

use p2p_domain::refusal::Resource;
use p2p_domain::user::Caller;
use p2p_domain::{Account, Asset, Refusal, Role, UserId};

use super::ports::{StatementCursor, StatementEntry, StatementFilter};
use crate::{MAX_PAGE, Market, Page, QueryError};

/// All balances of a user. For the user and for ADMIN.
pub async fn balances(
    market: &Market,
    caller: Caller,
    user: UserId,
) -> Result<Vec<Account>, QueryError> {
    if caller.user != user {
        caller.require(Role::Admin)?;
    }
    let accounts = market.queries().accounts_of(user).await?;
    if accounts.is_empty() {
        return Err(Refusal::NotFound(Resource::User).into());
    }
    Ok(accounts)
}

/// Which lines of the caller's statement to list.
#[derive(Debug, Clone, Copy, Default)]
pub struct StatementList {
    pub asset: Option<Asset>,
    pub after: Option<StatementCursor>,
    pub limit: u32,
}

/// The caller's statement, newest first.
pub async fn statement(
    market: &Market,
    caller: Caller,
    list: StatementList,
) -> Result<Page<StatementEntry>, QueryError> {
    let limit = list.limit.clamp(1, MAX_PAGE);
    let filter = StatementFilter {
        user: caller.user,
        asset: list.asset,
        after: list.after,
        limit: limit + 1,
    };
    let rows = market.queries().statement(&filter).await?;
    Ok(Page::of(rows, limit))
}
