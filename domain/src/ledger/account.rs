//! Accounts and their balances.

use super::{Bucket, Leg};
use crate::{AccountId, Asset, Money, Refusal, UserId};

/// Whose account it is. The system owners are the other side of what enters, leaves and stays with the market.
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

    /// The account of somebody who is paid: a user, or the market's own shop.
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

/// Balances of one owner in one asset, in minor units.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Account {
    pub id: AccountId,
    pub key: AccountKey,
    available: i64,
    held: i64,
    pub version: u64,
}

impl Account {
    /// A new, empty account.
    #[must_use]
    pub const fn open(id: AccountId, key: AccountKey) -> Self {
        Self {
            id,
            key,
            available: 0,
            held: 0,
            version: 1,
        }
    }

    /// An account as it was stored; `None` for balances that no sequence of postings leads to.
    #[must_use]
    pub const fn restore(
        id: AccountId,
        key: AccountKey,
        available: i64,
        held: i64,
        version: u64,
    ) -> Option<Self> {
        let sound = held >= 0 && (available >= 0 || matches!(key.owner, Owner::External));
        if sound {
            Some(Self {
                id,
                key,
                available,
                held,
                version,
            })
        } else {
            None
        }
    }

    /// What the owner can use.
    #[must_use]
    pub const fn available(&self) -> Money {
        Money::new(self.available, self.key.asset)
    }

    /// What is held in escrow.
    #[must_use]
    pub const fn held(&self) -> Money {
        Money::new(self.held, self.key.asset)
    }

    /// This account after all legs of a posting that concern it. Refused where there is not enough; that escrow would
    /// fall below zero is a broken law.
    pub fn apply(self, legs: &[Leg]) -> Result<Self, Refusal> {
        let mut changed = self;
        for leg in legs.iter().filter(|leg| leg.account == self.key) {
            let balance = match leg.bucket {
                Bucket::Available => &mut changed.available,
                Bucket::Held => &mut changed.held,
            };
            *balance = balance
                .checked_add(leg.amount)
                .ok_or(Refusal::BalanceOverflow)?;
        }
        if changed.held < 0 {
            return Err(Refusal::Broken {
                what: "more is taken out of escrow than is in it",
            });
        }
        let version = self.version + 1;
        Self::restore(self.id, self.key, changed.available, changed.held, version).ok_or(
            Refusal::InsufficientFunds {
                asset: self.key.asset,
            },
        )
    }
}
