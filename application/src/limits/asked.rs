//! What a limit has answered.

use crate::ports::Allowance;

/// A limit that was asked, and its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asked {
    /// What the limit is called.
    pub limit: &'static str,
    pub allowance: Allowance,
}

impl Asked {
    /// The one that somebody has to mind: a refusal, or else where less is left.
    #[must_use]
    pub fn tighter(one: Option<Self>, other: Option<Self>) -> Option<Self> {
        let (Some(first), Some(second)) = (one, other) else {
            return one.or(other);
        };
        let room = |asked: &Self| (asked.allowance.admitted, asked.allowance.remaining);
        Some(if room(&second) < room(&first) {
            second
        } else {
            first
        })
    }
}
