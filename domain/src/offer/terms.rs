//! What the two sides agreed on; fixed for the deal's whole life.

use std::time::Duration;

use crate::{ExchangeType, ListingId, Money, Price, Timestamp, UserId};

/// The agreement: who, what, at which price, and how long each step may take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terms {
    pub listing: ListingId,
    pub customer: UserId,
    pub exchanger: UserId,
    pub exchange_type: ExchangeType,
    /// The crypto in escrow.
    pub amount: Money,
    pub price: Price,
    /// What is paid outside.
    pub fiat: Money,
    /// The market's fee as it was when the deal began.
    pub fee_basis_points: u16,
    /// How long the fiat payer has once the offer is accepted.
    pub payment_window: Duration,
    /// The customer's own words.
    pub conditions: String,
    pub created_at: Timestamp,
}
