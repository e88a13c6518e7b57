//! Reading sessions.

use p2p_domain::session::Session;
use p2p_domain::user::Caller;

use crate::{MAX_PAGE, Market, QueryError};

/// The caller's open sessions, newest first.
pub async fn list_sessions(market: &Market, caller: Caller) -> Result<Vec<Session>, QueryError> {
    let sessions = market
        .queries()
        .list_sessions(caller.user, MAX_PAGE)
        .await?;
    let (rules, now) = (market.policy().access, market.now());
    let open = sessions.into_iter();
    Ok(open
        .filter(|session| session.is_open(&rules, now))
        .collect())
}
