//! What several operations do to sessions.

use p2p_domain::session::{Session, SessionEnd};
use p2p_domain::{SessionId, User, UserId};

use super::AccessError;
use crate::Market;
use crate::engine::UnitOfWork;
use crate::ports::AccessToken;

/// Ends all sessions of a user except `kept`.
pub(crate) fn end_sessions_except(
    uow: &mut UnitOfWork<'_>,
    user: UserId,
    kept: Option<SessionId>,
    why: SessionEnd,
) {
    for session in
        uow.find_all::<Session>(|session| session.user == user && session.ended.is_none())
    {
        if Some(session.id) != kept {
            uow.save(session.end(why, uow.now()));
        }
    }
}

/// An access token for the present state of a session.
pub(crate) fn issue_access_token(
    market: &Market,
    user: &User,
    session: &Session,
) -> Result<AccessToken, AccessError> {
    let caller = session.caller(user.roles);
    Ok(market.tokens().issue(caller, market.now())?)
}
