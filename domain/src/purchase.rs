//! A purchase: what an order is for and a payment pays.

use crate::money::AmountRefusal;
use crate::one_of::one_of;
use crate::user::AccessRefusal;
use crate::{Asset, Money, UserId};

/// The asset of a price that names none.
pub const DEFAULT_ASSET: Asset = Asset::Rub;

/// The buyer, the merchant and the price of a purchase.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Purchase {
    pub user: UserId,
    /// The payee; `None`: the market's own shop.
    pub merchant: Option<UserId>,
    pub amount: Money,
    pub description: String,
}

impl Purchase {
    /// Refused if no money would change hands.
    pub fn check(self) -> Result<Self, PurchaseError> {
        self.amount.positive().map_err(AmountRefusal::from)?;
        if self.merchant == Some(self.user) {
            return Err(AccessRefusal::SelfDeal.into());
        }
        Ok(self)
    }
}

one_of! {
    /// Why nothing can be bought this way.
    PurchaseError {
        Amount(AmountRefusal),
        Access(AccessRefusal),
    }
}
