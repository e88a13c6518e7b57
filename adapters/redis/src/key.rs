//! The key of a subject at the server: a digest, which is short and reveals no address.

use std::net::IpAddr;

use data_encoding::HEXLOWER;
use p2p_application::ports::{LimitKey, Subject};
use p2p_domain::TypedId;
use sha2::{Digest, Sha256};

/// The prefix of all keys, which tells an operator what they belong to.
const PREFIX: &str = "p2p:";

/// Bytes of the digest in use: enough to rule out collisions.
const BYTES: usize = 12;

pub(crate) fn name(key: &LimitKey) -> String {
    let mut digest = Sha256::new();
    digest.update(key.limit.as_bytes());
    // A user's id and an address never read the same.
    match key.subject {
        Subject::User(user) => {
            digest.update(b"\0u");
            digest.update(user.as_u128().to_be_bytes());
        }
        Subject::Address(address) => {
            let address = match address {
                IpAddr::V4(address) => address.to_ipv6_mapped(),
                IpAddr::V6(address) => address,
            };
            digest.update(b"\0a");
            digest.update(address.octets());
        }
    }
    let mut name = String::with_capacity(PREFIX.len() + 2 * BYTES);
    name.push_str(PREFIX);
    let digest = digest.finalize();
    HEXLOWER.encode_append(digest.get(..BYTES).unwrap_or(&digest), &mut name);
    name
}

#[cfg(test)]
mod tests {
    use super::*;
    use p2p_domain::UserId;

    #[test]
    fn a_name_is_short_says_nothing_and_belongs_to_one() {
        let user = Subject::User(UserId::from_u128(7));
        let address = |text: &str| Subject::address(text.parse().unwrap());
        let of = |limit, subject| name(&LimitKey { limit, subject });
        let names = [
            of("read", user),
            of("write", user),
            of("read", address("192.0.2.7")),
            of("read", address("192.0.2.8")),
            of("read", address("::7")),
            of("read", address("2001:db8::7")),
        ];
        for (index, name) in names.iter().enumerate() {
            assert_eq!(name.len(), 28, "{name}");
            assert!(!names[..index].contains(name), "{name}");
        }
        assert_eq!(
            of("read", address("::ffff:192.0.2.7")),
            of("read", address("192.0.2.7"))
        );
    }
}
