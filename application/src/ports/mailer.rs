//! The transport of mail.

use async_trait::async_trait;
use p2p_domain::user::Email;

/// A mail in plain text. It may contain a secret, so only its recipient may see the text.
#[derive(Clone, PartialEq, Eq)]
pub struct Mail {
    pub to: Email,
    pub subject: String,
    pub text: String,
}

impl std::fmt::Debug for Mail {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Mail")
            .field("subject", &self.subject)
            .finish_non_exhaustive()
    }
}

/// A mail was not sent.
#[derive(Debug, thiserror::Error)]
pub enum MailError {
    /// Another attempt may succeed.
    #[error("mail can't be sent now: {0}")]
    Unavailable(String),
    /// No attempt will succeed: the recipient's address or the mail itself is refused.
    #[error("the mail was refused: {0}")]
    Refused(String),
}

/// Sends mail.
#[async_trait]
pub trait Mailer: Send + Sync {
    /// Returns once the next hop has accepted the mail.
    async fn send(&self, mail: &Mail) -> Result<(), MailError>;
}
