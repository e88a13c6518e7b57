//! Sessions are ended by their owner.

use domain::audit::{AuditAction, AuditNote};
use domain::refusal::Noun;
use domain::session::SessionEnd;
use domain::user::Caller;
use domain::{Refusal, SessionId};

use crate::pipeline::{Command, Desk, Needs};

/// Ends one of the caller's sessions: the one in which they ask, or another. Twice is once.
#[derive(Debug, Clone, Copy)]
pub struct EndSession {
    pub caller: Caller,
    pub session: SessionId,
}

impl Command for EndSession {
    type Outcome = ();

    fn needs(&self, needs: &mut Needs) {
        needs.session(self.session);
        needs.trail();
    }

    fn is_background(&self) -> bool {
        true
    }

    fn decide(&self, desk: &mut Desk<'_>) -> Result<(), Refusal> {
        let session = desk.session(self.session)?;
        if session.user != self.caller.user {
            return Err(Refusal::NotFound(Noun::Session));
        }
        if session.ended.is_some() {
            return Ok(());
        }
        let own = self.caller.session == Some(self.session);
        let (why, action) = if own {
            (SessionEnd::LoggedOut, AuditAction::LoggedOut)
        } else {
            (SessionEnd::Revoked, AuditAction::SessionRevoked)
        };
        desk.save_session(session.end(why, desk.now()));
        let subject = self.session.to_string();
        desk.note(AuditNote::by(self.caller, action, subject, "{}".into()))
    }
}

/// Ends all of the caller's sessions but the one in which they ask; answers how many.
#[derive(Debug, Clone, Copy)]
pub struct EndOtherSessions {
    pub caller: Caller,
}

impl Command for EndOtherSessions {
    type Outcome = usize;

    fn needs(&self, needs: &mut Needs) {
        needs.sessions_of(self.caller.user);
        needs.trail();
    }

    fn is_background(&self) -> bool {
        true
    }

    fn decide(&self, desk: &mut Desk<'_>) -> Result<usize, Refusal> {
        let (user, now) = (self.caller.user, desk.now());
        let rules = desk.policy().access;
        let others = desk.sessions_of(user).into_iter();
        let others = others.filter(|session| self.caller.session != Some(session.id));
        let ended = others
            .filter(|session| session.is_open(&rules, now))
            .count();
        end_all(desk, user, self.caller.session, SessionEnd::Revoked);
        if ended > 0 {
            let (action, subject) = (AuditAction::SessionRevoked, user.to_string());
            let detail = serde_json::json!({ "sessions": ended }).to_string();
            desk.note(AuditNote::by(self.caller, action, subject, detail))?;
        }
        Ok(ended)
    }
}

/// Ends all sessions of a user but this one.
pub(crate) fn end_all(
    desk: &mut Desk<'_>,
    user: domain::UserId,
    but: Option<SessionId>,
    why: SessionEnd,
) {
    for session in desk.sessions_of(user) {
        if Some(session.id) != but {
            desk.save_session(session.end(why, desk.now()));
        }
    }
}
