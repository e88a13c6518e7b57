//! Payments outside, as payment providers report them.

use crate::named::named;
use crate::offer::Status;
use crate::{Money, Offer, OfferId, ReportId, Timestamp};

named! {
    /// What became of a report.
    ReportOutcome {
        /// The deal's payment is confirmed by it, or the user's deposit is booked.
        Applied = "APPLIED",
        /// It names no deal, and no user.
        UnknownDeal = "UNKNOWN_DEAL",
        /// The deal is about another currency.
        WrongCurrency = "WRONG_CURRENCY",
        /// The deal is about another amount, or no wallet can hold so much.
        WrongAmount = "WRONG_AMOUNT",
        /// The deal awaits no payment.
        NotAwaited = "NOT_AWAITED",
    }
}

/// A payment that a provider has seen, kept for ever; those that were not applied are for moderators to look into.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaymentReport {
    pub id: ReportId,
    /// The reporting provider.
    pub provider: String,
    /// What the provider calls the report; it is received once under this name.
    pub callback: String,
    /// What the payer gave as the purpose: the deal's id, if all is well.
    pub deal_reference: String,
    /// What the provider calls the payment.
    pub payment_reference: String,
    pub paid: Money,
    /// The deal that it names.
    pub offer: Option<OfferId>,
    pub outcome: ReportOutcome,
    pub received_at: Timestamp,
}

/// What a payment means for the deal that it names, if it names one. Everything must fit.
#[must_use]
pub fn assess(deal: Option<&Offer>, paid: Money) -> ReportOutcome {
    let Some(deal) = deal else {
        return ReportOutcome::UnknownDeal;
    };
    if paid.asset() != deal.terms.fiat.asset() {
        ReportOutcome::WrongCurrency
    } else if paid != deal.terms.fiat {
        ReportOutcome::WrongAmount
    } else if deal.status() != Status::Approved {
        ReportOutcome::NotAwaited
    } else {
        ReportOutcome::Applied
    }
}
