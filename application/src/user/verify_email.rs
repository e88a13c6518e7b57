//! A user proves that mail reaches their address.

use p2p_domain::audit_log::{AuditAction, AuditNote};
use p2p_domain::refusal::UserRefusal;
use p2p_domain::session::Origin;
use p2p_domain::user::Email;
use p2p_domain::{Refusal, User, UserId};

use crate::Market;
use crate::auth::{AccessError, open_link, send_verification_link};
use crate::engine::{Command, ReadSet, UnitOfWork};
use crate::ports::LinkPurpose;

/// Marks a user's e-mail address as verified. A second time changes nothing.
#[derive(Debug, Clone)]
pub struct VerifyEmail {
    pub user: UserId,
    /// The user who opened the link; `None`: the operator vouches for the address.
    pub actor: Option<UserId>,
    pub origin: Origin,
}

impl Command for VerifyEmail {
    type Outcome = ();

    fn read_set(&self, reads: &mut ReadSet) {
        reads.lock::<User>(self.user);
        reads.audit_head();
    }

    fn is_background(&self) -> bool {
        true
    }

    fn decide(&self, uow: &mut UnitOfWork<'_>) -> Result<(), Refusal> {
        let user = uow
            .get::<User>(&self.user)
            .map_err(|_| Refusal::User(UserRefusal::LinkSpent))?;
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
        uow.save(user.verified(uow.now()));
        Ok(())
    }
}

/// Verifies an address by a mailed link.
pub async fn verify_email(market: &Market, token: &str, origin: Origin) -> Result<(), AccessError> {
    let link = open_link(market, token, LinkPurpose::VerifyEmail)?;
    let command = VerifyEmail {
        user: link.user,
        actor: Some(link.user),
        origin,
    };
    Ok(market.execute(command).await?)
}

/// Mails a verification link to the owner of this address, unless it is verified. An unknown address is no error.
pub async fn request_verification(market: &Market, email: &Email) -> Result<(), AccessError> {
    send_verification_link(market, email).await
}
