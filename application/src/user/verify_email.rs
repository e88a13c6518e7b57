//! Somebody proves that mail to their address reaches them.

use std::time::Duration;

use p2p_domain::audit_log::{AuditAction, AuditNote};
use p2p_domain::session::Origin;
use p2p_domain::user::Email;
use p2p_domain::{Refusal, UserId};

use super::password::spend;
use crate::Market;
use crate::engine::{Command, ReadSet, UnitOfWork};
use crate::mail::MailTemplate;
use crate::ports::{Link, LinkPurpose};
use crate::session::AccessError;

/// How long a link is good.
const GOOD_FOR: Duration = Duration::from_secs(3 * 24 * 60 * 60);

/// Notes that mail reaches a user. Twice is once.
#[derive(Debug, Clone)]
pub struct VerifyEmail {
    pub user: UserId,
    /// Who has shown it; `None`: the operator says so.
    pub actor: Option<UserId>,
    pub origin: Origin,
}

impl Command for VerifyEmail {
    type Outcome = ();

    fn read_set(&self, reads: &mut ReadSet) {
        reads.user(self.user);
        reads.trail();
    }

    fn is_background(&self) -> bool {
        true
    }

    fn decide(&self, uow: &mut UnitOfWork<'_>) -> Result<(), Refusal> {
        let user = uow.user(self.user).map_err(|_| Refusal::LinkSpent)?;
        if user.email_verified_at.is_some() {
            return Ok(());
        }
        uow.note(AuditNote {
            actor: self.actor,
            session: None,
            address: self.origin.address,
            action: AuditAction::EmailVerified,
            subject: user.id.to_string(),
            detail: "{}".into(),
        })?;
        uow.save_user(user.verified(uow.now()));
        Ok(())
    }
}

/// Takes a link from a mail.
pub async fn verify_email(market: &Market, token: &str, origin: Origin) -> Result<(), AccessError> {
    let link = spend(market, token, LinkPurpose::VerifyEmail)?;
    let command = VerifyEmail {
        user: link.user,
        actor: Some(link.user),
        origin,
    };
    Ok(market.execute(command).await?)
}

/// Sends the owner of this address a link, if it is still to be verified. Whether there is one is not told.
pub async fn request_verification(market: &Market, email: &Email) -> Result<(), AccessError> {
    let user = market.queries().find_user_by_email(email).await?;
    if let Some(user) = user.filter(|user| user.email_verified_at.is_none()) {
        let link = Link {
            purpose: LinkPurpose::VerifyEmail,
            user: user.id,
            password_of: user.password_changed_at,
        };
        let now = market.now();
        let token = market.tokens().issue_link(link, now, now.after(GOOD_FOR))?;
        market
            .mail()
            .enqueue(&user, &MailTemplate::VerifyEmail { token });
    }
    Ok(())
}
