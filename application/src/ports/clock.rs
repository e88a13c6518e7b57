//! Time and ids.

use p2p_domain::{Timestamp, TypedId};

/// The present.
pub trait Clock: Send + Sync {
    /// Now. Tests may stop or move it.
    fn now(&self) -> Timestamp;
}

/// New identifiers.
pub trait Ids: Send + Sync {
    /// The 128 bits of a new UUID, which sorts (by its leading milliseconds) after earlier ones.
    fn next(&self) -> u128;
}

/// Typed ids from any source of ids.
pub trait IdsExt: Ids {
    /// A new id of the expected type.
    fn fresh<T: TypedId>(&self) -> T {
        T::from_u128(self.next())
    }
}

impl<I: Ids + ?Sized> IdsExt for I {}
