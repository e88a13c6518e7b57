//! A second factor is removed, or its recovery codes are replaced: by an owner who has just verified it, or, after a loss, by an
//! administrator.

use p2p_domain::audit_log::{AuditAction, AuditNote};
use p2p_domain::refusal::SecondFactorRefusal;
use p2p_domain::second_factor::RecoveryCodes;
use p2p_domain::session::SessionEnd;
use p2p_domain::user::Caller;
use p2p_domain::{Refusal, Role, SecondFactor, Session, User, UserId};

use super::{NewRecoveryCodes, new_recovery_codes, open_session};
use crate::Market;
use crate::auth::{AccessError, end_sessions_except};
use crate::engine::{Command, ReadSet, UnitOfWork};
use crate::mail::MailTemplate;

/// Removes a second factor. The owner must have verified it just before. An administrator may remove it for another user, who is
/// then logged out everywhere.
#[derive(Debug, Clone, Copy)]
pub struct RemoveSecondFactor {
    pub caller: Caller,
    pub user: UserId,
}

impl Command for RemoveSecondFactor {
    type Outcome = User;

    fn read_set(&self, reads: &mut ReadSet) {
        reads.caller(self.caller);
        reads.lock::<User>(self.user);
        reads.lock::<SecondFactor>(self.user);
        reads.lock_of::<Session>(self.user);
        reads.audit_head();
    }

    fn is_background(&self) -> bool {
        true
    }

    fn decide(&self, uow: &mut UnitOfWork<'_>) -> Result<User, Refusal> {
        let own = self.caller.user == self.user;
        if !own {
            uow.require_staff(self.caller, Role::Admin)?;
        }
        let user = uow.get::<User>(&self.user)?;
        let factor = uow.find::<SecondFactor>(&self.user);
        let factor = factor.filter(|factor| factor.is_active());
        let factor = factor.ok_or(Refusal::SecondFactor(SecondFactorRefusal::NotEnrolled))?;
        if own {
            self.caller.require_proof(&uow.policy().access, uow.now())?;
        } else {
            end_sessions_except(uow, self.user, None, SessionEnd::ByStaff);
        }
        uow.save(factor.given_up());
        let action = AuditAction::SecondFactorRemoved;
        let note = AuditNote::by(self.caller, action, self.user.to_string(), "{}".into());
        uow.note(note)?;
        Ok(user)
    }
}

/// Removes a second factor and mails its owner.
pub async fn remove(market: &Market, caller: Caller, user: UserId) -> Result<(), AccessError> {
    let user = market.execute(RemoveSecondFactor { caller, user }).await?;
    market
        .mail()
        .enqueue(&user, &MailTemplate::SecondFactorRemoved);
    Ok(())
}

/// Replaces all recovery codes. The owner must have verified the second factor just before.
#[derive(Debug, Clone)]
pub struct RenewRecoveryCodes {
    pub caller: Caller,
    pub recovery: RecoveryCodes,
}

impl Command for RenewRecoveryCodes {
    type Outcome = User;

    fn read_set(&self, reads: &mut ReadSet) {
        reads.lock::<User>(self.caller.user);
        reads.lock::<SecondFactor>(self.caller.user);
        if let Some(session) = self.caller.session {
            reads.lock::<Session>(session);
        }
        reads.audit_head();
    }

    fn is_background(&self) -> bool {
        true
    }

    fn decide(&self, uow: &mut UnitOfWork<'_>) -> Result<User, Refusal> {
        let user = uow.get::<User>(&self.caller.user)?;
        let factor = uow.find::<SecondFactor>(&self.caller.user);
        let factor = factor.filter(|factor| factor.is_active());
        let factor = factor.ok_or(Refusal::SecondFactor(SecondFactorRefusal::NotEnrolled))?;
        self.caller.require_proof(&uow.policy().access, uow.now())?;
        open_session(uow, self.caller)?;
        uow.save(factor.with_recovery(self.recovery.clone()));
        let action = AuditAction::RecoveryCodesRenewed;
        let note = AuditNote::by(self.caller, action, user.id.to_string(), "{}".into());
        uow.note(note)?;
        Ok(user)
    }
}

/// Gives the caller new recovery codes and a mail about it. The earlier codes become invalid.
pub async fn renew_recovery_codes(
    market: &Market,
    caller: Caller,
) -> Result<NewRecoveryCodes, AccessError> {
    let (codes, recovery) = new_recovery_codes(market)?;
    let user = market
        .execute(RenewRecoveryCodes { caller, recovery })
        .await?;
    market
        .mail()
        .enqueue(&user, &MailTemplate::RecoveryCodesRenewed);
    Ok(codes)
}
