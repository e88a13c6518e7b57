//! Stand-ins for password hashing and access tokens: quick, readable, and no protection at all.

use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use application::ports::{AccessToken, Bearer, PasswordError, Passwords, TokenError, Tokens};
use async_trait::async_trait;
use domain::user::{Caller, PasswordHash};
use domain::{Roles, Timestamp, UserId};

/// "Hashes" a password by keeping it. Counts verifications, so that a test can see that an unknown user costs one too.
#[derive(Debug, Clone, Default)]
pub struct InsecurePasswords {
    verified: Arc<AtomicUsize>,
}

impl InsecurePasswords {
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
    ) -> Result<bool, PasswordError> {
        self.verified.fetch_add(1, Ordering::SeqCst);
        let wanted = self.hash(password).await?;
        Ok(hash.is_some_and(|hash| hash == wanted))
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
        Ok(AccessToken {
            token: format!("{user}.{roles}.{}", expires_at.as_micros()),
            expires_at,
        })
    }

    fn verify(&self, token: &str, now: Timestamp) -> Result<Bearer, TokenError> {
        let mut parts = token.split('.');
        let user: UserId = part(parts.next())?;
        let bits: u8 = part(parts.next())?;
        let expires_at = Timestamp::from_micros(part(parts.next())?);
        let roles = Roles::from_bits(bits).ok_or(TokenError::Invalid)?;
        if parts.next().is_some() {
            return Err(TokenError::Invalid);
        }
        if expires_at <= now {
            return Err(TokenError::Expired);
        }
        let caller = Caller { user, roles };
        Ok(Bearer { caller, expires_at })
    }
}

fn part<T: FromStr>(text: Option<&str>) -> Result<T, TokenError> {
    text.and_then(|text| text.parse().ok())
        .ok_or(TokenError::Invalid)
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::{Role, TypedId};

    #[test]
    fn a_token_is_good_until_it_expires_and_not_at_that_moment() {
        let caller = Caller {
            user: UserId::from_u128(7),
            roles: Roles::from([Role::Customer, Role::Admin]),
        };
        let tokens = InsecureTokens::lasting(Duration::from_micros(10));
        let access = tokens.issue(caller, Timestamp::from_micros(5)).unwrap();
        let verify = |micros| tokens.verify(&access.token, Timestamp::from_micros(micros));
        let expires_at = access.expires_at;
        assert_eq!(verify(14), Ok(Bearer { caller, expires_at }));
        assert_eq!(verify(15), Err(TokenError::Expired));
        for bad in ["", "nobody", "user_x.1.1", &format!("{}.1", access.token)] {
            let verdict = tokens.verify(bad, Timestamp::from_micros(0));
            assert_eq!(verdict, Err(TokenError::Invalid), "{bad}");
        }
    }
}
