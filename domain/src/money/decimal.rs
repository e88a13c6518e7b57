//! Decimal numbers as people and JSON write them, held exactly until an asset's scale is known.

use std::fmt;
use std::str::FromStr;

use super::MoneyError;

/// Beyond this many digits no amount of any asset fits 64 bits.
const MAX_DIGITS: usize = 38;

/// An exact decimal: `digits * 10^-scale`, without trailing zeros after the point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decimal {
    digits: i128,
    scale: i32,
}

impl Decimal {
    /// Zero or below.
    #[must_use]
    pub const fn is_positive(self) -> bool {
        self.digits > 0
    }

    /// The whole number of units of `10^-scale`.
    pub(super) fn at_scale(self, scale: u8) -> Result<i64, MoneyError> {
        if self.digits == 0 {
            return Ok(0);
        }
        let shift = i32::from(scale).saturating_sub(self.scale);
        let power =
            u32::try_from(shift).map_err(|_| MoneyError::TooManyDecimals { most: scale })?;
        10i128
            .checked_pow(power)
            .and_then(|factor| self.digits.checked_mul(factor))
            .and_then(|units| i64::try_from(units).ok())
            .ok_or(MoneyError::Overflow)
    }
}

/// Accepts what a JSON number may look like (`-12`, `0.5`, `1e-7`), and a leading zero; nothing else: no spaces, no
/// separators, no `+`, no `.5`.
impl FromStr for Decimal {
    type Err = MoneyError;

    fn from_str(text: &str) -> Result<Self, MoneyError> {
        let malformed = MoneyError::Malformed;
        let (mantissa, exponent) = match text.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, read_exponent(exponent)?),
            None => (text, 0),
        };
        let (negative, unsigned) = match mantissa.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, mantissa),
        };
        let (whole, fraction) = match unsigned.split_once('.') {
            Some((_, "")) => return Err(malformed),
            Some(parts) => parts,
            None => (unsigned, ""),
        };
        let all_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        if whole.is_empty() || !all_digits(whole) || !all_digits(fraction) {
            return Err(malformed);
        }
        let digits = [whole, fraction].concat();
        let significant = digits.trim_end_matches('0');
        let trimmed = exponent_of(digits.len() - significant.len())?;
        let significant = significant.trim_start_matches('0');
        if significant.is_empty() {
            return Ok(Self {
                digits: 0,
                scale: 0,
            });
        }
        if significant.len() > MAX_DIGITS {
            return Err(MoneyError::Overflow);
        }
        let magnitude: i128 = significant.parse().map_err(|_| MoneyError::Overflow)?;
        Ok(Self {
            digits: if negative { -magnitude } else { magnitude },
            scale: exponent_of(fraction.len())? - trimmed - exponent,
        })
    }
}

/// Exponents are kept small enough for plain arithmetic; beyond, the number is absurd as an amount of money.
fn exponent_of(count: usize) -> Result<i32, MoneyError> {
    i32::try_from(count)
        .ok()
        .filter(|count| *count <= 100_000)
        .ok_or(MoneyError::Overflow)
}

fn read_exponent(text: &str) -> Result<i32, MoneyError> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(MoneyError::Malformed);
    }
    let size: i32 = digits
        .parse()
        .ok()
        .filter(|size| *size <= 1_000)
        .ok_or(MoneyError::Overflow)?;
    Ok(if text.starts_with('-') { -size } else { size })
}

/// Writes `units * 10^-scale` with exactly `scale` decimals.
pub(super) fn write(units: i64, scale: u8, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let sign = if units < 0 { "-" } else { "" };
    let magnitude = units.unsigned_abs();
    if scale == 0 {
        return write!(f, "{sign}{magnitude}");
    }
    let factor = 10u64.pow(u32::from(scale));
    write!(
        f,
        "{sign}{}.{:0width$}",
        magnitude / factor,
        magnitude % factor,
        width = usize::from(scale)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_numbers_are_read() {
        for bad in [
            "", "-", ".", ".5", "5.", "+1", " 1", "1 ", "1,5", "1_000", "NaN", "inf", "0x1", "1e",
            "1e+", "1e1.5", "--1", "1.2.3", "١",
        ] {
            assert_eq!(
                bad.parse::<Decimal>(),
                Err(MoneyError::Malformed),
                "{bad:?}"
            );
        }
        for (text, digits, scale) in [
            ("0", 0, 0),
            ("-0.000", 0, 0),
            ("100", 1, -2),
            ("100.0", 1, -2),
            ("007.50", 75, 1),
            ("-1e-7", -1, 7),
            ("12.5E2", 125, -1),
        ] {
            assert_eq!(
                text.parse::<Decimal>(),
                Ok(Decimal { digits, scale }),
                "{text}"
            );
        }
        assert_eq!(
            "1e999999999999".parse::<Decimal>(),
            Err(MoneyError::Overflow)
        );
        assert_eq!("1".repeat(39).parse::<Decimal>(), Err(MoneyError::Overflow));
    }
}
