//! Stand-ins for password hashing, tokens, second factors and mail: quick, readable, and no protection at all.

use std::str::FromStr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use p2p_application::ports::{
    AccessToken, Bearer, Enrolment, Link, LinkPurpose, Mail, MailError, Mailer, PasswordError,
    Passwords, Refresh, SecondFactorError, SecondFactors, TokenError, Tokens, Verdict,
};
use p2p_domain::second_factor::{PresentedCode, SealedSecret};
use p2p_domain::user::{Caller, Email, PasswordHash};
use p2p_domain::{Roles, SecondFactor, Timestamp, UserId};

/// The one password that [`InsecurePasswords`] finds too weak.
pub const WEAK_PASSWORD: &str = "password password";

/// "Hashes" a password by keeping it. Counts verifications, so that a test can see that an unknown user costs one too.
#[derive(Debug, Clone, Default)]
pub struct InsecurePasswords {
    verified: Arc<AtomicUsize>,
}

impl InsecurePasswords {
    /// A hash of another time, when less was paid.
    #[must_use]
    pub fn outdated(password: &str) -> PasswordHash {
        PasswordHash::new(format!("more insecure still:{password}"))
    }

    /// How many passwords were verified so far.
    #[must_use]
    pub fn verified(&self) -> usize {
        self.verified.load(Ordering::SeqCst)
    }
}

#[async_trait]
impl Passwords for InsecurePasswords {
    async fn hash(&self, password: String) -> Result<PasswordHash, PasswordError> {
        Ok(PasswordHash::new(format!("insecure:{password}")))
    }

    async fn verify(
        &self,
        password: String,
        hash: Option<PasswordHash>,
    ) -> Result<Verdict, PasswordError> {
        self.verified.fetch_add(1, Ordering::SeqCst);
        let Some(hash) = hash else {
            return Ok(Verdict::Wrong);
        };
        let today = self.hash(password.clone()).await?;
        Ok(if hash == today {
            Verdict::Right
        } else if hash == Self::outdated(&password) {
            Verdict::Outdated(today)
        } else {
            Verdict::Wrong
        })
    }

    /// Only this one is too easily guessed.
    async fn weakness(
        &self,
        password: &str,
        _: &[&str],
    ) -> Result<Option<&'static str>, PasswordError> {
        Ok((password == WEAK_PASSWORD).then_some("is known to everybody"))
    }
}

/// Tokens that say in plain text who the bearer is, signed by nobody.
#[derive(Debug, Clone, Copy)]
pub struct InsecureTokens {
    lifetime: Duration,
}

impl InsecureTokens {
    /// Tokens that are good for this long.
    #[must_use]
    pub const fn lasting(lifetime: Duration) -> Self {
        Self { lifetime }
    }
}

impl Default for InsecureTokens {
    fn default() -> Self {
        Self::lasting(Duration::from_secs(60 * 60))
    }
}

impl Tokens for InsecureTokens {
    fn issue(&self, caller: Caller, now: Timestamp) -> Result<AccessToken, TokenError> {
        let expires_at = now.after(self.lifetime);
        let (user, roles) = (caller.user, caller.roles.bits());
        let (until, since) = (expires_at.as_micros(), now.as_micros());
        let session = caller.session.map(|id| id.to_string()).unwrap_or_default();
        let proved = caller.proved_at.map(|at| at.as_micros().to_string());
        let proved = proved.unwrap_or_default();
        Ok(AccessToken {
            token: format!("{user}.{roles}.{until}.{since}.{session}.{proved}"),
            expires_at,
        })
    }

    fn verify(&self, token: &str, now: Timestamp) -> Result<Bearer, TokenError> {
        let [user, roles, until, since, session, proved] = parts(token)?;
        let roles = Roles::from_bits(part(roles)?).ok_or(TokenError::Invalid)?;
        let expires_at = time(until)?;
        if expires_at <= now {
            return Err(TokenError::Expired);
        }
        let caller = Caller {
            session: optional(session)?,
            proved_at: optional(proved)?.map(Timestamp::from_micros),
            ..Caller::new(part(user)?, roles)
        };
        Ok(Bearer {
            caller,
            issued_at: time(since)?,
            expires_at,
        })
    }

    fn lifetime(&self) -> Duration {
        self.lifetime
    }

    fn issue_refresh(
        &self,
        refresh: Refresh,
        _: Timestamp,
        until: Timestamp,
    ) -> Result<String, TokenError> {
        let (session, user, generation) = (refresh.session, refresh.user, refresh.generation);
        let until = until.as_micros();
        Ok(format!("refresh.{session}.{user}.{generation}.{until}"))
    }

    fn verify_refresh(&self, token: &str, now: Timestamp) -> Result<Refresh, TokenError> {
        let ["refresh", session, user, generation, until] = parts(token)? else {
            return Err(TokenError::Invalid);
        };
        if time(until)? <= now {
            return Err(TokenError::Expired);
        }
        Ok(Refresh {
            session: part(session)?,
            user: part(user)?,
            generation: part(generation)?,
        })
    }

    fn issue_link(&self, link: Link, _: Timestamp, until: Timestamp) -> Result<String, TokenError> {
        let purpose = match link.purpose {
            LinkPurpose::VerifyEmail => "verify",
            LinkPurpose::ResetPassword => "reset",
        };
        let (user, of) = (link.user, link.password_set_at.as_micros());
        Ok(format!("{purpose}.{user}.{of}.{}", until.as_micros()))
    }

    fn verify_link(&self, token: &str, now: Timestamp) -> Result<Link, TokenError> {
        let [purpose, user, of, until] = parts(token)?;
        if time(until)? <= now {
            return Err(TokenError::Expired);
        }
        let purpose = match purpose {
            "verify" => LinkPurpose::VerifyEmail,
            "reset" => LinkPurpose::ResetPassword,
            _ => return Err(TokenError::Invalid),
        };
        Ok(Link {
            purpose,
            user: part(user)?,
            password_set_at: time(of)?,
        })
    }
}

fn parts<const N: usize>(token: &str) -> Result<[&str; N], TokenError> {
    let parts: Vec<&str> = token.split('.').collect();
    parts.try_into().map_err(|_| TokenError::Invalid)
}

fn part<T: FromStr>(text: &str) -> Result<T, TokenError> {
    text.parse().map_err(|_| TokenError::Invalid)
}

fn time(text: &str) -> Result<Timestamp, TokenError> {
    part(text).map(Timestamp::from_micros)
}

fn optional<T: FromStr>(text: &str) -> Result<Option<T>, TokenError> {
    (!text.is_empty()).then(|| part(text)).transpose()
}

/// Codes that everybody can work out: the time step itself, in six digits.
#[derive(Debug, Clone, Copy, Default)]
pub struct InsecureSecondFactors;

impl InsecureSecondFactors {
    /// The code of this moment, whoever asks.
    #[must_use]
    pub fn code(now: Timestamp) -> String {
        format!("{:06}", step(now) % 1_000_000)
    }
}

fn step(now: Timestamp) -> u64 {
    u64::try_from(now.as_micros() / 30_000_000).unwrap_or(0)
}

/// Such codes are no secrets, so their digests need not be any either.
fn digest(code: &str) -> u128 {
    let bytes = code.bytes();
    bytes.fold(0, |digest, byte| (digest << 8) | u128::from(byte))
}

impl SecondFactors for InsecureSecondFactors {
    fn enrol(&self, user: UserId, email: &Email) -> Result<Enrolment, SecondFactorError> {
        let secret = format!("insecure:{user}");
        Ok(Enrolment {
            sealed: SealedSecret::new(secret.clone()),
            uri: format!("otpauth://totp/{}?secret={secret}", email.as_str()),
            qr_svg: "<svg/>".into(),
            secret,
        })
    }

    fn present(
        &self,
        factor: &SecondFactor,
        text: &str,
        now: Timestamp,
    ) -> Result<PresentedCode, SecondFactorError> {
        if factor.secret.expose() != format!("insecure:{}", factor.user) {
            return Err(SecondFactorError("a secret of somebody else".into()));
        }
        let now = step(now);
        let near = [now + 1, now, now.saturating_sub(1)];
        let mut near = near.into_iter();
        let code = near.find(|step| format!("{:06}", step % 1_000_000) == text);
        Ok(match code {
            Some(step) => PresentedCode::Code { step },
            None if text.starts_with("recovery-") => PresentedCode::Recovery {
                digest: digest(text),
            },
            None => PresentedCode::Wrong,
        })
    }

    fn recovery_codes(&self) -> Result<Vec<(String, u128)>, SecondFactorError> {
        let codes = (0..SecondFactor::RECOVERY_CODES).map(|number| format!("recovery-{number}"));
        Ok(codes.map(|code| (code.clone(), digest(&code))).collect())
    }
}

/// Keeps all mail, to be read by a test.
#[derive(Debug, Clone, Default)]
pub struct KeptMail(Arc<Mutex<Vec<Mail>>>);

impl KeptMail {
    /// What was sent to this address so far, the first mail first.
    #[must_use]
    pub fn to(&self, email: &Email) -> Vec<Mail> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let own = kept.iter().filter(|mail| mail.to == *email);
        own.cloned().collect()
    }
}

#[async_trait]
impl Mailer for KeptMail {
    async fn send(&self, mail: &Mail) -> Result<(), MailError> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.push(mail.clone());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use p2p_domain::{Role, SessionId, TypedId};

    #[test]
    fn a_token_is_good_until_it_expires_and_not_at_that_moment() {
        let roles = Roles::from([Role::Customer, Role::Admin]);
        let caller = Caller {
            session: Some(SessionId::from_u128(9)),
            ..Caller::new(UserId::from_u128(7), roles)
        };
        let tokens = InsecureTokens::lasting(Duration::from_micros(10));
        let access = tokens.issue(caller, Timestamp::from_micros(5)).unwrap();
        let verify = |micros| tokens.verify(&access.token, Timestamp::from_micros(micros));
        let expires_at = access.expires_at;
        let bearer = Bearer {
            caller,
            issued_at: Timestamp::from_micros(5),
            expires_at,
        };
        assert_eq!(verify(14), Ok(bearer));
        assert_eq!(verify(15), Err(TokenError::Expired));
        for bad in ["", "nobody", "user_x.1.1", &format!("{}.1", access.token)] {
            let verdict = tokens.verify(bad, Timestamp::from_micros(0));
            assert_eq!(verdict, Err(TokenError::Invalid), "{bad}");
        }
    }
}
