//! A user ends their sessions.

use p2p_domain::audit_log::{AuditAction, AuditNote};
use p2p_domain::refusal::Resource;
use p2p_domain::session::SessionEnd;
use p2p_domain::user::Caller;
use p2p_domain::{Refusal, Session, SessionId};

use crate::auth::end_sessions_except;
use crate::engine::{Command, ReadSet, UnitOfWork};

/// Ends one of the caller's sessions, the present one or another. Ending it again changes nothing.
#[derive(Debug, Clone, Copy)]
pub struct EndSession {
    pub caller: Caller,
    pub session: SessionId,
}

impl Command for EndSession {
    type Outcome = ();

    fn read_set(&self, reads: &mut ReadSet) {
        reads.lock::<Session>(self.session);
        reads.audit_head();
    }

    fn is_background(&self) -> bool {
        true
    }

    fn decide(&self, uow: &mut UnitOfWork<'_>) -> Result<(), Refusal> {
        let session = uow.get::<Session>(&self.session)?;
        if session.user != self.caller.user {
            return Err(Refusal::NotFound(Resource::Session));
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
        uow.save(session.end(why, uow.now()));
        let subject = self.session.to_string();
        uow.note(AuditNote::by(self.caller, action, subject, "{}".into()))
    }
}

/// Ends all of the caller's sessions except the present one; returns how many.
#[derive(Debug, Clone, Copy)]
pub struct EndOtherSessions {
    pub caller: Caller,
}

impl Command for EndOtherSessions {
    type Outcome = usize;

    fn read_set(&self, reads: &mut ReadSet) {
        reads.lock_of::<Session>(self.caller.user);
        reads.audit_head();
    }

    fn is_background(&self) -> bool {
        true
    }

    fn decide(&self, uow: &mut UnitOfWork<'_>) -> Result<usize, Refusal> {
        let (user, now) = (self.caller.user, uow.now());
        let rules = uow.policy().access;
        let others = uow
            .find_all::<Session>(|session| session.user == user && session.ended.is_none())
            .into_iter();
        let others = others.filter(|session| self.caller.session != Some(session.id));
        let ended = others
            .filter(|session| session.is_open(&rules, now))
            .count();
        end_sessions_except(uow, user, self.caller.session, SessionEnd::Revoked);
        if ended > 0 {
            let (action, subject) = (AuditAction::SessionRevoked, user.to_string());
            let detail = serde_json::json!({ "sessions": ended }).to_string();
            uow.note(AuditNote::by(self.caller, action, subject, detail))?;
        }
        Ok(ended)
    }
}
