//! Payments as clients see them.

use p2p_application::payment::Authorized;
use p2p_domain::Payment;
use p2p_domain::payment::PaymentState;
use serde::Serialize;
use utoipa::ToSchema;

use crate::wire::{self, PaymentOutcome};

/// Why a payment was not made.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({
    "code": "INSUFFICIENT_FUNDS",
    "message": "there is not enough money in the wallet"
}))]
pub(crate) struct PaymentErrorView {
    code: wire::Decline,
    /// For people.
    message: &'static str,
}

impl PaymentErrorView {
    fn of(payment: &Payment) -> Option<Self> {
        payment.decline().map(|decline| Self {
            code: wire::Decline(decline),
            message: decline.reason(),
        })
    }
}

const fn outcome(payment: &Payment) -> PaymentOutcome {
    match payment.state {
        PaymentState::Authorized | PaymentState::Refunded { .. } => PaymentOutcome::Authorized,
        PaymentState::Declined(_) => PaymentOutcome::Declined,
    }
}

/// What became of a payment that was asked for.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({
    "payment_id": "pay_01jt0c7kq5e8tvb1y9m3x4z6wa",
    "status": "AUTHORIZED",
    "error": null,
    "processed_at": "2025-04-18T15:00:00Z"
}))]
pub(crate) struct AuthorizePaymentAnswer {
    /// Of a duplicate, the original's.
    payment_id: wire::PaymentId,
    status: wire::PaymentAnswer,
    /// Why it was not made: of a payment that was declined, also where it is a duplicate.
    #[schema(required = true)]
    error: Option<PaymentErrorView>,
    /// When it was decided.
    processed_at: wire::Time,
}

impl From<Authorized> for AuthorizePaymentAnswer {
    fn from(authorized: Authorized) -> Self {
        let Authorized { payment, duplicate } = authorized;
        let status = if duplicate {
            PaymentOutcome::Duplicate
        } else {
            outcome(&payment)
        };
        Self {
            payment_id: wire::PaymentId(payment.id),
            status: wire::PaymentAnswer(status),
            error: PaymentErrorView::of(&payment),
            processed_at: wire::Time(payment.processed_at),
        }
    }
}

/// A payment.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({
    "payment_id": "pay_01jt0c7kq5e8tvb1y9m3x4z6wa",
    "payer_account_id": "acct_01jt0c7kq5e8tvb1y9m3x4z6wa",
    "payee_account_id": "acct_01jt0c7kq5e8tvb1y9m3x4z6wb",
    "amount": "100.00",
    "currency": "RUB",
    "status": "AUTHORIZED",
    "error": null,
    "description": "Lunch",
    "processed_at": "2025-04-18T15:00:00Z",
    "refunded_at": null
}))]
pub(crate) struct PaymentView {
    payment_id: wire::PaymentId,
    /// The account that pays; null where there was none.
    #[schema(required = true)]
    payer_account_id: Option<wire::AccountId>,
    /// The account that is paid; null where there was none.
    #[schema(required = true)]
    payee_account_id: Option<wire::AccountId>,
    amount: wire::Money,
    currency: wire::Asset,
    status: wire::PaymentStatus,
    /// Why it was not made, if it was not.
    #[schema(required = true)]
    error: Option<PaymentErrorView>,
    description: String,
    /// When it was decided.
    processed_at: wire::Time,
    /// When it was paid back, if it was.
    #[schema(required = true)]
    refunded_at: Option<wire::Time>,
}

impl From<Payment> for PaymentView {
    fn from(payment: Payment) -> Self {
        let refunded_at = match payment.state {
            PaymentState::Refunded { at, .. } => Some(wire::Time(at)),
            PaymentState::Authorized | PaymentState::Declined(_) => None,
        };
        Self {
            payment_id: wire::PaymentId(payment.id),
            payer_account_id: payment.terms.payer.map(wire::AccountId),
            payee_account_id: payment.terms.payee.map(wire::AccountId),
            amount: wire::Money(payment.terms.amount),
            currency: wire::Asset(payment.terms.amount.asset()),
            status: wire::PaymentStatus(outcome(&payment)),
            error: PaymentErrorView::of(&payment),
            processed_at: wire::Time(payment.processed_at),
            refunded_at,
            description: payment.terms.description,
        }
    }
}
