//! The decision of a limit.

use crate::ports::Allowance;

/// A limit and its decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LimitDecision {
    /// The name of the limit.
    pub limit: &'static str,
    pub allowance: Allowance,
}

impl LimitDecision {
    /// The stricter of two decisions: a refusal, else the one with less left.
    #[must_use]
    pub fn tighter(one: Option<Self>, other: Option<Self>) -> Option<Self> {
        let (Some(first), Some(second)) = (one, other) else {
            return one.or(other);
        };
        let left = |asked: &Self| (asked.allowance.admitted, asked.allowance.remaining);
        Some(if left(&second) < left(&first) {
            second
        } else {
            first
        })
    }
}
