//! Passwords are changed by who knows the old one, and reset by who gets the owner's mail.

use std::time::Duration;

use p2p_domain::audit_log::{AuditAction, AuditNote};
use p2p_domain::session::{Origin, SessionEnd};
use p2p_domain::user::{Caller, Email, PasswordHash};
use p2p_domain::{Refusal, Timestamp, User};

use crate::Market;
use crate::engine::{Command, ReadSet, UnitOfWork};
use crate::mail::MailTemplate;
use crate::ports::{Link, LinkPurpose};
use crate::session::{
    AccessError, AttemptKey, AuthOutcome, deny, end_all, fail, look_at, reset_failures,
};

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

/// What somebody offers in a session as the password of their account: looked at, but not counted yet.
#[derive(Debug, Clone)]
pub struct OfferedPassword {
    pub caller: Caller,
    /// When the password was set that it was found to be; `None`: it is wrong.
    pub password_of: Option<Timestamp>,
    pub origin: Origin,
}

impl OfferedPassword {
    /// Refused while too many wrong ones have come of late.
    pub(crate) async fn may_be_looked_at(
        market: &Market,
        caller: Caller,
    ) -> Result<(), AccessError> {
        let key = AttemptKey::of_password(caller.user);
        let attempts = market.queries().find_attempts(key.0).await?;
        let rules = market.policy().access;
        match attempts.and_then(|attempts| attempts.wait(&rules, market.now())) {
            Some(wait) => Err(Refusal::TooManyAttempts { wait }.into()),
            None => Ok(()),
        }
    }

    /// Looks at a password. Whether it was right is for the commit to say: many guesses at once are counted one by one.
    pub(crate) async fn look_at(
        market: &Market,
        caller: Caller,
        password: String,
        origin: Origin,
    ) -> Result<(User, Self), AccessError> {
        let user = market.queries().find_user(caller.user).await?;
        let user = user.ok_or(Refusal::BadCredentials)?;
        Self::may_be_looked_at(market, caller).await?;
        let hash = user.password.clone();
        let verdict = market.passwords().verify(password, hash).await?;
        let offered = Self {
            caller,
            password_of: verdict.is_right().then_some(user.password_changed_at),
            origin,
        };
        Ok((user, offered))
    }

    pub(crate) fn read_set(&self, reads: &mut ReadSet) {
        reads.user(self.caller.user);
        reads.attempts(AttemptKey::of_password(self.caller.user).0);
        reads.trail();
    }

    /// The account, if the password is its own; else what becomes of who offered it. A wrong one counts.
    pub(crate) fn take<T>(
        &self,
        uow: &mut UnitOfWork<'_>,
    ) -> Result<Result<User, AuthOutcome<T>>, Refusal> {
        let key = AttemptKey::of_password(self.caller.user);
        if let Some(denied) = look_at(uow, key) {
            return Ok(Err(denied));
        }
        let user = uow.user(self.caller.user)?;
        if self.password_of == Some(user.password_changed_at) {
            reset_failures(uow, key);
            return Ok(Ok(user));
        }
        let (action, refusal) = (AuditAction::LogInFailed, Refusal::BadCredentials);
        fail(uow, key, Some(user.id), &self.origin, action, refusal).map(Err)
    }
}

/// Sets a new password for somebody who knows the old one, or remembers that they did not. Everywhere else they are logged out.
#[derive(Debug, Clone)]
pub struct ChangePassword {
    pub old: OfferedPassword,
    pub new: PasswordHash,
}

impl Command for ChangePassword {
    type Outcome = AuthOutcome<User>;

    fn read_set(&self, reads: &mut ReadSet) {
        self.old.read_set(reads);
        reads.sessions_of(self.old.caller.user);
    }

    fn is_background(&self) -> bool {
        true
    }

    fn decide(&self, uow: &mut UnitOfWork<'_>) -> Result<AuthOutcome<User>, Refusal> {
        let user = match self.old.take(uow)? {
            Ok(user) => user.with_password(self.new.clone(), uow.now()),
            Err(denied) => return Ok(denied),
        };
        let caller = self.old.caller;
        end_all(uow, user.id, caller.session, SessionEnd::PasswordChanged);
        let action = AuditAction::PasswordChanged;
        let note = AuditNote::by(caller, action, user.id.to_string(), "{}".into());
        uow.note(note)?;
        uow.save_user(user.clone());
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
    // Hashing is dear: nobody has it done who is not looked at anyhow.
    OfferedPassword::may_be_looked_at(market, caller).await?;
    // The new one comes first: what is answered about it, and when, must not tell whether the old one is right.
    let user = market.queries().find_user(caller.user).await?;
    let user = user.ok_or(Refusal::BadCredentials)?;
    must_be_strong(market, &new, &user.email, &user.name).await?;
    let new = market.passwords().hash(new).await?;
    let (user, old) = OfferedPassword::look_at(market, caller, current, origin).await?;
    match market.execute(ChangePassword { old, new }).await? {
        AuthOutcome::Admitted(user) => {
            market.mail().enqueue(&user, &MailTemplate::PasswordChanged);
            Ok(())
        }
        AuthOutcome::Denied { refusal, locks } => Err(deny(market, &user, refusal, locks)),
    }
}

/// Sets a new password for somebody who got the owner's mail: they are logged out everywhere, and a lock is opened.
#[derive(Debug, Clone)]
pub struct ResetPassword {
    pub link: Link,
    /// Of the owner's address.
    pub key: AttemptKey,
    pub password: PasswordHash,
    pub origin: Origin,
}

impl Command for ResetPassword {
    type Outcome = User;

    fn read_set(&self, reads: &mut ReadSet) {
        reads.user(self.link.user);
        reads.attempts(self.key.0);
        reads.attempts(AttemptKey::of_password(self.link.user).0);
        reads.sessions_of(self.link.user);
        reads.trail();
    }

    fn is_background(&self) -> bool {
        true
    }

    fn decide(&self, uow: &mut UnitOfWork<'_>) -> Result<User, Refusal> {
        let user = uow.user(self.link.user).map_err(|_| Refusal::LinkSpent)?;
        if user.password_changed_at != self.link.password_of {
            return Err(Refusal::LinkSpent);
        }
        let now = uow.now();
        let user = user
            .with_password(self.password.clone(), now)
            // The mail has reached them.
            .verified(now);
        end_all(uow, user.id, None, SessionEnd::PasswordChanged);
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
        uow.save_user(user.clone());
        Ok(user)
    }
}

/// Sends the owner of this address a link for a new password. Whether there is one is not told.
pub async fn request_reset(market: &Market, email: &Email) -> Result<(), AccessError> {
    if let Some(user) = market.queries().find_user_by_email(email).await? {
        let token = reset_token(market, &user, RESET_GOOD_FOR)?;
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
    let link = spend(market, token, LinkPurpose::ResetPassword)?;
    let user = market.queries().find_user(link.user).await?;
    let user = user
        .filter(|user| user.password_changed_at == link.password_of)
        .ok_or(Refusal::LinkSpent)?;
    must_be_strong(market, &new, &user.email, &user.name).await?;
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
