//! What one whole unit of crypto costs in fiat.

use std::fmt;

use super::decimal;
use super::{Asset, Decimal, Money, MoneyError};

/// Fiat per one whole unit of crypto, at eight decimals. Always greater than zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Price {
    e8: i64,
    fiat: Asset,
}

impl Price {
    /// Decimals of a price, whatever the currency.
    pub const SCALE: u8 = 8;

    /// From a decimal number of `fiat` with at most eight decimals.
    pub fn from_decimal(value: Decimal, fiat: Asset) -> Result<Self, MoneyError> {
        Self::from_e8(value.at_scale(Self::SCALE)?, fiat)
    }

    /// From hundred-millionths of `fiat`.
    pub fn from_e8(e8: i64, fiat: Asset) -> Result<Self, MoneyError> {
        if e8 > 0 {
            Ok(Self { e8, fiat })
        } else {
            Err(MoneyError::NotPositive)
        }
    }

    /// Hundred-millionths of the currency.
    #[must_use]
    pub const fn e8(self) -> i64 {
        self.e8
    }

    /// The currency it is in.
    #[must_use]
    pub const fn fiat(self) -> Asset {
        self.fiat
    }

    /// What `crypto` costs, rounded half to even at the currency's scale.
    pub fn fiat_for(self, crypto: Money) -> Result<Money, MoneyError> {
        let product = i128::from(crypto.minor()) * i128::from(self.e8);
        let excess = u32::from(crypto.asset().scale()) + u32::from(Self::SCALE)
            - u32::from(self.fiat.scale());
        let divisor = 10i128.pow(excess);
        let (quotient, remainder) = (product.div_euclid(divisor), product.rem_euclid(divisor));
        let rounded = match (remainder * 2).cmp(&divisor) {
            std::cmp::Ordering::Less => quotient,
            std::cmp::Ordering::Greater => quotient + 1,
            std::cmp::Ordering::Equal => quotient + quotient.rem_euclid(2),
        };
        i64::try_from(rounded)
            .map(|minor| Money::new(minor, self.fiat))
            .map_err(|_| MoneyError::Overflow)
    }
}

/// The decimal number with eight decimals.
impl fmt::Display for Price {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        decimal::write(self.e8, Self::SCALE, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn price(text: &str, fiat: Asset) -> Price {
        Price::from_decimal(text.parse().unwrap(), fiat).unwrap()
    }

    #[test]
    fn fiat_is_rounded_half_to_even() {
        let cents = |crypto: i64| {
            price("0.5", Asset::Usd)
                .fiat_for(Money::new(crypto, Asset::Usdt))
                .unwrap()
                .minor()
        };
        assert_eq!(cents(1_000_000), 50);
        assert_eq!(cents(10_000), 0); // half a cent, to the even zero
        assert_eq!(cents(30_000), 2); // one and a half, to the even two
        assert_eq!(cents(50_000), 2); // two and a half, to the even two
        assert_eq!(cents(50_001), 3);
    }

    #[test]
    fn the_largest_product_is_an_error_and_not_a_wrap() {
        let dear = Price::from_e8(i64::MAX, Asset::Jpy).unwrap();
        assert_eq!(
            dear.fiat_for(Money::new(i64::MAX, Asset::Usdt)),
            Err(MoneyError::Overflow)
        );
        assert_eq!(Price::from_e8(0, Asset::Usd), Err(MoneyError::NotPositive));
    }

    proptest! {
        #[test]
        fn rounding_is_never_off_by_more_than_half(crypto in 0i64..1_000_000_000_000, e8 in 1i64..1_000_000_000_000) {
            let price = Price::from_e8(e8, Asset::Usd).unwrap();
            let fiat = price.fiat_for(Money::new(crypto, Asset::Usdt)).unwrap();
            let exact = i128::from(crypto) * i128::from(e8);
            let unit = 10i128.pow(6 + 8 - 2);
            prop_assert!((i128::from(fiat.minor()) * unit - exact).abs() * 2 <= unit);
        }
    }
}
