//! Randomness of the operating system.

/// 128 random bits.
pub fn random_bits() -> Result<u128, getrandom::Error> {
    random_bytes().map(u128::from_be_bytes)
}

/// Random bytes.
#[expect(
    clippy::disallowed_methods,
    reason = "this is the adapter that the ban points to"
)]
pub(crate) fn random_bytes<const N: usize>() -> Result<[u8; N], getrandom::Error> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes)?;
    Ok(bytes)
}
