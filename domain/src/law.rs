//! Laws of the market, which only a defect of ours can break.

/// A law that would break. The change is refused and reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BrokenLaw {
    pub what: &'static str,
}
