//! How secrets of authenticators are stored: sealed under a key that storage does not have, and each for its owner only.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use hkdf::Hkdf;
use p2p_application::ports::SecondFactorError;
use p2p_domain::UserId;
use p2p_domain::second_factor::SealedSecret;
use sha2::Sha256;
use zeroize::Zeroizing;

use super::failed;
use crate::random::random_bytes;

/// Secrets under which second factors are sealed.
#[derive(Clone)]
pub struct SealSettings {
    /// At least [`SealSettings::MIN_SECRET`] random bytes.
    pub secret: String,
    /// What was sealed under these can still be opened.
    pub old_secrets: Vec<String>,
}

impl SealSettings {
    /// The shortest secret that is accepted, in bytes.
    pub const MIN_SECRET: usize = 32;
}

impl std::fmt::Debug for SealSettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SealSettings").finish_non_exhaustive()
    }
}

/// A secret is too short to seal anything with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "a secret that seals second factors must have at least {} bytes",
    SealSettings::MIN_SECRET
)]
pub struct ShortSecret;

/// Written before the key's id: how the rest is to be read.
const VERSION: &str = "1";

const NONCE: usize = 24;

/// XChaCha20-Poly1305 under keys derived by HKDF-SHA256, so that what signs tokens can seal as well.
#[derive(Clone)]
pub(super) struct Sealer {
    /// The first one seals; all open.
    keys: Vec<Key>,
}

#[derive(Clone)]
struct Key {
    /// Derived from the secret too: whatever order secrets are configured in, each finds what it has sealed.
    id: String,
    cipher: XChaCha20Poly1305,
}

impl Key {
    fn derive(secret: &str) -> Result<Self, ShortSecret> {
        if secret.len() < SealSettings::MIN_SECRET {
            return Err(ShortSecret);
        }
        let source = Hkdf::<Sha256>::new(Some(b"p2p-market second factors"), secret.as_bytes());
        let (mut id, mut key) = ([0; 6], Zeroizing::new([0; 32]));
        let derived = source
            .expand(b"key id", &mut id)
            .and_then(|()| source.expand(b"key", key.as_mut()));
        derived.map_err(|_| ShortSecret)?;
        Ok(Self {
            id: URL_SAFE_NO_PAD.encode(id),
            cipher: XChaCha20Poly1305::new(&(*key).into()),
        })
    }
}

impl Sealer {
    pub(super) fn new(settings: &SealSettings) -> Result<Self, ShortSecret> {
        let secrets = std::iter::once(&settings.secret).chain(&settings.old_secrets);
        let keys: Result<_, _> = secrets.map(|secret| Key::derive(secret)).collect();
        Ok(Self { keys: keys? })
    }

    pub(super) fn seal(
        &self,
        user: UserId,
        secret: &[u8],
    ) -> Result<SealedSecret, SecondFactorError> {
        let key = self.keys.first().ok_or_else(|| failed(&"no key"))?;
        let nonce = random_bytes::<NONCE>().map_err(|error| failed(&error))?;
        let owner = owner(&key.id, user);
        let payload = Payload {
            msg: secret,
            aad: owner.as_bytes(),
        };
        let sealed = key.cipher.encrypt(&XNonce::from(nonce), payload);
        let sealed = sealed.map_err(|_| failed(&"a secret can't be sealed"))?;
        let sealed = URL_SAFE_NO_PAD.encode([nonce.as_slice(), &sealed].concat());
        Ok(SealedSecret::new(format!("{VERSION}.{}.{sealed}", key.id)))
    }

    pub(super) fn open(
        &self,
        user: UserId,
        sealed: &SealedSecret,
    ) -> Result<Zeroizing<Vec<u8>>, SecondFactorError> {
        let malformed = || failed(&"a sealed secret is none");
        let mut parts = sealed.expose().splitn(3, '.');
        let (version, id, sealed) = (parts.next(), parts.next(), parts.next());
        if version != Some(VERSION) {
            return Err(malformed());
        }
        let (id, sealed) = id.zip(sealed).ok_or_else(malformed)?;
        let key = self.keys.iter().find(|key| key.id == id);
        let key = key.ok_or_else(|| failed(&format!("the key {id:?} is not configured")))?;
        let sealed = URL_SAFE_NO_PAD.decode(sealed).map_err(|_| malformed())?;
        let (nonce, sealed) = sealed.split_first_chunk::<NONCE>().ok_or_else(malformed)?;
        let owner = owner(id, user);
        let payload = Payload {
            msg: sealed,
            aad: owner.as_bytes(),
        };
        let secret = key.cipher.decrypt(&XNonce::from(*nonce), payload);
        let secret = secret.map_err(|_| failed(&"a secret was altered, or is another user's"))?;
        Ok(Zeroizing::new(secret))
    }
}

/// What a sealed secret is tied to.
fn owner(key: &str, user: UserId) -> String {
    format!("{VERSION}.{key}.{user}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use p2p_domain::TypedId;

    fn user(number: u128) -> UserId {
        UserId::from_u128(number)
    }

    fn sealer(secret: &str, old: &[&str]) -> Sealer {
        let settings = SealSettings {
            secret: secret.repeat(8),
            old_secrets: old.iter().map(|old| old.repeat(8)).collect(),
        };
        assert!(!format!("{settings:?}").contains(secret));
        Sealer::new(&settings).unwrap()
    }

    #[test]
    fn what_is_sealed_is_opened_for_its_owner_only() {
        let sealer = sealer("first", &[]);
        let sealed = sealer.seal(user(1), b"secret").unwrap();
        assert_eq!(**sealer.open(user(1), &sealed).unwrap(), *b"secret");
        assert!(sealer.open(user(2), &sealed).is_err());
        let again = sealer.seal(user(1), b"secret").unwrap();
        assert_ne!(sealed, again, "equal secrets are sealed differently");
    }

    #[test]
    fn a_key_that_is_configured_still_opens_what_it_sealed() {
        let sealed = sealer("first", &[]).seal(user(1), b"secret").unwrap();
        assert!(sealer("second", &["first"]).open(user(1), &sealed).is_ok());
        let gone = sealer("second", &[]).open(user(1), &sealed);
        assert!(gone.unwrap_err().to_string().contains("is not configured"));
    }

    #[test]
    fn what_was_altered_is_not_opened() {
        let sealer = sealer("first", &["second"]);
        let sealed = sealer.seal(user(1), b"secret").unwrap();
        let text = sealed.expose();
        for place in 0..text.len() {
            let mut altered = text.to_owned();
            let other = if &text[place..=place] == "A" {
                "B"
            } else {
                "A"
            };
            altered.replace_range(place..=place, other);
            assert!(
                sealer.open(user(1), &SealedSecret::new(altered)).is_err(),
                "{place}"
            );
        }
        for none in ["", ".", "1", "1.", "1..", "1.x.y", &text[..20], &text[2..]] {
            assert!(
                sealer
                    .open(user(1), &SealedSecret::new(none.into()))
                    .is_err(),
                "{none}"
            );
        }
        // Under the id of another key that is configured.
        let other = self::sealer("second", &[])
            .seal(user(1), b"secret")
            .unwrap();
        let id = |text: &str| text.split('.').nth(1).unwrap().to_owned();
        let swapped = text.replace(&id(text), &id(other.expose()));
        assert!(sealer.open(user(1), &SealedSecret::new(swapped)).is_err());
    }

    #[test]
    fn a_short_secret_seals_nothing() {
        let settings = |secret: &str, old: &str| SealSettings {
            secret: secret.into(),
            old_secrets: vec![old.into()],
        };
        let long = "long enough".repeat(3);
        for settings in [settings("short", &long), settings(&long, "short")] {
            assert_eq!(Sealer::new(&settings).err(), Some(ShortSecret));
        }
    }
}
