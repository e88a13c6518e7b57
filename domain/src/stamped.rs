//! When a fact came true.

use crate::Timestamp;

/// A fact, the version of its aggregate when it came true, and the time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stamped<F> {
    pub fact: F,
    pub version: u64,
    pub at: Timestamp,
}

impl<F> Stamped<F> {
    /// The same version and time for a fact that contains this one.
    pub fn map<G>(self, wrap: impl FnOnce(F) -> G) -> Stamped<G> {
        Stamped {
            fact: wrap(self.fact),
            version: self.version,
            at: self.at,
        }
    }
}
