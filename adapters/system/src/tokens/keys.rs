//! What tokens are signed with, and for how long they are good.

use std::time::Duration;

/// A secret and the name under which tokens refer to it (`kid`).
#[derive(Clone, PartialEq, Eq)]
pub struct TokenKey {
    /// 1 to 32 letters, digits, dots, dashes and underscores.
    pub id: String,
    /// At least [`TokenKey::MIN_SECRET`] random bytes.
    pub secret: String,
}

impl std::fmt::Debug for TokenKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TokenKey")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

/// A key that can't be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    #[error(
        "the token secret {id:?} must have at least {} bytes",
        TokenKey::MIN_SECRET
    )]
    Short { id: String },
    #[error(
        "{id:?} can't be a token secret's id: 1 to 32 letters, digits, dots, dashes and underscores can"
    )]
    BadId { id: String },
    #[error("two token secrets have the id {id:?}")]
    Twice { id: String },
}

impl TokenKey {
    /// The shortest secret that is accepted, in bytes: as long as the signature.
    pub const MIN_SECRET: usize = 32;

    pub(super) fn check(&self) -> Result<(), KeyError> {
        let fits = |letter: u8| letter.is_ascii_alphanumeric() || b"._-".contains(&letter);
        if !(1..=32).contains(&self.id.len()) || !self.id.bytes().all(fits) {
            return Err(KeyError::BadId {
                id: self.id.clone(),
            });
        }
        if self.secret.len() < Self::MIN_SECRET {
            return Err(self.too_short());
        }
        Ok(())
    }

    pub(super) fn too_short(&self) -> KeyError {
        KeyError::Short {
            id: self.id.clone(),
        }
    }
}

/// Keys and the lifetime of access tokens.
///
/// To change the secret, give the new one an id of its own and keep the old one in `old_keys` for as long as what it signed is
/// good: the lifetime of a session, for refresh tokens. A secret that has leaked is not kept.
#[derive(Debug, Clone)]
pub struct JwtSettings {
    /// Signs.
    pub key: TokenKey,
    /// Are still believed.
    pub old_keys: Vec<TokenKey>,
    /// Of access tokens.
    pub lifetime: Duration,
}
