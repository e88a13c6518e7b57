//! What is read beside the aggregates, and never locked.

use p2p_domain::{Conduct, ExchangeType, Exchanger, Money, OfferId, Roles, UserId};

/// The parts of an offer that never change, as far as notifications need them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OfferSummary {
    pub id: OfferId,
    pub customer: UserId,
    pub exchanger: UserId,
    pub exchange_type: ExchangeType,
    pub amount: Money,
    pub fiat: Money,
}

/// What offers on listings depend on besides locked rows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OfferPreconditions {
    /// One for each customer.
    pub customers: Vec<CustomerPreconditions>,
    /// Those that exist.
    pub exchangers: Vec<Exchanger>,
}

/// What an offer depends on of its customer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CustomerPreconditions {
    pub user: UserId,
    /// `None`: none is stored.
    pub conduct: Option<Conduct>,
    /// Counted up to the requested maximum.
    pub open_offers: u32,
}

/// A member of the staff, with all roles.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StaffMember {
    pub user: UserId,
    pub roles: Roles,
}
