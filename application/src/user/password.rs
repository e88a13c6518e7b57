//! Passwords are changed by who knows the old one, and reset by who gets the owner's mail.

use std::time::Duration;

use domain::audit::{AuditAction, AuditNote};
use domain::session::{Origin, SessionEnd};
use domain::user::{Caller, Email, PasswordHash};
use domain::{Refusal, Timestamp, User};

use crate::Market;
use crate::mail::Letter;
use crate::pipeline::{Command, Desk, Needs};
use crate::ports::{Link, LinkPurpose};
use crate::session::{AccessError, AttemptKey, Fate, end_all, fail, look_at, turn_away};

/// How long a link for a new password is good.
const RESET_GOOD_FOR: Duration = Duration::from_secs(60 * 60);

/// Refused where a new password is too easily guessed.
pub async fn must_be_strong(
    market: &Market,
    password: &str,
    email: &Email,
    name: &str,
) -> Result<(), AccessError> {
    let known = [email.as_str(), name];
    let weakness = market.passwords().weakness(password, &known).await?;
    weakness.map_or(
        Ok(()),
        |reason| Err(Refusal::WeakPassword { reason }.into()),
    )
}

/// Sets a new password for somebody who has proved to know the old one, or remembers that they did not. Everywhere else they
/// are logged out.
#[derive(Debug, Clone)]
pub struct ChangePassword {
    pub caller: Caller,
    pub key: AttemptKey,
    /// When the old one was set, if it was found to be right.
    pub password_of: Option<Timestamp>,
    /// `None`: the old one was wrong.
    pub password: Option<PasswordHash>,
    pub origin: Origin,
}

impl Command for ChangePassword {
    type Outcome = Fate<User>;

    fn needs(&self, needs: &mut Needs) {
        needs.user(self.caller.user);
        needs.attempts(self.key.0);
        needs.sessions_of(self.caller.user);
        needs.trail();
    }

    fn is_background(&self) -> bool {
        true
    }

    fn decide(&self, desk: &mut Desk<'_>) -> Result<Fate<User>, Refusal> {
        if let Some(denied) = look_at(desk, self.key) {
            return Ok(denied);
        }
        let user = desk.user(self.caller.user)?;
        let genuine = self.password_of == Some(user.password_changed_at);
        let Some(password) = self.password.clone().filter(|_| genuine) else {
            let (action, refusal) = (AuditAction::LogInFailed, Refusal::BadCredentials);
            return fail(desk, self.key, Some(user.id), &self.origin, action, refusal);
        };
        let attempts = desk.attempts(self.key.0);
        if attempts.failed > 0 {
            desk.save_attempts(attempts.forgiven());
        }
        let user = user.with_password(password, desk.now());
        let why = SessionEnd::PasswordChanged;
        end_all(desk, user.id, self.caller.session, why);
        let action = AuditAction::PasswordChanged;
        let note = AuditNote::by(self.caller, action, user.id.to_string(), "{}".into());
        desk.note(note)?;
        desk.save_user(user.clone());
        Ok(Fate::Admitted(user))
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
    let user = prove_password(market, caller, current, &origin).await?;
    must_be_strong(market, &new, &user.email, &user.name).await?;
    let command = ChangePassword {
        caller,
        key: AttemptKey::from(&user.email),
        password_of: Some(user.password_changed_at),
        password: Some(market.passwords().hash(new).await?),
        origin,
    };
    match market.execute(command).await? {
        Fate::Admitted(user) => {
            market.mail().leave(&user, &Letter::PasswordChanged);
            Ok(())
        }
        Fate::Denied { refusal, locks } => Err(turn_away(market, &user, refusal, locks)),
    }
}

/// The caller, if this is their password. A wrong one counts like a failed log-in.
pub(crate) async fn prove_password(
    market: &Market,
    caller: Caller,
    password: String,
    origin: &Origin,
) -> Result<User, AccessError> {
    let user = market.queries().find_user(caller.user).await?;
    let user = user.ok_or(Refusal::BadCredentials)?;
    let key = AttemptKey::from(&user.email);
    let attempts = market.queries().find_attempts(key.0).await?;
    let rules = market.policy().access;
    if let Some(wait) = attempts.and_then(|attempts| attempts.wait(&rules, market.now())) {
        return Err(Refusal::TooManyAttempts { wait }.into());
    }
    let hash = user.password.clone();
    if market.passwords().verify(password, hash).await? {
        return Ok(user);
    }
    let wrong = ChangePassword {
        caller,
        key,
        password_of: None,
        password: None,
        origin: origin.clone(),
    };
    match market.execute(wrong).await? {
        Fate::Denied { refusal, locks } => Err(turn_away(market, &user, refusal, locks)),
        // Without a new password nothing can have been changed.
        Fate::Admitted(_) => Err(Refusal::BadCredentials.into()),
    }
}

/// Sets a new password for somebody who got the owner's mail: they are logged out everywhere, and a lock is opened.
#[derive(Debug, Clone)]
pub struct ResetPassword {
    pub link: Link,
    pub key: AttemptKey,
    pub password: PasswordHash,
    pub origin: Origin,
}

impl Command for ResetPassword {
    type Outcome = User;

    fn needs(&self, needs: &mut Needs) {
        needs.user(self.link.user);
        needs.attempts(self.key.0);
        needs.sessions_of(self.link.user);
        needs.trail();
    }

    fn is_background(&self) -> bool {
        true
    }

    fn decide(&self, desk: &mut Desk<'_>) -> Result<User, Refusal> {
        let user = desk.user(self.link.user).map_err(|_| Refusal::LinkSpent)?;
        if user.password_changed_at != self.link.password_of {
            return Err(Refusal::LinkSpent);
        }
        let now = desk.now();
        let user = user
            .with_password(self.password.clone(), now)
            // The mail has reached them.
            .verified(now);
        end_all(desk, user.id, None, SessionEnd::PasswordChanged);
        let attempts = desk.attempts(self.key.0);
        if attempts.failed > 0 {
            desk.save_attempts(attempts.forgiven());
        }
        desk.note(AuditNote {
            actor: Some(user.id),
            session: None,
            address: self.origin.address,
            action: AuditAction::PasswordReset,
            subject: user.id.to_string(),
            detail: "{}".into(),
        })?;
        desk.save_user(user.clone());
        Ok(user)
    }
}

/// Sends the owner of this address a link for a new password. Whether there is one is not told.
pub async fn request_reset(market: &Market, email: &Email) -> Result<(), AccessError> {
    if let Some(user) = market.queries().find_user_by_email(email).await? {
        let token = reset_token(market, &user, RESET_GOOD_FOR)?;
        market.mail().leave(&user, &Letter::ResetPassword { token });
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
    let link = spend(market, token, LinkPurpose::ResetPassword)?;
    let user = market.queries().find_user(link.user).await?;
    let user = user
        .filter(|user| user.password_changed_at == link.password_of)
        .ok_or(Refusal::LinkSpent)?;
    must_be_strong(market, &new, &user.email, &user.name).await?;
    let command = ResetPassword {
        link,
        key: AttemptKey::from(&user.email),
        password: market.passwords().hash(new).await?,
        origin,
    };
    let user = market.execute(command).await?;
    market.mail().leave(&user, &Letter::PasswordChanged);
    Ok(())
}

/// What a link says, if it is good for this.
pub(crate) fn spend(
    market: &Market,
    token: &str,
    purpose: LinkPurpose,
) -> Result<Link, AccessError> {
    let link = market.tokens().verify_link(token, market.now());
    let link = link.ok().filter(|link| link.purpose == purpose);
    Ok(link.ok_or(Refusal::LinkSpent)?)
}

/// The secret part of a link for a new password: good until the password is changed, and not for longer than this.
pub(crate) fn reset_token(
    market: &Market,
    user: &User,
    good_for: Duration,
) -> Result<String, AccessError> {
    let link = Link {
        purpose: LinkPurpose::ResetPassword,
        user: user.id,
        password_of: user.password_changed_at,
    };
    let now = market.now();
    Ok(market.tokens().issue_link(link, now, now.after(good_for))?)
}
