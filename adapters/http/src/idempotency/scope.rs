//! The scope of a key: the keys of two callers never collide.

use p2p_domain::TypedId;
use p2p_domain::user::{Caller, Email};
use p2p_edge::digest::first_half;
use sha2::{Digest, Sha256};

/// Who has chosen a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Scope(pub(super) u128);

impl From<Caller> for Scope {
    fn from(caller: Caller) -> Self {
        Self(caller.user.as_u128())
    }
}

/// A caller without an account is identified by the e-mail address.
impl From<&Email> for Scope {
    fn from(email: &Email) -> Self {
        Self(first_half(Sha256::digest(email.as_str())))
    }
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
}
