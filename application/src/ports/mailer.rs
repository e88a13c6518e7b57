//! Mail to people.

use async_trait::async_trait;
use p2p_domain::user::Email;

/// A mail in plain text. It may hold a secret: what it says goes to nobody but its receiver.
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

/// A mail did not get out.
#[derive(Debug, thiserror::Error)]
pub enum MailError {
    /// It may get out later.
    #[error("mail can't be sent now: {0}")]
    Unavailable(String),
    /// It will never get out: the receiver's address, or the mail itself, is refused.
    #[error("the mail was refused: {0}")]
    Refused(String),
}

/// Hands mail to whoever delivers it.
#[async_trait]
pub trait Mailer: Send + Sync {
    /// Answers when somebody else has taken the mail over.
    async fn send(&self, mail: &Mail) -> Result<(), MailError>;
}
