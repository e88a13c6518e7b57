//! Whose a key is: the keys of two callers never meet.

use p2p_domain::TypedId;
use p2p_domain::user::{Caller, Email};
use sha2::{Digest, Sha256};

/// Who has chosen a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Scope(pub(super) u128);

impl From<Caller> for Scope {
    fn from(caller: Caller) -> Self {
        Self(caller.user.as_u128())
    }
}

/// Somebody who has no account yet goes by the address.
impl From<&Email> for Scope {
    fn from(email: &Email) -> Self {
        Self(first_half(Sha256::digest(email.as_str())))
    }
}

/// The first 16 bytes of a digest, as a number.
pub(super) fn first_half(digest: impl AsRef<[u8]>) -> u128 {
    let half = digest.as_ref().first_chunk::<16>();
    half.map_or(0, |bytes| u128::from_be_bytes(*bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_the_same_however_it_is_written() {
        let of = |text: &str| Scope::from(&Email::new(text));
        assert_eq!(of("Ada@Example.com"), of("ada@example.com"));
        assert_ne!(of("ada@example.com"), of("bob@example.com"));
    }

    #[test]
    fn a_digest_is_cut_in_half() {
        // SHA-256 of nothing, by another implementation.
        let expected = 0xe3b0_c442_98fc_1c14_9afb_f4c8_996f_b924;
        assert_eq!(first_half(Sha256::digest("")), expected);
    }
}
