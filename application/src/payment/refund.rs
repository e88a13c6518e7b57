//! The payment of an order is refunded.

use p2p_domain::audit_log::{AuditAction, AuditNote};
use p2p_domain::ledger::Owner;
use p2p_domain::payment::{PaymentEvent, PaymentOrigin, PaymentState};
use p2p_domain::purchase::Purchase;
use p2p_domain::refusal::{AccessRefusal, LedgerRefusal, Resource};
use p2p_domain::stamped::Stamped;
use p2p_domain::user::Caller;
use p2p_domain::{AccountKey, OrderId, Payment, Posting, Refusal, Role};

use crate::engine::{Command, ReadSet, UnitOfWork};

/// Refunds the price of an order to its buyer. A second refund changes nothing. For an ADMIN who is neither buyer nor merchant.
#[derive(Debug, Clone, Copy)]
pub struct RefundPayment {
    pub caller: Caller,
    pub order: OrderId,
}

/// A refunded payment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refunded {
    pub payment: Payment,
    pub order: OrderId,
}

impl Command for RefundPayment {
    type Outcome = Refunded;

    fn read_set(&self, reads: &mut ReadSet) {
        reads.caller(self.caller);
        reads.audit_head();
        reads.payment_to_refund(PaymentOrigin::Order(self.order));
    }

    fn is_background(&self) -> bool {
        true
    }

    fn decide(&self, uow: &mut UnitOfWork<'_>) -> Result<Refunded, Refusal> {
        uow.require_staff(self.caller, Role::Admin)?;
        let payment = uow.get::<Payment>(&PaymentOrigin::Order(self.order))?;
        let order = self.order;
        let Some(refunded) = payment.clone().refund(self.caller.user, uow.now())? else {
            return Ok(Refunded { payment, order });
        };
        let [payer, payee] = [payment.terms.payer, payment.terms.payee]
            .map(|side| side.and_then(|id| uow.account_key(id)));
        let (Some(payer), Some(payee)) = (payer, payee) else {
            return Err(Refusal::NotFound(Resource::Account));
        };
        let own = Owner::User(self.caller.user);
        if [payer.owner, payee.owner].contains(&own) {
            return Err(Refusal::Access(AccessRefusal::ConflictOfInterest));
        }
        let posting = Posting::refund(payment.id, payer, payee, payment.terms.amount)
            .map_err(Refusal::amount)?;
        uow.post(posting)
            .map_err(|(account, refusal)| attribute_shortfall(account, payee, refusal))?;
        let (action, subject) = (AuditAction::OrderRefunded, order.to_string());
        let detail = serde_json::json!({ "payment_id": payment.id.to_string() }).to_string();
        uow.note(AuditNote::by(self.caller, action, subject, detail))?;
        uow.emit(told(&refunded, order, payer, payee));
        uow.save(refunded.clone());
        Ok(Refunded {
            payment: refunded,
            order,
        })
    }
}

/// The merchant lacks the money, not the caller.
fn attribute_shortfall(account: AccountKey, payee: AccountKey, refusal: Refusal) -> Refusal {
    match refusal {
        Refusal::Ledger(LedgerRefusal::InsufficientFunds { asset }) if account == payee => {
            Refusal::Ledger(LedgerRefusal::CounterpartyFunds { asset })
        }
        refusal => refusal,
    }
}

fn told(
    payment: &Payment,
    order: OrderId,
    payer: AccountKey,
    payee: AccountKey,
) -> Option<Stamped<PaymentEvent>> {
    let PaymentState::Refunded { at, .. } = payment.state else {
        return None;
    };
    let Owner::User(user) = payer.owner else {
        return None;
    };
    let merchant = match payee.owner {
        Owner::User(merchant) => Some(merchant),
        Owner::Shop | Owner::External | Owner::Fees => None,
    };
    let purchase = Purchase {
        user,
        merchant,
        amount: payment.terms.amount,
        description: payment.terms.description.clone(),
    };
    let fact = PaymentEvent::Refunded {
        payment: payment.id,
        order,
        purchase,
    };
    Some(Stamped {
        fact,
        version: payment.version,
        at,
    })
}
