//! Digests that tell requests apart.

/// The first 16 bytes of a digest, as a number.
#[must_use]
pub fn first_half(digest: impl AsRef<[u8]>) -> u128 {
    let half = digest.as_ref().first_chunk::<16>();
    half.map_or(0, |bytes| u128::from_be_bytes(*bytes))
}

#[cfg(test)]
mod tests {
    use sha2::{Digest, Sha256};

    use super::first_half;

    #[test]
    fn a_digest_is_cut_in_half() {
        // SHA-256 of nothing, by another implementation.
        let expected = 0xe3b0_c442_98fc_1c14_9afb_f4c8_996f_b924;
        assert_eq!(first_half(Sha256::digest("")), expected);
    }
}
