//! Payments from account to account, each made or declined once per origin.
//!
//! A message requests the payment of an order, and a message reports the result: this module knows of orders only what these
//! messages contain, and could be a service of its own.

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
use p2p_domain::{AccountKey, Decline, Money, Payment, PaymentId, Posting, Refusal};

use crate::engine::{Loader, ReadSet, Related, UnitOfWork};
use crate::ports::StorageError;

/// Moves the money, or returns why the payment is declined and changes nothing.
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

/// Whether this account takes part in payments: it belongs to a user or to the market's own shop.
const fn is_payable(key: &AccountKey) -> bool {
    matches!(key.owner, Owner::User(_) | Owner::Shop)
}

impl Related for Payment {
    async fn prepare(loader: &mut Loader<'_>) -> Result<(), StorageError> {
        let reads = &mut loader.reads;
        let origins: Vec<_> = reads.payments.keys().cloned().collect();
        reads.selection_mut::<Self>().keys.extend(origins);
        Ok(())
    }

    /// The accounts of both sides, if it may be refunded.
    fn relate(&self, reads: &mut ReadSet) {
        if reads.payments.get(&self.origin) == Some(&true) {
            let sides = [self.terms.payer, self.terms.payee];
            reads.account_ids.extend(sides.into_iter().flatten());
        }
    }
}
