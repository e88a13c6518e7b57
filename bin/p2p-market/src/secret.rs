//! Secrets made on the spot.

use anyhow::{Context, Result};

/// 32 hexadecimal characters (128 bits) from the operating system.
pub(crate) fn fresh() -> Result<String> {
    let bits = p2p_system::random_bits().context("the operating system gives no randomness")?;
    Ok(format!("{bits:032x}"))
}

/// Twice as much: enough to sign or seal with.
pub(crate) fn fresh_key() -> Result<String> {
    Ok(fresh()? + &fresh()?)
}
