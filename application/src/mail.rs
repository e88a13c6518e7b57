//! Mail to people: what it says, and the desk where it is left. Whoever leaves a mail does not wait until it is sent, and so
//! learns nothing from the clock; a mail that is lost with the process can be asked for again.

use std::sync::Arc;
use std::time::Duration;

use domain::{Language, User};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::ports::{Mail, MailError, Mailer};

/// Mails that may wait.
const ROOM: usize = 1_024;

/// How often a mail is tried, and how long to wait before the second time; twice as long each time after.
const ATTEMPTS: u32 = 6;
const FIRST_PAUSE: Duration = Duration::from_secs(2);

/// Where mail is left. Cheap to clone.
#[derive(Debug, Clone)]
pub struct PostOffice {
    waiting: Option<mpsc::Sender<Mail>>,
    /// What links in mails begin with.
    links: Arc<str>,
}

impl PostOffice {
    /// Sends what is left there, one mail after another. The handle ends when all clones are gone and all mail is sent.
    /// `links`: the web page that links lead to, such as `https://market.example.com`.
    #[must_use]
    pub fn open(mailer: Arc<dyn Mailer>, links: &str) -> (Self, JoinHandle<()>) {
        let (waiting, left) = mpsc::channel(ROOM);
        let office = Self {
            waiting: Some(waiting),
            links: links.trim_end_matches('/').into(),
        };
        (office, tokio::spawn(deliver(mailer, left)))
    }

    /// Nobody gets any mail.
    #[must_use]
    pub fn closed() -> Self {
        Self {
            waiting: None,
            links: "".into(),
        }
    }

    /// Leaves a mail for somebody.
    pub fn leave(&self, user: &User, letter: &Letter) {
        let Some(waiting) = &self.waiting else { return };
        let (subject, text) = letter.words(user, &self.links);
        let mail = Mail {
            to: user.email.clone(),
            subject: subject.to_owned(),
            text,
        };
        if waiting.try_send(mail).is_err() {
            tracing::warn!(user = %user.id, subject, "too much mail is waiting: one was dropped");
        }
    }
}

async fn deliver(mailer: Arc<dyn Mailer>, mut left: mpsc::Receiver<Mail>) {
    while let Some(mail) = left.recv().await {
        let mut pause = FIRST_PAUSE;
        for attempt in 1..=ATTEMPTS {
            match mailer.send(&mail).await {
                Ok(()) => break,
                Err(error @ MailError::Refused(_)) => {
                    tracing::warn!(%error, subject = mail.subject, "a mail was refused");
                    break;
                }
                Err(error) if attempt == ATTEMPTS => {
                    tracing::error!(%error, subject = mail.subject, "a mail was given up");
                }
                Err(error) => {
                    tracing::debug!(%error, attempt, "a mail is tried again later");
                    tokio::time::sleep(pause).await;
                    pause *= 2;
                }
            }
        }
    }
}

/// What a mail is about. Tokens are secrets.
#[derive(Clone, PartialEq, Eq)]
pub enum Letter {
    VerifyEmail {
        token: String,
    },
    ResetPassword {
        token: String,
    },
    PasswordChanged,
    SecondFactorActivated,
    SecondFactorRemoved,
    RecoveryCodeUsed {
        left: usize,
    },
    /// Too many log-ins have failed; the token resets the password.
    Locked {
        token: String,
    },
    CodesLocked,
}

impl std::fmt::Debug for Letter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Letter(…)")
    }
}

impl Letter {
    /// Subject and text.
    fn words(&self, user: &User, links: &str) -> (&'static str, String) {
        let (subject, text) = match user.language {
            Language::English => self.english(links),
            Language::Russian => self.russian(links),
        };
        let greeting = match user.language {
            Language::English => "Hello",
            Language::Russian => "Здравствуйте",
        };
        (subject, format!("{greeting}, {}!\n\n{text}\n", user.name))
    }

    fn english(&self, links: &str) -> (&'static str, String) {
        const NOT_ME: &str = "If this was not you, reset your password at once and tell support.";
        match self {
            Self::VerifyEmail { token } => (
                "Verify your e-mail address",
                format!(
                    "Please confirm that this address is yours:\n\n{links}/verify-email?token={token}\n\n\
                     The link is good for three days. If you have not opened an account, ignore this mail."
                ),
            ),
            Self::ResetPassword { token } => (
                "Reset your password",
                format!(
                    "Somebody, probably you, wants a new password for your account:\n\n\
                     {links}/reset-password?token={token}\n\n\
                     The link is good once, within an hour. If it was not you, ignore this mail: nothing has changed."
                ),
            ),
            Self::PasswordChanged => (
                "Your password was changed",
                format!("Your password was changed, and you were logged out elsewhere. {NOT_ME}"),
            ),
            Self::SecondFactorActivated => (
                "A second factor protects your account",
                format!("From now on a code of your authenticator is asked for. {NOT_ME}"),
            ),
            Self::SecondFactorRemoved => (
                "The second factor of your account was removed",
                format!("No code of an authenticator is asked for any more. {NOT_ME}"),
            ),
            Self::RecoveryCodeUsed { left } => (
                "A recovery code was used",
                format!("Somebody has used one of your recovery codes; {left} are left. {NOT_ME}"),
            ),
            Self::Locked { token } => (
                "Too many log-ins have failed",
                format!(
                    "Somebody has tried many wrong passwords for your account, so nobody is let in for a while. A new \
                     password opens the door at once:\n\n{links}/reset-password?token={token}\n\n\
                     The link is good once, within a day. Where you are logged in, you stay logged in."
                ),
            ),
            Self::CodesLocked => (
                "Too many wrong codes",
                format!(
                    "Somebody has shown many wrong codes for your account, so none is taken for a while. A recovery code is \
                     taken all the same. {NOT_ME}"
                ),
            ),
        }
    }

    fn russian(&self, links: &str) -> (&'static str, String) {
        const NOT_ME: &str =
            "Если это были не вы, немедленно смените пароль и сообщите в поддержку.";
        match self {
            Self::VerifyEmail { token } => (
                "Подтвердите адрес почты",
                format!(
                    "Подтвердите, пожалуйста, что это ваш адрес:\n\n{links}/verify-email?token={token}\n\n\
                     Ссылка действует три дня. Если вы не регистрировались, ничего не делайте."
                ),
            ),
            Self::ResetPassword { token } => (
                "Новый пароль",
                format!(
                    "Кто-то, вероятно вы, хочет сменить пароль вашей учётной записи:\n\n\
                     {links}/reset-password?token={token}\n\n\
                     Ссылка действует один раз в течение часа. Если это были не вы, ничего не делайте: пароль прежний."
                ),
            ),
            Self::PasswordChanged => (
                "Пароль изменён",
                format!("Ваш пароль изменён, все другие сеансы завершены. {NOT_ME}"),
            ),
            Self::SecondFactorActivated => (
                "Включён второй фактор",
                format!("Теперь при входе нужен код из приложения. {NOT_ME}"),
            ),
            Self::SecondFactorRemoved => (
                "Второй фактор отключён",
                format!("Код из приложения больше не нужен. {NOT_ME}"),
            ),
            Self::RecoveryCodeUsed { left } => (
                "Использован резервный код",
                format!(
                    "Кто-то использовал один из ваших резервных кодов; осталось: {left}. {NOT_ME}"
                ),
            ),
            Self::Locked { token } => (
                "Слишком много неудачных входов",
                format!(
                    "Кто-то много раз ввёл неверный пароль вашей учётной записи, поэтому вход на время закрыт. Новый пароль \
                     откроет его сразу:\n\n{links}/reset-password?token={token}\n\n\
                     Ссылка действует один раз в течение суток. Открытые сеансы продолжаются."
                ),
            ),
            Self::CodesLocked => (
                "Слишком много неверных кодов",
                format!(
                    "Кто-то много раз ввёл неверный код вашей учётной записи, поэтому коды на время не принимаются. Резервный код \
                     принимается и сейчас. {NOT_ME}"
                ),
            ),
        }
    }
}
