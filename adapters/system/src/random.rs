//! Randomness of the operating system.

/// 128 bits that nobody can guess.
#[expect(
    clippy::disallowed_methods,
    reason = "this is the adapter that the ban points to"
)]
pub fn random_bits() -> Result<u128, getrandom::Error> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes)?;
    Ok(u128::from_be_bytes(bytes))
}
