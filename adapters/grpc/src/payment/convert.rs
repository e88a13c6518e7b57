//! Messages to commands, and what came of them to messages.

use p2p_application::Caller;
use p2p_application::payment::{AuthorizePayment, Authorized};
use p2p_domain::payment::PaymentState;
use p2p_domain::{Account, Decline, Money, Payment, PaymentId};
use p2p_edge::FieldError;
use p2p_edge::idempotency::parse_key;

use crate::fields::{self, read_fields};
use crate::proto::payment::v1::{
    AuthorizePaymentRequest, AuthorizePaymentResponse, GetAccountBalanceResponse,
    GetPaymentResponse, PaymentError, PaymentErrorCode, PaymentStatus,
};
use crate::rpc_error::RpcError;

pub(super) fn authorize(
    id: PaymentId,
    caller: Caller,
    body: AuthorizePaymentRequest,
) -> Result<AuthorizePayment, RpcError> {
    let key = key(&body.idempotency_key).map_err(RpcError::in_field)?;
    read_fields! {
        asset = fields::asset("currency", &body.currency);
        description = fields::text("description", body.description, 0..=500);
    }
    Ok(AuthorizePayment {
        id,
        caller,
        key,
        payer: body.payer_account_id.parse().ok(),
        payee: body.payee_account_id.parse().ok(),
        amount: Money::new(body.amount_cents, asset),
        description,
        limited: false,
    })
}

fn key(text: &str) -> Result<String, FieldError> {
    let field = "idempotency_key";
    if text.is_empty() {
        let code = "IDEMPOTENCY_KEY_REQUIRED";
        return Err(FieldError::new(field, code, "is required"));
    }
    parse_key(text).ok_or_else(|| {
        let message = "must have 1 to 128 visible ASCII characters";
        FieldError::new(field, "IDEMPOTENCY_KEY_INVALID", message)
    })
}

pub(super) fn authorized(authorized: &Authorized) -> AuthorizePaymentResponse {
    let payment = &authorized.payment;
    let status = if authorized.duplicate {
        PaymentStatus::Duplicate
    } else {
        status_of(payment)
    };
    AuthorizePaymentResponse {
        payment_id: payment.id.to_string(),
        status: status.into(),
        error: error_of(payment),
        processed_at: payment.processed_at.to_string(),
    }
}

pub(super) fn payment(payment: Payment) -> GetPaymentResponse {
    let refunded_at = match payment.state {
        PaymentState::Refunded { at, .. } => at.to_string(),
        PaymentState::Authorized | PaymentState::Declined(_) => String::new(),
    };
    let named = |account: Option<p2p_domain::AccountId>| {
        account.map_or_else(String::new, |id| id.to_string())
    };
    GetPaymentResponse {
        payment_id: payment.id.to_string(),
        payer_account_id: named(payment.terms.payer),
        payee_account_id: named(payment.terms.payee),
        amount_cents: payment.terms.amount.minor(),
        currency: payment.terms.amount.asset().code().to_owned(),
        status: status_of(&payment).into(),
        error: error_of(&payment),
        processed_at: payment.processed_at.to_string(),
        refunded_at,
        description: payment.terms.description,
    }
}

pub(super) fn balance(account: &Account) -> GetAccountBalanceResponse {
    GetAccountBalanceResponse {
        account_id: account.id.to_string(),
        available_cents: account.available().minor(),
        held_cents: account.held().minor(),
        currency: account.key.asset.code().to_owned(),
    }
}

const fn status_of(payment: &Payment) -> PaymentStatus {
    match payment.state {
        PaymentState::Authorized | PaymentState::Refunded { .. } => PaymentStatus::Authorized,
        PaymentState::Declined(_) => PaymentStatus::Declined,
    }
}

fn error_of(payment: &Payment) -> Option<PaymentError> {
    payment.decline().map(|decline| PaymentError {
        code: code_of(decline).into(),
        message: decline.reason().to_owned(),
    })
}

const fn code_of(decline: Decline) -> PaymentErrorCode {
    match decline {
        Decline::InsufficientFunds => PaymentErrorCode::InsufficientFunds,
        Decline::AccountNotFound => PaymentErrorCode::AccountNotFound,
        Decline::InvalidAmount => PaymentErrorCode::InvalidAmount,
        Decline::SameAccount => PaymentErrorCode::SameAccount,
        Decline::CurrencyMismatch => PaymentErrorCode::CurrencyMismatch,
        Decline::RateLimited => PaymentErrorCode::RateLimited,
    }
}
