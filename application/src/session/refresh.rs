//! A session goes on: a refresh token for the next one, and for a new access token.

use domain::audit::{AuditAction, AuditNote};
use domain::session::{Origin, Renewal, Session};
use domain::{Refusal, User};

use super::{AccessError, LoggedIn, tokens_of};
use crate::Market;
use crate::pipeline::{Command, Desk, Needs};
use crate::ports::Refresh;

/// Takes a refresh token.
#[derive(Debug, Clone)]
pub struct RenewSession {
    pub refresh: Refresh,
    /// The token is known to have come before: the session ends, and the trail tells of it. Else such a token changes nothing
    /// yet, so that the many that come for the first time need not wait for the end of the trail.
    pub ends: bool,
    pub origin: Origin,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Renewed {
    GoesOn(Box<(User, Session)>),
    /// It was used before.
    Reused,
}

impl Command for RenewSession {
    type Outcome = Renewed;

    fn needs(&self, needs: &mut Needs) {
        needs.user(self.refresh.user);
        needs.session(self.refresh.session);
        if self.ends {
            needs.trail();
        }
    }

    fn is_background(&self) -> bool {
        true
    }

    fn decide(&self, desk: &mut Desk<'_>) -> Result<Renewed, Refusal> {
        let over = |_| Refusal::SessionOver;
        let session = desk.session(self.refresh.session).map_err(over)?;
        let user = desk.user(self.refresh.user).map_err(over)?;
        if session.user != user.id {
            return Err(Refusal::SessionOver);
        }
        let rules = desk.policy().access;
        match session.renew(self.refresh.generation, &rules, desk.now())? {
            Renewal::Renewed(session) => {
                desk.save_session(session.clone());
                Ok(Renewed::GoesOn(Box::new((user, session))))
            }
            Renewal::Reused(session) => {
                if self.ends {
                    let note = AuditNote {
                        actor: None,
                        session: Some(session.id),
                        address: self.origin.address,
                        action: AuditAction::RefreshTokenReused,
                        subject: user.id.to_string(),
                        detail: serde_json::json!({ "client": self.origin.client }).to_string(),
                    };
                    desk.note(note)?;
                    desk.save_session(session);
                }
                Ok(Renewed::Reused)
            }
        }
    }
}

/// Exchanges a refresh token for the next one. One that comes a second time ends the session: somebody has a copy.
pub async fn refresh(
    market: &Market,
    token: &str,
    origin: Origin,
) -> Result<LoggedIn, AccessError> {
    let now = market.now();
    let refresh = market
        .tokens()
        .verify_refresh(token, now)
        .map_err(|_| Refusal::SessionOver)?;
    for ends in [false, true] {
        let command = RenewSession {
            refresh,
            ends,
            origin: origin.clone(),
        };
        if let Renewed::GoesOn(renewed) = market.execute(command).await? {
            let (user, session) = *renewed;
            return tokens_of(market, user, session);
        }
    }
    tracing::warn!(session = %refresh.session, "a refresh token came a second time: its session was ended");
    Err(Refusal::SessionOver.into())
}
