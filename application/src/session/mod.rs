//! Sessions: a log-in opens one, refresh tokens continue it, and it ends by log-out, revocation or age.

mod end;
mod log_in;
mod queries;
mod refresh;

pub use end::{EndOtherSessions, EndSession};
pub use log_in::{Credentials, LogIn, log_in};
pub use queries::list_sessions;
pub use refresh::{RenewSession, refresh};

use p2p_domain::User;
use p2p_domain::session::Session;

use crate::Market;
use crate::auth::{AccessError, issue_access_token};
use crate::engine::Related;
use crate::ports::{AccessToken, Refresh};

/// A user with an open session and its tokens.
#[derive(Debug, Clone)]
pub struct LoggedIn {
    pub user: User,
    pub session: Session,
    pub access: AccessToken,
    pub refresh: RefreshToken,
}

/// Valid once, for the next pair of tokens. A secret.
#[derive(Clone, PartialEq, Eq)]
pub struct RefreshToken(pub String);

impl std::fmt::Debug for RefreshToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RefreshToken(…)")
    }
}

/// The tokens for the present state of a session.
fn issue_tokens(market: &Market, user: User, session: Session) -> Result<LoggedIn, AccessError> {
    let now = market.now();
    let access = issue_access_token(market, &user, &session)?;
    let refresh = Refresh {
        session: session.id,
        user: user.id,
        generation: session.generation,
    };
    let until = session.expires_at;
    let refresh = market.tokens().issue_refresh(refresh, now, until)?;
    Ok(LoggedIn {
        user,
        session,
        access,
        refresh: RefreshToken(refresh),
    })
}

impl Related for Session {}
