//! What can be owned here, and at which scale.

use std::fmt;
use std::str::FromStr;

/// Crypto is held in escrow on our ledger; fiat of a deal moves outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AssetKind {
    Crypto,
    Fiat,
}

macro_rules! assets {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $kind:ident, $scale:literal;)*) => {
        /// A crypto asset or a fiat currency, with the fixed number of decimals that its minor unit has (at most 8).
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Asset { $($(#[$doc])* $name),* }

        impl Asset {
            /// Every asset of the market.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// The code that people and interfaces use.
            #[must_use]
            pub const fn code(self) -> &'static str { match self { $(Self::$name => $code),* } }

            /// Decimals of the minor unit.
            #[must_use]
            pub const fn scale(self) -> u8 { match self { $(Self::$name => $scale),* } }

            /// Crypto or fiat.
            #[must_use]
            pub const fn kind(self) -> AssetKind { match self { $(Self::$name => AssetKind::$kind),* } }
        }

        impl FromStr for Asset {
            type Err = UnknownAsset;
            fn from_str(code: &str) -> Result<Self, UnknownAsset> {
                match code { $($code => Ok(Self::$name),)* _ => Err(UnknownAsset) }
            }
        }
    };
}

assets! {
    Btc = "BTC", Crypto, 8;
    /// Ether, at 8 decimals: a 64-bit count of wei would end at nine ether.
    Eth = "ETH", Crypto, 8;
    Ltc = "LTC", Crypto, 8;
    Usdt = "USDT", Crypto, 6;
    Usdc = "USDC", Crypto, 6;
    Usd = "USD", Fiat, 2;
    Eur = "EUR", Fiat, 2;
    Gbp = "GBP", Fiat, 2;
    Rub = "RUB", Fiat, 2;
    Kzt = "KZT", Fiat, 2;
    Jpy = "JPY", Fiat, 0;
}

impl fmt::Display for Asset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// No asset of the market has this code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnknownAsset;

impl fmt::Display for UnknownAsset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("unknown asset")
    }
}

impl std::error::Error for UnknownAsset {}
