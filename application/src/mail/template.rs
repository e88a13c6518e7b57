//! What mails say.

use p2p_domain::{Language, User};

/// What a mail is about. Tokens are secrets.
#[derive(Clone, PartialEq, Eq)]
pub enum MailTemplate {
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
    RecoveryCodesRenewed,
    /// Too many log-ins have failed; the token resets the password.
    Locked {
        token: String,
    },
    CodesLocked,
}

impl std::fmt::Debug for MailTemplate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Letter(…)")
    }
}

impl MailTemplate {
    /// Whether anybody can have it sent to this user who knows their address and nothing more. Whoever has opened an account
    /// under an address that is not theirs can have all of them sent.
    pub(super) const fn is_unsolicited(&self, to: &User) -> bool {
        if to.email_verified_at.is_none() {
            return true;
        }
        match self {
            Self::VerifyEmail { .. } | Self::ResetPassword { .. } | Self::Locked { .. } => true,
            Self::PasswordChanged
            | Self::SecondFactorActivated
            | Self::SecondFactorRemoved
            | Self::RecoveryCodeUsed { .. }
            | Self::RecoveryCodesRenewed
            | Self::CodesLocked => false,
        }
    }

    /// Subject and text. Whoever opens an account chooses its name, and may give somebody else's address: only who has shown
    /// that mail reaches them is called by it.
    pub(super) fn words(&self, user: &User, links: &str) -> (&'static str, String) {
        let (subject, text) = match user.language {
            Language::English => self.english(links),
            Language::Russian => self.russian(links),
        };
        let greeting = match user.language {
            Language::English => "Hello",
            Language::Russian => "Здравствуйте",
        };
        let name = match user.email_verified_at {
            Some(_) => format!(", {}", user.name),
            None => String::new(),
        };
        (subject, format!("{greeting}{name}!\n\n{text}\n"))
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
            Self::RecoveryCodesRenewed => (
                "Your recovery codes were made anew",
                format!(
                    "New recovery codes were made, and those before are not taken any more. {NOT_ME}"
                ),
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
                    "Somebody has shown many wrong codes for your account, so none is taken for a while. A recovery code, \
                     if you have any, is taken all the same. {NOT_ME}"
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
            Self::RecoveryCodesRenewed => (
                "Новые резервные коды",
                format!("Созданы новые резервные коды, прежние больше не действуют. {NOT_ME}"),
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
                    "Кто-то много раз ввёл неверный код вашей учётной записи, поэтому коды на время не принимаются. Резервный код, \
                     если он есть, принимается и сейчас. {NOT_ME}"
                ),
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use p2p_domain::user::Email;
    use p2p_domain::{Roles, Timestamp, TypedId, UserId};

    use super::*;

    #[test]
    fn nobody_puts_words_into_mail_to_an_address_that_may_be_somebody_elses() {
        let now = Timestamp::from_micros(0);
        let name = "You won.\n\nhttps://evil.example";
        let (id, email) = (UserId::from_u128(1), Email::new("victim@example.org"));
        let user = User::register(id, email, name.to_owned(), Roles::default(), None, now);
        let token = || "good".to_owned();
        for language in [Language::English, Language::Russian] {
            for template in [
                MailTemplate::VerifyEmail { token: token() },
                MailTemplate::ResetPassword { token: token() },
                MailTemplate::Locked { token: token() },
                MailTemplate::PasswordChanged,
            ] {
                let user = user.clone().speaking(language);
                let text = template.words(&user, "https://market.example").1;
                assert!(!text.contains("evil"), "{text}");
                let text = template.words(&user.verified(now), "").1;
                assert!(text.contains(name), "{text}");
            }
        }
    }
}
