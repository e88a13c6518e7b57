//! From stored values to the domain's, and back. What does not fit is an error that names table and id.

use std::fmt::Display;
use std::time::Duration;

use p2p_application::ports::StorageError;
use p2p_domain::audit_log::ChainHash;
use p2p_domain::{Asset, Money, Price, Timestamp, TypedId};
use uuid::Uuid;

/// The users that are no people: the rows behind the accounts of the outside world, of the market's earnings, and of its
/// shop.
pub(crate) const EXTERNAL: Uuid = Uuid::from_u128(1);
pub(crate) const FEES: Uuid = Uuid::from_u128(2);
pub(crate) const SHOP: Uuid = Uuid::from_u128(3);

/// Whether this is the row of a party that nobody can be.
pub(crate) fn is_system(user: Uuid) -> bool {
    [EXTERNAL, FEES, SHOP].contains(&user)
}

/// An id as it is stored.
pub(crate) fn uuid<T: TypedId>(id: T) -> Uuid {
    Uuid::from_u128(id.as_u128())
}

/// A stored id. Which kind it is, the column says.
pub(crate) fn id<T: TypedId>(uuid: Uuid) -> T {
    T::from_u128(uuid.as_u128())
}

/// A count or version as it is stored. What 63 bits can't hold is refused, not wrapped.
pub(crate) fn stored(count: u64) -> Result<i64, StorageError> {
    i64::try_from(count).map_err(|_| StorageError::Rejected {
        what: format!("{count} does not fit a column of 64 bits"),
    })
}

/// A number to compare with: what 63 bits can't hold is more than anything that is stored.
pub(crate) fn bound(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// A span as it is stored: whole seconds.
pub(crate) fn seconds(span: Duration) -> Result<i64, StorageError> {
    if span.subsec_nanos() != 0 {
        return Err(StorageError::Rejected {
            what: "a payment window is stored in whole seconds".to_owned(),
        });
    }
    stored(span.as_secs())
}

/// Which row is being read: what a complaint about it names.
#[derive(Debug, Clone)]
pub(crate) struct RowContext {
    table: &'static str,
    id: String,
}

impl RowContext {
    pub(crate) fn new(table: &'static str, id: impl Display) -> Self {
        Self {
            table,
            id: id.to_string(),
        }
    }

    /// The row makes no sense.
    pub(crate) fn corrupt(&self, reason: impl Display) -> StorageError {
        StorageError::Corrupt {
            table: self.table,
            id: self.id.clone(),
            reason: reason.to_string(),
        }
    }

    /// The one of `all` that has this name.
    pub(crate) fn named<T: Copy>(
        &self,
        all: &[T],
        name: fn(T) -> &'static str,
        stored: &str,
    ) -> Result<T, StorageError> {
        all.iter()
            .copied()
            .find(|one| name(*one) == stored)
            .ok_or_else(|| self.corrupt(format_args!("{stored:?} names nothing known")))
    }

    pub(crate) fn asset(&self, code: &str) -> Result<Asset, StorageError> {
        self.named(Asset::ALL, Asset::code, code)
    }

    pub(crate) fn price(&self, e8: i64, fiat: Asset) -> Result<Price, StorageError> {
        Price::from_e8(e8, fiat).map_err(|error| self.corrupt(error))
    }

    pub(crate) fn positive(&self, minor: i64, asset: Asset) -> Result<Money, StorageError> {
        Money::new(minor, asset)
            .positive()
            .map_err(|error| self.corrupt(error))
    }

    /// A count: zero or more.
    pub(crate) fn count(&self, column: &str, value: i64) -> Result<u64, StorageError> {
        u64::try_from(value).map_err(|_| self.corrupt(format_args!("{column} is negative")))
    }

    /// A version: one or more.
    pub(crate) fn version(&self, value: i64) -> Result<u64, StorageError> {
        match self.count("version", value)? {
            0 => Err(self.corrupt("version is zero")),
            version => Ok(version),
        }
    }

    pub(crate) fn span(&self, seconds: i64) -> Result<Duration, StorageError> {
        self.count("payment_window_seconds", seconds)
            .map(Duration::from_secs)
    }

    /// A column that this state of the row must have.
    pub(crate) fn present<T>(&self, column: &str, value: Option<T>) -> Result<T, StorageError> {
        value.ok_or_else(|| self.corrupt(format_args!("{column} is missing")))
    }

    /// A column that this state of the row must not have.
    pub(crate) fn absent<T>(&self, column: &str, value: &Option<T>) -> Result<(), StorageError> {
        match value {
            None => Ok(()),
            Some(_) => Err(self.corrupt(format_args!("{column} must be empty in this state"))),
        }
    }
}

/// A hash of the audit trail, in the one form in which it is stored.
pub(crate) fn hash(reading: &RowContext, text: &str) -> Result<ChainHash, StorageError> {
    let hash = text.parse::<ChainHash>();
    let hash = hash.ok().filter(|hash| hash.to_string() == text);
    hash.ok_or_else(|| reading.corrupt("hash is no hash in its stored form"))
}

/// A stored time.
pub(crate) const fn time(micros: i64) -> Timestamp {
    Timestamp::from_micros(micros)
}

/// Rows to the domain, all or the first error.
pub(crate) fn all<R, T>(rows: Vec<R>) -> Result<Vec<T>, StorageError>
where
    T: TryFrom<R, Error = StorageError>,
{
    rows.into_iter().map(T::try_from).collect()
}

/// A row to the domain, if there is one.
pub(crate) fn maybe<R, T>(row: Option<R>) -> Result<Option<T>, StorageError>
where
    T: TryFrom<R, Error = StorageError>,
{
    row.map(T::try_from).transpose()
}

/// Whether a text can be stored at all: PostgreSQL has no room for a zero byte, so no row has one.
pub(crate) fn storable(text: &str) -> bool {
    !text.contains('\0')
}
