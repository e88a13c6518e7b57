//! Time and ids.

use p2p_domain::{Timestamp, TypedId};

/// The present.
pub trait Clock: Send + Sync {
    /// Now. May stand still, may be moved by a test; never decides anything on its own.
    fn now(&self) -> Timestamp;
}

/// Fresh identifiers.
pub trait Ids: Send + Sync {
    /// The 128 bits of a UUID that was never handed out before and sorts (by its leading milliseconds) after those
    /// handed out earlier.
    fn next(&self) -> u128;
}

/// Typed ids from any source of ids.
pub trait IdsExt: Ids {
    /// A fresh id of the type that is wanted.
    fn fresh<T: TypedId>(&self) -> T {
        T::from_u128(self.next())
    }
}

impl<I: Ids + ?Sized> IdsExt for I {}
