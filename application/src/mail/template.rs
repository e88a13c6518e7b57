//! Templates of mails.

use p2p_domain::{Language, User};

/// The kinds of mails. Tokens are secrets.
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
    /// Log-ins are locked; the token resets the password.
    Locked {
        token: String,
    },
    CodesLocked,
}

impl std::fmt::Debug for MailTemplate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("MailTemplate(…)")
    }
}

impl MailTemplate {
    /// Whether a stranger who knows only the address can trigger it. With an unverified address that holds for every mail: the
    /// account may belong to a stranger.
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

    /// Subject and text. The name is left out until the address is verified: a stranger may have chosen it to send text of
    /// their own to another person's address.
    pub(super) fn render(&self, user: &User, links: &str) -> (&'static str, String) {
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
        const NOT_ME: &str =
            "If this was not you, reset your password at once and contact support.";
        match self {
            Self::VerifyEmail { token } => (
                "Verify your e-mail address",
                format!(
                    "Please confirm that this address is yours:\n\n{links}/verify-email?token={token}\n\n\
                     The link is valid for three days. If you have not opened an account, please ignore this message."
                ),
            ),
            Self::ResetPassword { token } => (
                "Reset your password",
                format!(
                    "We received a request to reset the password of your account. To choose a new one, open:\n\n\
                     {links}/reset-password?token={token}\n\n\
                     The link works once, within an hour. If this was not you, please ignore this message: your password has not changed."
                ),
            ),
            Self::PasswordChanged => (
                "Your password was changed",
                format!("Your password was changed, and your other sessions were ended. {NOT_ME}"),
            ),
            Self::SecondFactorActivated => (
                "Two-factor authentication is on",
                format!(
                    "From now on you need a code from your authenticator app to log in. {NOT_ME}"
                ),
            ),
            Self::SecondFactorRemoved => (
                "Two-factor authentication is off",
                format!(
                    "You no longer need a code from your authenticator app to log in. {NOT_ME}"
                ),
            ),
            Self::RecoveryCodeUsed { left } => (
                "A recovery code was used",
                format!("One of your recovery codes was used; {left} are left. {NOT_ME}"),
            ),
            Self::RecoveryCodesRenewed => (
                "Your recovery codes were replaced",
                format!(
                    "New recovery codes were created. The earlier ones no longer work. {NOT_ME}"
                ),
            ),
            Self::Locked { token } => (
                "Your account is locked for a while",
                format!(
                    "A wrong password was entered many times, so log-ins to your account are locked for a while. To \
                     unlock it now, choose a new password:\n\n{links}/reset-password?token={token}\n\n\
                     The link works once, within a day. Your open sessions continue."
                ),
            ),
            Self::CodesLocked => (
                "Too many wrong codes",
                format!(
                    "A wrong code was entered many times, so codes are not accepted for a while. Recovery codes still \
                     work. {NOT_ME}"
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
                "Смена пароля",
                format!(
                    "Мы получили запрос на смену пароля вашей учётной записи. Чтобы задать новый пароль, откройте ссылку:\n\n\
                     {links}/reset-password?token={token}\n\n\
                     Ссылка действует один раз в течение часа. Если это были не вы, ничего не делайте: пароль не изменён."
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
                format!("Использован один из ваших резервных кодов; осталось: {left}. {NOT_ME}"),
            ),
            Self::RecoveryCodesRenewed => (
                "Новые резервные коды",
                format!("Созданы новые резервные коды, прежние больше не действуют. {NOT_ME}"),
            ),
            Self::Locked { token } => (
                "Слишком много неудачных входов",
                format!(
                    "Неверный пароль был введён много раз, поэтому вход на время закрыт. Чтобы открыть его сразу, задайте \
                     новый пароль:\n\n{links}/reset-password?token={token}\n\n\
                     Ссылка действует один раз в течение суток. Открытые сеансы продолжаются."
                ),
            ),
            Self::CodesLocked => (
                "Слишком много неверных кодов",
                format!(
                    "Неверный код был введён много раз, поэтому коды на время не принимаются. Резервные коды действуют \
                     по-прежнему. {NOT_ME}"
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
    fn mail_to_an_unverified_address_has_no_name_in_it() {
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
                let text = template.render(&user, "https://market.example").1;
                assert!(!text.contains("evil"), "{text}");
                let text = template.render(&user.verified(now), "").1;
                assert!(text.contains(name), "{text}");
            }
        }
    }
}
