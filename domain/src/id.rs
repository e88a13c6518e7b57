//! Typed identifiers: a prefix that says what the id names, and a UUIDv7 in Crockford base 32 (the TypeID format).
//!
//! `offer_01jqz3k8x9f2v8s6m4n0p7r5tw` names an offer and nothing else: handing it where a listing is wanted fails to
//! parse. The bits come from outside (the application's id port); this module only writes and reads them.

use std::fmt;
use std::str::FromStr;

/// Why a text is not the id that was wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IdError {
    /// Not a TypeID at all: no prefix, wrong length or a character outside the alphabet.
    Malformed { expected: &'static str },
    /// A well-formed id of something else.
    WrongKind {
        expected: &'static str,
        found: String,
    },
}

impl fmt::Display for IdError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed { expected } => {
                write!(
                    f,
                    "not an id: expected `{expected}_` and 26 characters of base 32"
                )
            }
            Self::WrongKind { expected, found } => {
                write!(
                    f,
                    "this id names a `{found}`, a `{expected}` is wanted here"
                )
            }
        }
    }
}

impl std::error::Error for IdError {}

/// What all typed ids share, for code that is generic over them.
pub trait TypedId:
    Copy + Eq + Ord + std::hash::Hash + fmt::Display + fmt::Debug + FromStr<Err = IdError>
{
    /// The word before the underscore.
    const PREFIX: &'static str;
    /// Wraps the 128 bits of a UUID.
    fn from_u128(bits: u128) -> Self;
    /// The 128 bits of the UUID.
    fn as_u128(self) -> u128;
}

macro_rules! typed_ids {
    ($($(#[$doc:meta])* $name:ident = $prefix:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(u128);

        impl TypedId for $name {
            const PREFIX: &'static str = $prefix;
            fn from_u128(bits: u128) -> Self { Self(bits) }
            fn as_u128(self) -> u128 { self.0 }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { write(Self::PREFIX, self.0, f) }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { fmt::Display::fmt(self, f) }
        }

        impl FromStr for $name {
            type Err = IdError;
            fn from_str(text: &str) -> Result<Self, IdError> { read(Self::PREFIX, text).map(Self) }
        }
    )*};
}

typed_ids! {
    /// A person or a service with an account.
    UserId = "user";
    /// A published readiness to exchange.
    ListingId = "listing";
    /// A customer's answer to a listing; the deal itself from creation to its end.
    OfferId = "offer";
    /// A disagreement about a deal.
    DisputeId = "dispute";
    /// A remark on a dispute.
    CommentId = "comment";
    /// A ledger account of one owner in one asset.
    AccountId = "acct";
    /// A journal transfer.
    TransferId = "transfer";
    /// A published event.
    EventId = "event";
    /// A notification in a user's mailbox.
    NotificationId = "notification";
    /// A payment that a provider has reported.
    ReportId = "report";
    /// Something to be paid from the wallet.
    OrderId = "order";
    /// Money that goes from one account to another.
    PaymentId = "pay";
    /// Money that is to leave the market.
    WithdrawalId = "withdrawal";
    /// A log-in, and all that followed from it.
    SessionId = "session";
}

const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
const LENGTH: usize = 26;

fn write(prefix: &str, bits: u128, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let mut text = [0u8; LENGTH];
    let mut rest = bits;
    for slot in text.iter_mut().rev() {
        *slot = ALPHABET[(rest & 31) as usize];
        rest >>= 5;
    }
    f.write_str(prefix)?;
    f.write_str("_")?;
    text.iter()
        .try_for_each(|byte| fmt::Write::write_char(f, char::from(*byte)))
}

fn read(expected: &'static str, text: &str) -> Result<u128, IdError> {
    let malformed = || IdError::Malformed { expected };
    let (prefix, suffix) = text.rsplit_once('_').ok_or_else(malformed)?;
    if suffix.len() != LENGTH || !suffix.starts_with(|first| ('0'..='7').contains(&first)) {
        return Err(malformed());
    }
    let mut bits = 0u128;
    for byte in suffix.bytes() {
        let digit = ALPHABET
            .iter()
            .position(|letter| *letter == byte)
            .ok_or_else(malformed)?;
        bits = (bits << 5) | digit as u128;
    }
    if prefix == expected {
        return Ok(bits);
    }
    let is_name = !prefix.is_empty() && prefix.len() <= 63;
    if is_name && prefix.bytes().all(|byte| byte.is_ascii_lowercase()) {
        return Err(IdError::WrongKind {
            expected,
            found: prefix.to_owned(),
        });
    }
    Err(malformed())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_published_examples_of_the_format_hold() {
        let zero = OfferId::from_u128(0);
        assert_eq!(zero.to_string(), "offer_00000000000000000000000000");
        let max = OfferId::from_u128(u128::MAX);
        assert_eq!(max.to_string(), "offer_7zzzzzzzzzzzzzzzzzzzzzzzzz");
        let known = OfferId::from_u128(0x0188_bac7_4afa_78aa_bc3b_bd1e_ef28_d881);
        assert_eq!(known.to_string(), "offer_01h2xcejqtf2nbrexx3vqjhp41");
    }

    #[test]
    fn an_id_of_another_kind_is_told_apart_from_nonsense() {
        let listing = ListingId::from_u128(7).to_string();
        assert_eq!(
            listing.parse::<OfferId>(),
            Err(IdError::WrongKind {
                expected: "offer",
                found: "listing".into()
            })
        );
        for bad in [
            "",
            "offer",
            "offer_",
            "offer_123",
            "_00000000000000000000000000",
            "offer_8zzzzzzzzzzzzzzzzzzzzzzzzz",
            "offer_0000000000000000000000000U",
            "offer_000000000000000000000000é",
            "OFFER_00000000000000000000000000",
        ] {
            assert_eq!(
                bad.parse::<OfferId>(),
                Err(IdError::Malformed { expected: "offer" }),
                "{bad}"
            );
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(bits: u128) {
            let id = UserId::from_u128(bits);
            prop_assert_eq!(id.to_string().parse::<UserId>(), Ok(id));
        }

        /// An id has one spelling.
        #[test]
        fn what_is_read_is_written_the_same(
            text in prop_oneof![".{0,64}", "user_[0-9a-zA-Z]{24,28}", "[a-zA-Z_]{1,8}_?[0-7][0-9a-hjkmnp-tv-z]{25}"],
        ) {
            if let Ok(id) = text.parse::<UserId>() {
                prop_assert_eq!(id.to_string(), text);
            }
        }

        /// Of one changed letter there is no id, or another.
        #[test]
        fn a_changed_letter_names_another(bits: u128, place in 0usize..31, letter in "\\PC") {
            let id = UserId::from_u128(bits);
            let text = id.to_string();
            let changed = format!("{}{letter}{}", &text[..place], &text[place + 1..]);
            if changed != text {
                prop_assert_ne!(changed.parse::<UserId>(), Ok(id));
            }
        }
    }
}
