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
    /// Whether every user may create money in their own wallet: for demonstrations only.
    pub faucet: bool,
    pub limits: Limits,
    pub access: AccessRules,
}

/// How much of something one person may have or do. 0: as much as they like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Deals that one customer may have open. Offers that are made at the very same moment may exceed it by a few.
    pub open_offers: u32,
    /// Deals that one customer may call off, or not pay in time, within a day; one more begins a pause.
    pub cancels_per_day: u32,
    /// How long a customer who called off too many may make no offers.
    pub cancel_pause: Duration,
    /// Listings that one exchanger may have, closed ones not counted.
    pub listings: u32,
    /// Undecided withdrawals per user.
    pub open_withdrawals: u32,
}

impl Limits {
    /// No limits.
    pub const NONE: Self = Self {
        open_offers: 0,
        cancels_per_day: 0,
        cancel_pause: Duration::ZERO,
        listings: 0,
        open_withdrawals: 0,
    };
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            open_offers: 20,
            cancels_per_day: 10,
            cancel_pause: Duration::from_secs(24 * 60 * 60),
            listings: 100,
            open_withdrawals: 10,
        }
    }
}

/// Requirements of authentication.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AccessRules {
    /// Whether moderators and administrators must show a second factor before they move money or rights.
    pub staff_second_factor: bool,
    /// Whether every user needs a proof to withdraw, or to pay to another account.
    pub withdrawal_second_factor: bool,
    /// How long a second factor that was shown counts.
    pub proof_lasts: Duration,
    /// Whether a log-in requires a verified e-mail address.
    pub verified_email: bool,
    /// A session is over then, however much it is used.
    pub session_lifetime: Duration,
    /// A session is over when it was left alone for so long.
    pub session_idle: Duration,
    /// Failed log-ins in a row that cost nothing; from then on the wait begins with a second and doubles.
    pub free_failures: u32,
    pub longest_wait: Duration,
    /// So many failed log-ins in a row lock the account; 0: never.
    pub lock_after: u32,
    /// Failed log-ins in a row from one source without a wait, for any addresses; then the wait begins
    /// with a second and doubles up to a minute. 0: no wait by source.
    pub free_failures_per_source: u32,
    /// How long a lock lasts, unless the owner resets the password.
    pub lock_lasts: Duration,
}

impl Default for AccessRules {
    fn default() -> Self {
        const DAY: Duration = Duration::from_secs(24 * 60 * 60);
        Self {
            staff_second_factor: true,
            withdrawal_second_factor: false,
            proof_lasts: Duration::from_secs(10 * 60),
            verified_email: false,
            session_lifetime: 30 * DAY,
            session_idle: 7 * DAY,
            free_failures: 3,
            longest_wait: Duration::from_secs(15 * 60),
            lock_after: 20,
            free_failures_per_source: 20,
            lock_lasts: DAY,
        }
    }
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
            limits: Limits::default(),
            access: AccessRules::default(),
        }
    }
}
