//! Settings about mail to people.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result};
use p2p_application::ports::Mailer;
use p2p_mail::{FolderMailer, LogMailer, MessageBuilder, SmtpMailer, SmtpSettings};
use p2p_system::{SystemClock, UuidIds};
use serde::{Deserialize, Serialize};

use super::Config;

#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Mail {
    pub(crate) kind: MailKind,
    pub(crate) from: String,
    pub(crate) links: String,
    pub(crate) folder: String,
    pub(crate) smtp_url: String,
    pub(crate) smtp_user: String,
    pub(crate) smtp_password: String,
    pub(crate) smtp_password_file: String,
    pub(crate) smtp_authority: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum MailKind {
    None,
    Log,
    Folder,
    Smtp,
}

impl MailKind {
    /// Whether mail reaches its recipients.
    pub(super) const fn arrives(self) -> bool {
        match self {
            Self::None | Self::Log => false,
            Self::Folder | Self::Smtp => true,
        }
    }
}

impl Mail {
    pub(super) const DEFAULT_FROM: &'static str = "p2p-market <no-reply@p2p-market.example>";
}

impl Default for Mail {
    fn default() -> Self {
        Self {
            kind: MailKind::Log,
            from: Self::DEFAULT_FROM.to_owned(),
            links: "http://127.0.0.1:3000".to_owned(),
            folder: "data/mail".to_owned(),
            smtp_url: String::new(),
            smtp_user: String::new(),
            smtp_password: String::new(),
            smtp_password_file: String::new(),
            smtp_authority: String::new(),
        }
    }
}

/// Secrets are never printed.
impl std::fmt::Debug for Mail {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Mail")
            .field("kind", &self.kind)
            .finish_non_exhaustive()
    }
}

impl Config {
    /// The mail adapter; `None` sends no mail.
    pub(crate) fn mailer(&self) -> Result<Option<Arc<dyn Mailer>>> {
        let mail = &self.mail;
        Ok(match mail.kind {
            MailKind::None => None,
            MailKind::Log => Some(Arc::new(LogMailer)),
            MailKind::Folder => {
                let mailer = FolderMailer::open(Path::new(&mail.folder), self.message_builder()?);
                let mailer = mailer.with_context(|| format!("mail.folder: {}", mail.folder))?;
                Some(Arc::new(mailer))
            }
            MailKind::Smtp => {
                let mailer = SmtpMailer::new(&self.smtp()?, self.message_builder()?);
                Some(Arc::new(mailer.context(
                    "mail.smtp_url, smtp_user, smtp_password, smtp_authority",
                )?))
            }
        })
    }

    pub(super) fn message_builder(&self) -> Result<MessageBuilder> {
        let message_builder =
            MessageBuilder::new(&self.mail.from, Arc::new(SystemClock), Arc::new(UuidIds));
        message_builder.context("mail.from")
    }

    fn smtp(&self) -> Result<SmtpSettings> {
        let mail = &self.mail;
        let authority = Some(&mail.smtp_authority).filter(|path| !path.is_empty());
        let authority = authority.map(|path| {
            std::fs::read(path)
                .with_context(|| format!("mail.smtp_authority: {path} can't be read"))
        });
        Ok(SmtpSettings {
            url: mail.smtp_url.clone(),
            user: mail.smtp_user.clone(),
            password: mail.smtp_password.clone(),
            authority: authority.transpose()?,
        })
    }
}
