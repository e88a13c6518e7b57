//! A password is changed by a caller who knows the old one, and reset by a link that was mailed to its owner.

use std::time::Duration;

use p2p_domain::audit_log::{AuditAction, AuditNote};
use p2p_domain::refusal::{SessionRefusal, UserRefusal};
use p2p_domain::session::{Origin, SessionEnd};
use p2p_domain::user::{Caller, Email, PasswordHash};
use p2p_domain::{FailedAttempts, Refusal, Session, User};

use crate::Market;
use crate::auth::{
    AccessError, AttemptKey, AuthOutcome, CheckedPassword, deny, end_sessions_except, open_link,
    reset_failures, reset_token,
};
use crate::engine::{Command, ReadSet, UnitOfWork};
use crate::mail::MailTemplate;
use crate::ports::{Link, LinkPurpose};

/// How long a link for a new password is valid.
const RESET_LINK_LIFETIME: Duration = Duration::from_secs(60 * 60);

/// Refuses a new password that is too easily guessed.
pub async fn require_strong_password(
    market: &Market,
    password: &str,
    email: &Email,
    name: &str,
) -> Result<(), AccessError> {
    let known = [email.as_str(), name];
    let weakness = market.passwords().weakness(password, &known).await?;
    weakness.map_or(Ok(()), |reason| {
        Err(Refusal::User(UserRefusal::WeakPassword { reason }).into())
    })
}

/// Sets a new password if the old one matches, and counts a failure otherwise. The caller is logged out everywhere else.
#[derive(Debug, Clone)]
pub struct ChangePassword {
    pub old: CheckedPassword,
    pub new: PasswordHash,
}

impl Command for ChangePassword {
    type Outcome = AuthOutcome<User>;

    fn read_set(&self, reads: &mut ReadSet) {
        self.old.read_set(reads);
        reads.lock_of::<Session>(self.old.caller.user);
    }

    fn is_background(&self) -> bool {
        true
    }

    fn decide(&self, uow: &mut UnitOfWork<'_>) -> Result<AuthOutcome<User>, Refusal> {
        let user = match self.old.admit(uow)? {
            AuthOutcome::Admitted(user) => user.with_password(self.new.clone(), uow.now()),
            AuthOutcome::Denied(denial) => return Ok(denial.into()),
        };
        let caller = self.old.caller;
        end_sessions_except(uow, user.id, caller.session, SessionEnd::PasswordChanged);
        let action = AuditAction::PasswordChanged;
        let note = AuditNote::by(caller, action, user.id.to_string(), "{}".into());
        uow.note(note)?;
        uow.save(user.clone());
        Ok(AuthOutcome::Admitted(user))
    }
}

/// Changes the caller's password.
pub async fn change_password(
    market: &Market,
    caller: Caller,
    current: String,
    new: String,
    origin: Origin,
) -> Result<(), AccessError> {
    // Hashing is expensive, so a locked caller is refused before it.
    CheckedPassword::check_lockout(market, caller).await?;
    // The new password is checked first, so that its refusal and its timing do not reveal whether the old one matches.
    let user = market.queries().find_user(caller.user).await?;
    let user = user.ok_or(Refusal::Session(SessionRefusal::BadCredentials))?;
    require_strong_password(market, &new, &user.email, &user.name).await?;
    let new = market.passwords().hash(new).await?;
    let (user, old) = CheckedPassword::check(market, caller, current, origin).await?;
    match market.execute(ChangePassword { old, new }).await? {
        AuthOutcome::Admitted(user) => {
            market.mail().enqueue(&user, &MailTemplate::PasswordChanged);
            Ok(())
        }
        AuthOutcome::Denied(denial) => Err(deny(market, &user, denial)),
    }
}

/// Sets a new password by a mailed link. The owner is logged out everywhere, and a lockout ends.
#[derive(Debug, Clone)]
pub struct ResetPassword {
    pub link: Link,
    /// The key of log-ins under the owner's address.
    pub key: AttemptKey,
    pub password: PasswordHash,
    pub origin: Origin,
}

impl Command for ResetPassword {
    type Outcome = User;

    fn read_set(&self, reads: &mut ReadSet) {
        reads.lock::<User>(self.link.user);
        reads.lock::<FailedAttempts>(self.key.0);
        reads.lock::<FailedAttempts>(AttemptKey::of_password(self.link.user).0);
        reads.lock_of::<Session>(self.link.user);
        reads.audit_head();
    }

    fn is_background(&self) -> bool {
        true
    }

    fn decide(&self, uow: &mut UnitOfWork<'_>) -> Result<User, Refusal> {
        let user = uow
            .get::<User>(&self.link.user)
            .map_err(|_| Refusal::User(UserRefusal::LinkSpent))?;
        if user.password_changed_at != self.link.password_set_at {
            return Err(Refusal::User(UserRefusal::LinkSpent));
        }
        let now = uow.now();
        let user = user
            .with_password(self.password.clone(), now)
            // The link proves that mail reaches the owner.
            .verified(now);
        end_sessions_except(uow, user.id, None, SessionEnd::PasswordChanged);
        reset_failures(uow, self.key);
        reset_failures(uow, AttemptKey::of_password(user.id));
        uow.note(AuditNote {
            actor: Some(user.id),
            session: None,
            address: self.origin.address,
            action: AuditAction::PasswordReset,
            subject: user.id.to_string(),
            detail: "{}".into(),
        })?;
        uow.save(user.clone());
        Ok(user)
    }
}

/// Mails a link for a new password to the owner of this address. An unknown address is no error, so that the reply does not
/// reveal who has an account.
pub async fn request_reset(market: &Market, email: &Email) -> Result<(), AccessError> {
    if let Some(user) = market.queries().find_user_by_email(email).await? {
        let token = reset_token(market, &user, RESET_LINK_LIFETIME)?;
        market
            .mail()
            .enqueue(&user, &MailTemplate::ResetPassword { token });
    }
    Ok(())
}

/// Sets a new password by a link.
pub async fn reset_password(
    market: &Market,
    token: &str,
    new: String,
    origin: Origin,
) -> Result<(), AccessError> {
    let link = open_link(market, token, LinkPurpose::ResetPassword)?;
    let user = market.queries().find_user(link.user).await?;
    let user = user
        .filter(|user| user.password_changed_at == link.password_set_at)
        .ok_or(Refusal::User(UserRefusal::LinkSpent))?;
    require_strong_password(market, &new, &user.email, &user.name).await?;
    let command = ResetPassword {
        link,
        key: AttemptKey::of_log_in(&user.email),
        password: market.passwords().hash(new).await?,
        origin,
    };
    let user = market.execute(command).await?;
    market.mail().enqueue(&user, &MailTemplate::PasswordChanged);
    Ok(())
}
