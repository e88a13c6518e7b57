//! Links in mails: a signed token each, for one purpose and until the password is changed.

use std::time::Duration;

use p2p_domain::refusal::UserRefusal;
use p2p_domain::user::Email;
use p2p_domain::{Refusal, User};

use super::AccessError;
use crate::Market;
use crate::mail::MailTemplate;
use crate::ports::{Link, LinkPurpose};

/// How long a link that verifies an e-mail address is valid.
const VERIFICATION_LINK_LIFETIME: Duration = Duration::from_secs(3 * 24 * 60 * 60);

/// The link that this token stands for, if it is valid for the purpose.
pub(crate) fn open_link(
    market: &Market,
    token: &str,
    purpose: LinkPurpose,
) -> Result<Link, AccessError> {
    let link = market.tokens().verify_link(token, market.now());
    let link = link.ok().filter(|link| link.purpose == purpose);
    Ok(link.ok_or(Refusal::User(UserRefusal::LinkSpent))?)
}

/// The token of a link for a new password, valid until the password is changed and no longer than `lifetime`.
pub(crate) fn reset_token(
    market: &Market,
    user: &User,
    lifetime: Duration,
) -> Result<String, AccessError> {
    issue(market, user, LinkPurpose::ResetPassword, lifetime)
}

/// Mails a verification link to the owner of this address, unless it is verified. An unknown address is no error, so that the
/// reply does not reveal who has an account.
pub(crate) async fn send_verification_link(
    market: &Market,
    email: &Email,
) -> Result<(), AccessError> {
    let user = market.queries().find_user_by_email(email).await?;
    if let Some(user) = user.filter(|user| user.email_verified_at.is_none()) {
        let purpose = LinkPurpose::VerifyEmail;
        let token = issue(market, &user, purpose, VERIFICATION_LINK_LIFETIME)?;
        let template = MailTemplate::VerifyEmail { token };
        market.mail().enqueue(&user, &template);
    }
    Ok(())
}

fn issue(
    market: &Market,
    user: &User,
    purpose: LinkPurpose,
    lifetime: Duration,
) -> Result<String, AccessError> {
    let link = Link {
        purpose,
        user: user.id,
        password_set_at: user.password_changed_at,
    };
    let now = market.now();
    Ok(market.tokens().issue_link(link, now, now.after(lifetime))?)
}
