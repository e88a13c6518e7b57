//! The envelope: signed with HMAC-SHA256 and nothing else, its header known as a whole or none of ours.
//!
//! Tokens are made here and nowhere else, so each key has one header for each kind: it names the algorithm, the key and the
//! kind. A token is looked into only if its header is one of those, to the letter: `alg: none`, other algorithms, keys that come
//! with the token and unknown kinds have no way in.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::crypto::verify;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, encode};

use super::claims::Claims;
use super::keys::{KeyError, TokenKey};

/// What a token is good for. One of one kind is never taken for one of another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Access,
    Refresh,
    VerifyEmail,
    ResetPassword,
}

impl Kind {
    pub(super) const ALL: [Self; 4] = [
        Self::Access,
        Self::Refresh,
        Self::VerifyEmail,
        Self::ResetPassword,
    ];

    /// The header's `typ`: that of RFC 9068 for access tokens, names of our own for the others.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Access => "at+jwt",
            Self::Refresh => "p2p-refresh+jwt",
            Self::VerifyEmail => "p2p-verify-email+jwt",
            Self::ResetPassword => "p2p-reset-password+jwt",
        }
    }
}

const ALGORITHM: Algorithm = Algorithm::HS256;

/// The longest token that is looked at. Ours have less than half of it.
const MAX_TOKEN_LENGTH: usize = 1_024;

/// A key that is ready for work.
#[derive(Clone)]
pub(super) struct SigningKey {
    signing: EncodingKey,
    verifying: DecodingKey,
    /// One for each kind, in the order of [`Kind::ALL`], and as it is written.
    headers: [(Header, String); 4],
}

impl SigningKey {
    pub(super) fn new(key: &TokenKey) -> Result<Self, KeyError> {
        key.check()?;
        let secret = key.secret.as_bytes();
        let signing = EncodingKey::from_secret(secret);
        let header = |kind: Kind| {
            let mut header = Header::new(ALGORITHM);
            header.kid = Some(key.id.clone());
            header.typ = Some(kind.name().to_owned());
            // A token's first part is its header, whatever is in it.
            let token = encode(&header, &(), &signing).unwrap_or_default();
            let written = token.split('.').next().unwrap_or_default().to_owned();
            (header, written)
        };
        Ok(Self {
            headers: Kind::ALL.map(header),
            verifying: DecodingKey::from_secret(secret),
            signing,
        })
    }

    fn header(&self, kind: Kind) -> &(Header, String) {
        &self.headers[kind as usize]
    }

    /// A token of this kind that says this.
    pub(super) fn sign(&self, kind: Kind, claims: &Claims) -> Option<String> {
        let (header, _) = self.header(kind);
        encode(header, claims, &self.signing).ok()
    }
}

/// What a token of this kind says, if one of these keys has signed it. Its header is compared, not read, and its payload is read
/// once: this is done for every request. Times are compared elsewhere, with the market's clock rather than the machine's.
pub(super) fn open(keys: &[SigningKey], kind: Kind, token: &str) -> Option<Claims> {
    if token.len() > MAX_TOKEN_LENGTH {
        return None;
    }
    let (message, signature) = token.rsplit_once('.')?;
    let (header, payload) = message.split_once('.')?;
    let mut known = keys.iter();
    let key = known.find(|key| {
        let (_, written) = key.header(kind);
        !written.is_empty() && written == header
    })?;
    let genuine = verify(signature, message.as_bytes(), &key.verifying, ALGORITHM);
    if !genuine.is_ok_and(|genuine| genuine) {
        return None;
    }
    let payload = URL_SAFE_NO_PAD.decode(payload).ok()?;
    serde_json::from_slice(&payload).ok()
}
