//! Recovery codes, for a user whose authenticator is lost.

use sha2::{Digest, Sha256};

use crate::random::random_bits;

/// Without letters that are taken for others.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// Characters of five bits each. So much can't be guessed, not by trying all digests either: they need no secret of their own.
const LENGTH: usize = 20;
const GROUP: usize = 5;

/// A fresh code in groups, and its digest.
pub(super) fn fresh() -> Result<(String, u128), getrandom::Error> {
    let mut bits = random_bits()?;
    let mut plain = String::with_capacity(LENGTH);
    for _ in 0..LENGTH {
        plain.push(char::from(ALPHABET[(bits & 31) as usize]));
        bits >>= 5;
    }
    let groups: Vec<&str> = (0..LENGTH)
        .step_by(GROUP)
        .map(|start| &plain[start..start + GROUP])
        .collect();
    Ok((groups.join("-"), digest(&plain)))
}

/// A text as a code is kept, if it may be one: small letters, nothing between them, and those put right that look alike.
pub(super) fn normalised(compact: &str) -> Option<String> {
    let letter = |letter: char| match letter.to_ascii_lowercase() {
        'o' => '0',
        'i' | 'l' => '1',
        other => other,
    };
    let code: String = compact.chars().map(letter).collect();
    let known = |byte: u8| ALPHABET.contains(&byte);
    (code.len() == LENGTH && code.bytes().all(known)).then_some(code)
}

/// What is kept of a code.
pub(super) fn digest(normalised: &str) -> u128 {
    let mut digest = Sha256::new();
    digest.update(b"p2p-market recovery code\0");
    digest.update(normalised);
    let digest = digest.finalize();
    let half = digest.first_chunk::<16>();
    half.map_or(0, |half| u128::from_be_bytes(*half))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_the_same_however_it_is_written() {
        let (code, kept) = fresh().unwrap();
        assert_eq!(code.len(), 23, "{code}");
        let compact = code.replace('-', "");
        for written in [
            compact.clone(),
            compact.to_uppercase(),
            compact.replace('0', "O").replace('1', "l"),
            compact.replace('0', "o").replace('1', "I"),
        ] {
            assert_eq!(normalised(&written).map(|code| digest(&code)), Some(kept));
        }
    }

    #[test]
    fn nothing_else_may_be_one() {
        for other in [
            "",
            "123456",
            "0000000000000000000",
            "000000000000000000000",
            "u0000000000000000000",
            "é000000000000000000",
        ] {
            assert_eq!(normalised(other), None, "{other}");
        }
    }

    #[test]
    fn all_of_a_code_comes_from_chance() {
        let codes: Vec<String> = (0..200).map(|_| fresh().unwrap().0).collect();
        for place in (0..23).filter(|place| place % 6 != 5) {
            let letters: std::collections::BTreeSet<&str> =
                codes.iter().map(|code| &code[place..=place]).collect();
            assert!(letters.len() > 20, "{place}: {letters:?}");
        }
    }
}
