//! Accounts and their balances.

use super::key::{AccountKey, Owner};
use super::posting::{Bucket, Leg};
use super::refusal::{LedgerError, LedgerRefusal};
use crate::law::BrokenLaw;
use crate::{AccountId, Money};

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
    pub fn apply(self, legs: &[Leg]) -> Result<Self, LedgerError> {
        let mut changed = self;
        for leg in legs.iter().filter(|leg| leg.account == self.key) {
            let balance = match leg.bucket {
                Bucket::Available => &mut changed.available,
                Bucket::Held => &mut changed.held,
            };
            *balance = balance
                .checked_add(leg.amount)
                .ok_or(LedgerRefusal::BalanceOverflow)?;
        }
        if changed.held < 0 {
            return Err(BrokenLaw {
                what: "more is taken out of escrow than is in it",
            }
            .into());
        }
        let version = self.version + 1;
        Self::restore(self.id, self.key, changed.available, changed.held, version).ok_or(
            LedgerRefusal::InsufficientFunds {
                asset: self.key.asset,
            }
            .into(),
        )
    }
}
