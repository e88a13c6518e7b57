//! JSON Web Tokens (RFC 7519), signed with HMAC-SHA256: access tokens, refresh tokens and the links in mails.

mod claims;
mod jws;
mod keys;
#[cfg(test)]
mod tests;

use std::time::Duration;

use p2p_application::ports::{AccessToken, Bearer, Link, LinkPurpose, Refresh, TokenError, Tokens};
use p2p_domain::Timestamp;
use p2p_domain::user::Caller;

use claims::{Claims, seconds, time};
use jws::{Kind, SigningKey};

pub use keys::{JwtSettings, KeyError, TokenKey};

/// By how much the clock of the replica that issued a token may be ahead of this one's.
const LEEWAY: Duration = Duration::from_secs(30);

/// Issues and verifies JWTs.
#[derive(Clone)]
pub struct JwtTokens {
    /// The first one signs; all are believed.
    keys: Vec<SigningKey>,
    lifetime: Duration,
}

impl std::fmt::Debug for JwtTokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("JwtTokens")
            .field("keys", &self.keys.len())
            .field("lifetime", &self.lifetime)
            .finish_non_exhaustive()
    }
}

impl JwtTokens {
    /// Tokens under these keys.
    pub fn new(settings: &JwtSettings) -> Result<Self, KeyError> {
        let mut keys = Vec::with_capacity(1 + settings.old_keys.len());
        let mut ids = Vec::with_capacity(keys.capacity());
        for key in std::iter::once(&settings.key).chain(&settings.old_keys) {
            keys.push(SigningKey::new(key)?);
            if ids.contains(&&key.id) {
                let id = key.id.clone();
                return Err(KeyError::Twice { id });
            }
            ids.push(&key.id);
        }
        Ok(Self {
            keys,
            lifetime: settings.lifetime,
        })
    }

    fn sign(&self, kind: Kind, claims: &Claims) -> Result<String, TokenError> {
        let key = self.keys.first().ok_or(TokenError::Invalid)?;
        key.sign(kind, claims).ok_or(TokenError::Invalid)
    }

    /// What a token of this kind says, if it is one of ours and good now.
    fn open(&self, kind: Kind, token: &str, now: Timestamp) -> Result<Claims, TokenError> {
        let claims = jws::open(&self.keys, kind, token);
        let claims = claims.ok_or(TokenError::Invalid)?;
        if claims.exp <= seconds(now) {
            return Err(TokenError::Expired);
        }
        if claims.nbf > seconds(now.after(LEEWAY)) {
            return Err(TokenError::Invalid);
        }
        Ok(claims)
    }
}

impl Tokens for JwtTokens {
    fn issue(&self, caller: Caller, now: Timestamp) -> Result<AccessToken, TokenError> {
        let until = time(seconds(now)).after(self.lifetime);
        let claims = Claims::of(caller, now, until);
        Ok(AccessToken {
            token: self.sign(Kind::Access, &claims)?,
            expires_at: time(claims.exp),
        })
    }

    fn verify(&self, token: &str, now: Timestamp) -> Result<Bearer, TokenError> {
        let claims = self.open(Kind::Access, token, now)?;
        let issued_at = time(claims.iat);
        // Where the lifetime was made shorter, it is shorter for what was issued before, too: `lifetime` is the longest.
        let expires_at = time(claims.exp).min(issued_at.after(self.lifetime));
        if expires_at <= now {
            return Err(TokenError::Expired);
        }
        let caller = Caller {
            user: claims.sub,
            roles: claims.roles.ok_or(TokenError::Invalid)?,
            session: claims.sid,
            proved_at: claims.mfa.map(time),
            address: None,
        };
        Ok(Bearer {
            caller,
            issued_at,
            expires_at,
        })
    }

    fn lifetime(&self) -> Duration {
        self.lifetime
    }

    fn issue_refresh(
        &self,
        refresh: Refresh,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<String, TokenError> {
        let claims = Claims {
            sid: Some(refresh.session),
            generation: Some(refresh.generation),
            ..Claims::new(refresh.user, now, until)
        };
        self.sign(Kind::Refresh, &claims)
    }

    fn verify_refresh(&self, token: &str, now: Timestamp) -> Result<Refresh, TokenError> {
        let claims = self.open(Kind::Refresh, token, now)?;
        Ok(Refresh {
            session: claims.sid.ok_or(TokenError::Invalid)?,
            user: claims.sub,
            generation: claims.generation.ok_or(TokenError::Invalid)?,
        })
    }

    fn issue_link(
        &self,
        link: Link,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<String, TokenError> {
        let claims = Claims {
            pwd: Some(link.password_set_at.as_micros()),
            ..Claims::new(link.user, now, until)
        };
        self.sign(kind_of(link.purpose), &claims)
    }

    fn verify_link(&self, token: &str, now: Timestamp) -> Result<Link, TokenError> {
        let mut worst = TokenError::Invalid;
        for purpose in [LinkPurpose::VerifyEmail, LinkPurpose::ResetPassword] {
            match self.open(kind_of(purpose), token, now) {
                Ok(claims) => {
                    let password_set_at = claims.pwd.ok_or(TokenError::Invalid)?;
                    return Ok(Link {
                        purpose,
                        user: claims.sub,
                        password_set_at: Timestamp::from_micros(password_set_at),
                    });
                }
                // A token is of one kind: of the other one it is always invalid.
                Err(TokenError::Invalid) => {}
                Err(error) => worst = error,
            }
        }
        Err(worst)
    }
}

const fn kind_of(purpose: LinkPurpose) -> Kind {
    match purpose {
        LinkPurpose::VerifyEmail => Kind::VerifyEmail,
        LinkPurpose::ResetPassword => Kind::ResetPassword,
    }
}
