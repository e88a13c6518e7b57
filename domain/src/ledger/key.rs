//! The names of accounts.

use crate::{Asset, UserId};

/// The owner of an account. The system owners are the counterpart of what enters, leaves and stays with the market.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Owner {
    User(UserId),
    /// The world outside: deposits come from here, withdrawals go here. The only owner whose balance may be negative.
    External,
    /// What the market has earned.
    Fees,
    /// The market's own shop: who is paid by orders that name no merchant.
    Shop,
}

/// An account is named by its owner and its asset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AccountKey {
    pub owner: Owner,
    pub asset: Asset,
}

impl AccountKey {
    /// The account of a user.
    #[must_use]
    pub const fn user(user: UserId, asset: Asset) -> Self {
        Self {
            owner: Owner::User(user),
            asset,
        }
    }

    /// The outside world's account.
    #[must_use]
    pub const fn external(asset: Asset) -> Self {
        Self {
            owner: Owner::External,
            asset,
        }
    }

    /// The account of a payee: a user, or the market's own shop.
    #[must_use]
    pub const fn merchant(merchant: Option<UserId>, asset: Asset) -> Self {
        let owner = match merchant {
            Some(user) => Owner::User(user),
            None => Owner::Shop,
        };
        Self { owner, asset }
    }

    /// The market's own earnings.
    #[must_use]
    pub const fn fees(asset: Asset) -> Self {
        Self {
            owner: Owner::Fees,
            asset,
        }
    }
}
