//! The numbers that an operator may choose.

use std::time::Duration;

/// Time-outs, limits and fees. Each is configuration; what is fixed when a deal begins is copied into the deal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// How long an exchanger may take to answer an offer.
    pub response_window: Duration,
    /// How long the crypto holder may take to confirm the receipt of fiat.
    pub receipt_window: Duration,
    /// The payment window of a listing that names none.
    pub default_payment_window: Duration,
    /// How many offers in a row an online exchanger may leave unanswered; one more freezes the account.
    pub unanswered_limit: u32,
    /// What the market keeps of the crypto that the fiat payer receives, in basis points.
    pub fee_basis_points: u16,
    /// How long a finished deal still counts as active.
    pub finished_stays_active: Duration,
    /// How many payments one caller may make from one account in a minute, on average, through one process; 0: as many as
    /// they like.
    pub payments_per_minute: u32,
    /// How many of them it may make at once, after a rest.
    pub payments_at_once: u32,
    /// Whether everybody may put money into their own wallet: for demonstrations only.
    pub faucet: bool,
}

impl Policy {
    /// The shortest payment window that a listing may have.
    pub const MIN_PAYMENT_WINDOW: Duration = Duration::from_secs(10 * 60);
    /// The longest payment window that a listing may have.
    pub const MAX_PAYMENT_WINDOW: Duration = Duration::from_secs(6 * 60 * 60);
    /// The highest fee that can be configured: one percent.
    pub const MAX_FEE_BASIS_POINTS: u16 = 100;
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            response_window: Duration::from_secs(30 * 60),
            receipt_window: Duration::from_secs(24 * 60 * 60),
            default_payment_window: Duration::from_secs(30 * 60),
            unanswered_limit: 5,
            fee_basis_points: 10,
            finished_stays_active: Duration::from_secs(24 * 60 * 60),
            payments_per_minute: 6_000,
            payments_at_once: 1_000,
            faucet: false,
        }
    }
}
