//! Money: whole minor units of one asset. Checked, exact, and never a float.

mod amount;
mod asset;
mod decimal;
mod price;

pub use amount::{AmountRefusal, AmountRole};
pub use asset::{Asset, AssetKind, UnknownAsset};
pub use decimal::Decimal;
pub use price::Price;

use std::fmt;

/// Why an amount can't be what it was meant to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MoneyError {
    /// Not a decimal number.
    Malformed,
    /// More decimals than the asset (or the price) has; nothing is ever rounded silently.
    TooManyDecimals { most: u8 },
    /// Beyond what 64 bits of minor units can hold.
    Overflow,
    /// Zero or less where something must change hands.
    NotPositive,
    /// Two assets in one sum.
    AssetMismatch { expected: Asset, found: Asset },
}

impl fmt::Display for MoneyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed => f.write_str("not a decimal number"),
            Self::TooManyDecimals { most } => write!(f, "too many decimals: at most {most}"),
            Self::Overflow => f.write_str("the amount is too large"),
            Self::NotPositive => f.write_str("the amount must be greater than zero"),
            Self::AssetMismatch { expected, found } => {
                write!(f, "the amount is in {found}, {expected} is wanted")
            }
        }
    }
}

impl std::error::Error for MoneyError {}

/// A signed amount in the minor units of one asset: `Money::new(150, Asset::Usd)` is 1.50 USD.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Money {
    minor: i64,
    asset: Asset,
}

impl Money {
    /// From minor units.
    #[must_use]
    pub const fn new(minor: i64, asset: Asset) -> Self {
        Self { minor, asset }
    }

    /// Nothing of this asset.
    #[must_use]
    pub const fn zero(asset: Asset) -> Self {
        Self { minor: 0, asset }
    }

    /// The exact amount that a decimal names, which must not have more decimals than the asset.
    pub fn from_decimal(value: Decimal, asset: Asset) -> Result<Self, MoneyError> {
        value
            .at_scale(asset.scale())
            .map(|minor| Self { minor, asset })
    }

    /// Minor units.
    #[must_use]
    pub const fn minor(self) -> i64 {
        self.minor
    }

    /// What it is an amount of.
    #[must_use]
    pub const fn asset(self) -> Asset {
        self.asset
    }

    /// Itself if something is there to change hands, otherwise [`MoneyError::NotPositive`].
    pub fn positive(self) -> Result<Self, MoneyError> {
        if self.minor > 0 {
            Ok(self)
        } else {
            Err(MoneyError::NotPositive)
        }
    }

    /// The sum; both must be of one asset.
    pub fn checked_add(self, other: Self) -> Result<Self, MoneyError> {
        self.combine(other, i64::checked_add)
    }

    /// The difference; both must be of one asset.
    pub fn checked_sub(self, other: Self) -> Result<Self, MoneyError> {
        self.combine(other, i64::checked_sub)
    }

    /// This many basis points (hundredths of a percent) of it, rounded down.
    pub fn basis_points(self, points: u16) -> Result<Self, MoneyError> {
        let part = i128::from(self.minor) * i128::from(points) / 10_000;
        let minor = i64::try_from(part).map_err(|_| MoneyError::Overflow)?;
        Ok(Self { minor, ..self })
    }

    fn combine(
        self,
        other: Self,
        operation: fn(i64, i64) -> Option<i64>,
    ) -> Result<Self, MoneyError> {
        if self.asset != other.asset {
            return Err(MoneyError::AssetMismatch {
                expected: self.asset,
                found: other.asset,
            });
        }
        let minor = operation(self.minor, other.minor).ok_or(MoneyError::Overflow)?;
        Ok(Self { minor, ..self })
    }
}

/// The decimal number at the asset's full scale, without the asset's name: `1.50`.
impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        decimal::write(self.minor, self.asset.scale(), f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn money(text: &str, asset: Asset) -> Result<Money, MoneyError> {
        Money::from_decimal(text.parse()?, asset)
    }

    #[test]
    fn decimals_are_exact_or_refused() {
        assert_eq!(
            money("100.0", Asset::Usdt),
            Ok(Money::new(100_000_000, Asset::Usdt))
        );
        assert_eq!(
            money("0.00000001", Asset::Btc),
            Ok(Money::new(1, Asset::Btc))
        );
        assert_eq!(money("1e-8", Asset::Btc), Ok(Money::new(1, Asset::Btc)));
        assert_eq!(
            money("1.5E3", Asset::Usd),
            Ok(Money::new(150_000, Asset::Usd))
        );
        assert_eq!(
            money("0.001", Asset::Usd),
            Err(MoneyError::TooManyDecimals { most: 2 })
        );
        assert_eq!(money("1.500", Asset::Usd), Ok(Money::new(150, Asset::Usd)));
        assert_eq!(
            money("92233720368547758.08", Asset::Usd),
            Err(MoneyError::Overflow)
        );
        assert_eq!(
            money("92233720368547758.07", Asset::Usd),
            Ok(Money::new(i64::MAX, Asset::Usd))
        );
        assert_eq!(
            money("-92233720368547758.08", Asset::Usd),
            Ok(Money::new(i64::MIN, Asset::Usd))
        );
    }

    #[test]
    fn assets_do_not_mix() {
        let usd = Money::new(1, Asset::Usd);
        let btc = Money::new(1, Asset::Btc);
        assert_eq!(
            usd.checked_add(btc),
            Err(MoneyError::AssetMismatch {
                expected: Asset::Usd,
                found: Asset::Btc
            })
        );
    }

    #[test]
    fn a_fee_is_rounded_down() {
        assert_eq!(
            Money::new(9_999, Asset::Usdt).basis_points(10),
            Ok(Money::new(9, Asset::Usdt))
        );
    }

    proptest! {
        #[test]
        fn what_is_shown_is_read_back(minor: i64, pick in 0..Asset::ALL.len()) {
            let original = Money::new(minor, Asset::ALL[pick]);
            prop_assert_eq!(money(&original.to_string(), original.asset()), Ok(original));
        }

        #[test]
        fn no_text_panics(text in ".{0,40}") {
            let _ = money(&text, Asset::Btc);
        }

        #[test]
        fn no_number_like_text_panics(text in "-?[0-9]{0,45}(\\.[0-9]{0,45})?([eE][+-]?[0-9]{0,12})?") {
            let _ = money(&text, Asset::Btc);
        }
    }
}
