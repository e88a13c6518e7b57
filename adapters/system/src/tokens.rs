//! JSON Web Tokens, signed with HMAC-SHA256 and nothing else.

use std::time::Duration;

use application::ports::{AccessToken, Bearer, TokenError, Tokens};
use domain::user::Caller;
use domain::{Role, Roles, Timestamp};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, encode};
use serde::{Deserialize, Serialize};

const ISSUER: &str = "p2p-market";

/// The secret and the lifetime of access tokens.
#[derive(Clone)]
pub struct JwtSettings {
    /// At least 32 bytes that nobody can guess.
    pub secret: String,
    pub lifetime: Duration,
}

impl std::fmt::Debug for JwtSettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("JwtSettings")
            .field("lifetime", &self.lifetime)
            .finish_non_exhaustive()
    }
}

/// The secret is too short to sign anything with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the token secret must have at least {} bytes", JwtTokens::MIN_SECRET)]
pub struct WeakSecret;

/// Issues and verifies JWTs.
#[derive(Clone)]
pub struct JwtTokens {
    encoding: EncodingKey,
    decoding: DecodingKey,
    validation: Validation,
    lifetime: Duration,
}

impl std::fmt::Debug for JwtTokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("JwtTokens")
            .field("lifetime", &self.lifetime)
            .finish_non_exhaustive()
    }
}

/// What a token says.
#[derive(Debug, Serialize, Deserialize)]
struct Claims {
    iss: String,
    /// The user's id.
    sub: String,
    roles: Vec<String>,
    /// Seconds since 1970.
    iat: i64,
    exp: i64,
}

impl JwtTokens {
    /// The shortest secret that is accepted, in bytes: as long as the signature.
    pub const MIN_SECRET: usize = 32;

    /// Tokens under this secret.
    pub fn new(settings: &JwtSettings) -> Result<Self, WeakSecret> {
        let secret = settings.secret.as_bytes();
        if secret.len() < Self::MIN_SECRET {
            return Err(WeakSecret);
        }
        let mut validation = Validation::new(Algorithm::HS256);
        validation.set_issuer(&[ISSUER]);
        validation.set_required_spec_claims(&["iss", "sub", "exp"]);
        // Time is checked here, against the market's clock rather than the machine's.
        validation.validate_exp = false;
        Ok(Self {
            encoding: EncodingKey::from_secret(secret),
            decoding: DecodingKey::from_secret(secret),
            validation,
            lifetime: settings.lifetime,
        })
    }
}

impl Tokens for JwtTokens {
    fn issue(&self, caller: Caller, now: Timestamp) -> Result<AccessToken, TokenError> {
        let expires = seconds(now.after(self.lifetime));
        let claims = Claims {
            iss: ISSUER.to_owned(),
            sub: caller.user.to_string(),
            roles: caller
                .roles
                .iter()
                .map(|role| role.name().to_owned())
                .collect(),
            iat: seconds(now),
            exp: expires,
        };
        let token = encode(&Header::new(Algorithm::HS256), &claims, &self.encoding)
            .map_err(|_| TokenError::Invalid)?;
        Ok(AccessToken {
            token,
            expires_at: Timestamp::from_micros(expires * 1_000_000),
        })
    }

    fn verify(&self, token: &str, now: Timestamp) -> Result<Bearer, TokenError> {
        let claims = decode::<Claims>(token, &self.decoding, &self.validation)
            .map_err(|_| TokenError::Invalid)?
            .claims;
        if claims.exp <= seconds(now) {
            return Err(TokenError::Expired);
        }
        let user = claims.sub.parse().map_err(|_| TokenError::Invalid)?;
        let roles: Result<Roles, _> = claims
            .roles
            .iter()
            .map(|role| role.parse::<Role>())
            .collect();
        let roles = roles.map_err(|_| TokenError::Invalid)?;
        Ok(Bearer {
            caller: Caller { user, roles },
            expires_at: Timestamp::from_micros(claims.exp.saturating_mul(1_000_000)),
        })
    }
}

const fn seconds(time: Timestamp) -> i64 {
    time.as_micros().div_euclid(1_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::{TypedId, UserId};
    use serde_json::json;

    const SECRET: &str = "0123456789abcdef0123456789abcdef";
    const NOW: Timestamp = Timestamp::from_micros(1_750_000_000_000_000);

    fn tokens(secret: &str) -> JwtTokens {
        let settings = JwtSettings {
            secret: secret.into(),
            lifetime: Duration::from_secs(900),
        };
        JwtTokens::new(&settings).unwrap()
    }

    fn caller() -> Caller {
        Caller {
            user: UserId::from_u128(7),
            roles: [Role::Customer, Role::Admin].into(),
        }
    }

    #[test]
    fn a_token_says_who_its_bearer_is_until_it_expires() {
        let access = tokens(SECRET).issue(caller(), NOW).unwrap();
        let last = access.expires_at.before(Duration::from_micros(1));
        let bearer = Bearer {
            caller: caller(),
            expires_at: access.expires_at,
        };
        assert_eq!(tokens(SECRET).verify(&access.token, NOW), Ok(bearer));
        assert_eq!(tokens(SECRET).verify(&access.token, last), Ok(bearer));
        assert_eq!(
            tokens(SECRET).verify(&access.token, access.expires_at),
            Err(TokenError::Expired)
        );
        assert!(!format!("{access:?}").contains(&access.token));
    }

    #[test]
    fn forged_tokens_are_refused() {
        let genuine = tokens(SECRET).issue(caller(), NOW).unwrap().token;
        let other_key = tokens(&SECRET.replace('0', "x"))
            .issue(caller(), NOW)
            .unwrap()
            .token;
        let parts: Vec<&str> = genuine.split('.').collect();
        // {"alg":"none","typ":"JWT"}
        let no_algorithm = format!("eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.{}.", parts[1]);
        let no_signature = format!("{}.{}.", parts[0], parts[1]);
        for forged in [
            "",
            "a.b.c",
            &genuine[..genuine.len() - 2],
            &other_key,
            &no_algorithm,
            &no_signature,
        ] {
            assert_eq!(
                tokens(SECRET).verify(forged, NOW),
                Err(TokenError::Invalid),
                "{forged}"
            );
        }
    }

    #[test]
    fn a_rightly_signed_token_with_wrong_content_is_refused() {
        let key = EncodingKey::from_secret(SECRET.as_bytes());
        let user = UserId::from_u128(7).to_string();
        for (algorithm, claims) in [
            (
                Algorithm::HS512,
                json!({"iss": ISSUER, "sub": user, "roles": [], "iat": 0, "exp": i64::MAX}),
            ),
            (
                Algorithm::HS256,
                json!({"iss": "else", "sub": user, "roles": [], "iat": 0, "exp": i64::MAX}),
            ),
            (
                Algorithm::HS256,
                json!({"iss": ISSUER, "sub": "root", "roles": [], "iat": 0, "exp": i64::MAX}),
            ),
            (
                Algorithm::HS256,
                json!({"iss": ISSUER, "sub": user, "roles": ["GOD"], "iat": 0, "exp": i64::MAX}),
            ),
            (
                Algorithm::HS256,
                json!({"iss": ISSUER, "sub": user, "roles": [], "iat": 0}),
            ),
            (
                Algorithm::HS256,
                json!({"sub": user, "roles": [], "iat": 0, "exp": i64::MAX}),
            ),
        ] {
            let token = encode(&Header::new(algorithm), &claims, &key).unwrap();
            assert_eq!(
                tokens(SECRET).verify(&token, NOW),
                Err(TokenError::Invalid),
                "{claims}"
            );
        }
    }

    #[test]
    fn a_short_secret_is_refused() {
        let settings = JwtSettings {
            secret: "short".into(),
            lifetime: Duration::from_secs(1),
        };
        assert_eq!(JwtTokens::new(&settings).unwrap_err(), WeakSecret);
        assert!(!format!("{settings:?}").contains("short"));
    }
}
