//! The envelope: `header.payload.signature` (RFC 7515), HMAC-SHA256 and nothing else.
//!
//! A header is never parsed. Tokens are made here and nowhere else, so a header is known or it is none of ours: it names the
//! algorithm, the key and the kind, and is compared as a whole. `alg: none`, other algorithms, keys that come with the token
//! and unknown kinds have no way in.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

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

/// The longest token that is looked at, and so the largest payload. Ours have less than half of it.
const LONGEST: usize = 1_024;

/// A little more than a signature in bytes: one that is too long must not be cut to size.
const SIGNATURE_ROOM: usize = 48;

/// Where a payload is decoded to.
pub(super) struct Room([u8; LONGEST]);

impl Room {
    pub(super) const fn new() -> Self {
        Self([0; LONGEST])
    }
}

/// A key that is ready for work.
#[derive(Clone)]
pub(super) struct Seal {
    mac: Hmac<Sha256>,
    /// One for each kind, in the order of [`Kind::ALL`], encoded.
    headers: [String; 4],
}

impl Seal {
    pub(super) fn new(key: &TokenKey) -> Result<Self, KeyError> {
        key.check()?;
        let mac = Hmac::new_from_slice(key.secret.as_bytes()).map_err(|_| key.too_short())?;
        let header = |kind: Kind| {
            let (id, kind) = (&key.id, kind.name());
            let header = format!(r#"{{"alg":"HS256","kid":"{id}","typ":"{kind}"}}"#);
            URL_SAFE_NO_PAD.encode(header)
        };
        Ok(Self {
            mac,
            headers: Kind::ALL.map(header),
        })
    }

    fn header(&self, kind: Kind) -> &str {
        &self.headers[kind as usize]
    }

    /// Signs a payload.
    pub(super) fn sign(&self, kind: Kind, payload: &[u8]) -> String {
        let mut token = String::with_capacity(LONGEST / 2);
        token.push_str(self.header(kind));
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(payload, &mut token);
        let mut mac = self.mac.clone();
        mac.update(token.as_bytes());
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(mac.finalize().into_bytes(), &mut token);
        token
    }
}

/// The payload of a token of this kind, if one of these keys has signed it.
pub(super) fn open<'room>(
    keys: &[Seal],
    kind: Kind,
    token: &str,
    room: &'room mut Room,
) -> Option<&'room [u8]> {
    if token.len() > LONGEST {
        return None;
    }
    let (signed, signature) = token.rsplit_once('.')?;
    let (header, payload) = signed.split_once('.')?;
    let key = keys.iter().find(|key| key.header(kind) == header)?;
    let mut given = [0; SIGNATURE_ROOM];
    let length = URL_SAFE_NO_PAD.decode_slice(signature, &mut given).ok()?;
    let mut mac = key.mac.clone();
    mac.update(signed.as_bytes());
    mac.verify_slice(given.get(..length)?).ok()?;
    let length = URL_SAFE_NO_PAD.decode_slice(payload, &mut room.0).ok()?;
    room.0.get(..length)
}
