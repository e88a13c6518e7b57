//! What was paid for an order goes back.

use domain::audit::{AuditAction, AuditNote};
use domain::billing::{PaymentOrigin, PaymentState};
use domain::event::{Event, Fact};
use domain::ledger::Owner;
use domain::order::Purchase;
use domain::refusal::Noun;
use domain::user::Caller;
use domain::{AccountKey, OrderId, Payment, Posting, Refusal, Role};

use crate::pipeline::{Command, Desk, Needs};

/// Pays the buyer back what an order has cost. Done twice it is done once. For ADMIN who is neither buyer nor merchant.
#[derive(Debug, Clone, Copy)]
pub struct RefundPayment {
    pub caller: Caller,
    pub order: OrderId,
}

/// A payment that is refunded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refunded {
    pub payment: Payment,
    pub order: OrderId,
}

impl Command for RefundPayment {
    type Outcome = Refunded;

    fn needs(&self, needs: &mut Needs) {
        needs.caller(self.caller);
        needs.trail();
        needs.payment_to_refund(PaymentOrigin::Order(self.order));
    }

    fn is_background(&self) -> bool {
        true
    }

    fn decide(&self, desk: &mut Desk<'_>) -> Result<Refunded, Refusal> {
        desk.require_staff(self.caller, Role::Admin)?;
        let payment = desk.payment(&PaymentOrigin::Order(self.order))?;
        let order = self.order;
        let Some(refunded) = payment.clone().refund(self.caller.user, desk.now())? else {
            return Ok(Refunded { payment, order });
        };
        let [payer, payee] = [payment.terms.payer, payment.terms.payee]
            .map(|side| side.and_then(|id| desk.account_key(id)));
        let (Some(payer), Some(payee)) = (payer, payee) else {
            return Err(Refusal::NotFound(Noun::Account));
        };
        let own = Owner::User(self.caller.user);
        if [payer.owner, payee.owner].contains(&own) {
            return Err(Refusal::ConflictOfInterest);
        }
        let posting = Posting::refund(payment.id, payer, payee, payment.terms.amount)
            .map_err(Refusal::amount)?;
        desk.post(posting)
            .map_err(|(account, refusal)| blame(account, payee, refusal))?;
        let (action, subject) = (AuditAction::OrderRefunded, order.to_string());
        let detail = serde_json::json!({ "payment_id": payment.id.to_string() }).to_string();
        desk.note(AuditNote::by(self.caller, action, subject, detail))?;
        desk.emit(told(&refunded, order, payer, payee));
        desk.save_payment(refunded.clone());
        Ok(Refunded {
            payment: refunded,
            order,
        })
    }
}

/// It is the merchant who lacks the money, not whoever asks.
fn blame(account: AccountKey, payee: AccountKey, refusal: Refusal) -> Refusal {
    match refusal {
        Refusal::InsufficientFunds { asset } if account == payee => {
            Refusal::CounterpartyFunds { asset }
        }
        refusal => refusal,
    }
}

fn told(payment: &Payment, order: OrderId, payer: AccountKey, payee: AccountKey) -> Option<Event> {
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
    let fact = Fact::PaymentRefunded {
        payment: payment.id,
        order,
        purchase,
    };
    Some(Event {
        fact,
        version: payment.version,
        at,
    })
}
