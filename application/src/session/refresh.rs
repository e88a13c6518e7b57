//! A session goes on: a refresh token for the next one, and for a new access token.

use p2p_domain::audit_log::{AuditAction, AuditNote};
use p2p_domain::session::{Origin, Renewal, Session};
use p2p_domain::{Refusal, User};

use super::{AccessError, LoggedIn, tokens_of};
use crate::Market;
use crate::engine::{Command, ReadSet, UnitOfWork};
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

    fn read_set(&self, reads: &mut ReadSet) {
        reads.user(self.refresh.user);
        reads.session(self.refresh.session);
        if self.ends {
            reads.trail();
        }
    }

    fn is_background(&self) -> bool {
        true
    }

    fn decide(&self, uow: &mut UnitOfWork<'_>) -> Result<Renewed, Refusal> {
        let over = |_| Refusal::SessionOver;
        let session = uow.session(self.refresh.session).map_err(over)?;
        let user = uow.user(self.refresh.user).map_err(over)?;
        if session.user != user.id {
            return Err(Refusal::SessionOver);
        }
        let rules = uow.policy().access;
        match session.renew(self.refresh.generation, &rules, uow.now())? {
            Renewal::Renewed(session) => {
                uow.save_session(session.clone());
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
                    uow.note(note)?;
                    uow.save_session(session);
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
