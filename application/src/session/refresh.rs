//! A refresh token is exchanged for the next one and a new access token.

use p2p_domain::audit_log::{AuditAction, AuditNote};
use p2p_domain::refusal::SessionRefusal;
use p2p_domain::session::{Origin, Renewal, Session};
use p2p_domain::{Refusal, User};

use super::{LoggedIn, issue_tokens};
use crate::Market;
use crate::auth::AccessError;
use crate::engine::{Command, ReadSet, UnitOfWork};
use crate::ports::Refresh;

/// Continues a session by a refresh token.
#[derive(Debug, Clone)]
pub struct RenewSession {
    pub refresh: Refresh,
    /// The token is known to be reused: end the session and append to the audit log. Otherwise a reused token changes nothing yet,
    /// so that the many first uses need not wait for the head of the log.
    pub is_reused: bool,
    pub origin: Origin,
}

/// The outcome of a refresh token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Renewed {
    Continued(Box<(User, Session)>),
    /// The token was used before.
    Reused,
}

impl Command for RenewSession {
    type Outcome = Renewed;

    fn read_set(&self, reads: &mut ReadSet) {
        reads.lock::<User>(self.refresh.user);
        reads.lock::<Session>(self.refresh.session);
        if self.is_reused {
            reads.audit_head();
        }
    }

    fn is_background(&self) -> bool {
        true
    }

    fn decide(&self, uow: &mut UnitOfWork<'_>) -> Result<Renewed, Refusal> {
        let over = |_| Refusal::Session(SessionRefusal::Over);
        let session = uow.get::<Session>(&self.refresh.session).map_err(over)?;
        let user = uow.get::<User>(&self.refresh.user).map_err(over)?;
        if session.user != user.id {
            return Err(Refusal::Session(SessionRefusal::Over));
        }
        let rules = uow.policy().access;
        match session.renew(self.refresh.generation, &rules, uow.now())? {
            Renewal::Renewed(session) => {
                uow.save(session.clone());
                Ok(Renewed::Continued(Box::new((user, session))))
            }
            Renewal::Reused(session) => {
                if self.is_reused {
                    let note = AuditNote {
                        actor: None,
                        session: Some(session.id),
                        address: self.origin.address,
                        action: AuditAction::RefreshTokenReused,
                        subject: user.id.to_string(),
                        detail: serde_json::json!({ "client": self.origin.client }).to_string(),
                    };
                    uow.note(note)?;
                    uow.save(session);
                }
                Ok(Renewed::Reused)
            }
        }
    }
}

/// Exchanges a refresh token for new tokens. A token used twice ends its session, because a copy of it must exist.
pub async fn refresh(
    market: &Market,
    token: &str,
    origin: Origin,
) -> Result<LoggedIn, AccessError> {
    let now = market.now();
    let refresh = market
        .tokens()
        .verify_refresh(token, now)
        .map_err(|_| Refusal::Session(SessionRefusal::Over))?;
    for is_reused in [false, true] {
        let command = RenewSession {
            refresh,
            is_reused,
            origin: origin.clone(),
        };
        if let Renewed::Continued(renewed) = market.execute(command).await? {
            let (user, session) = *renewed;
            return issue_tokens(market, user, session);
        }
    }
    tracing::warn!(session = %refresh.session, "a refresh token was used twice; its session was ended");
    Err(Refusal::Session(SessionRefusal::Over).into())
}
