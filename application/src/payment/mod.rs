//! Billing: payments from account to account, made or declined once for each reason to pay.
//!
//! Orders are paid here because a message asks for it, and hear of it by a message: this module knows nothing of orders
//! but what these messages say, and could be a service of its own.

mod authorize;
mod charge;
mod consumer;
mod ports;
mod queries;
mod refund;

pub use authorize::{AuthorizePayment, Authorized, authorize_payment};
pub use charge::{CONSUMER, ChargeOrder};
pub use consumer::OrderPayments;
pub use ports::PaymentQueries;
pub use queries::{account_balance, get_payment};
pub use refund::{RefundPayment, Refunded};

use p2p_domain::ledger::Owner;
use p2p_domain::refusal::LedgerRefusal;
use p2p_domain::{AccountKey, Decline, Money, PaymentId, Posting, Refusal};

use crate::engine::UnitOfWork;

/// Moves the money, or says why not. Where it is not moved, nothing is.
fn pay(
    uow: &mut UnitOfWork<'_>,
    payment: PaymentId,
    payer: Option<AccountKey>,
    payee: Option<AccountKey>,
    amount: Money,
) -> Result<Option<Decline>, Refusal> {
    let (Some(payer), Some(payee)) = (payer, payee) else {
        return Ok(Some(Decline::AccountNotFound));
    };
    if payer == payee {
        return Ok(Some(Decline::SameAccount));
    }
    if [payer, payee].iter().any(|key| key.asset != amount.asset()) {
        return Ok(Some(Decline::CurrencyMismatch));
    }
    let Ok(posting) = Posting::payment(payment, payer, payee, amount) else {
        return Ok(Some(Decline::InvalidAmount));
    };
    match uow.post(posting) {
        Ok(()) => Ok(None),
        Err((_, Refusal::Ledger(LedgerRefusal::InsufficientFunds { .. }))) => {
            Ok(Some(Decline::InsufficientFunds))
        }
        Err((_, Refusal::Ledger(LedgerRefusal::BalanceOverflow))) => {
            Ok(Some(Decline::InvalidAmount))
        }
        Err((_, refusal)) => Err(refusal),
    }
}

/// Whether somebody can be paid on this account, or pay from it: a user, or the market's own shop.
const fn is_of_somebody(key: &AccountKey) -> bool {
    matches!(key.owner, Owner::User(_) | Owner::Shop)
}
