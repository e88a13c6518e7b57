//! Somebody pays somebody.

use domain::billing::{PaymentOrigin, PaymentTerms};
use domain::ledger::Owner;
use domain::user::Caller;
use domain::{AccountId, AccountKey, Decline, Money, Payment, PaymentId, Refusal, Role, TypedId};

use super::{is_of_somebody, pay};
use crate::pipeline::{Command, Desk, Needs};

/// Pays from an account of the caller's to any other, once for the caller's key. Administrators may pay from any account.
#[derive(Debug, Clone)]
pub struct AuthorizePayment {
    pub id: PaymentId,
    pub caller: Caller,
    /// What the caller calls the payment.
    pub key: String,
    pub payer: AccountId,
    pub payee: AccountId,
    pub amount: Money,
    pub description: String,
}

/// A payment with its outcome.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authorized {
    pub payment: Payment,
    /// It was made or declined before, under the same key.
    pub duplicate: bool,
}

impl AuthorizePayment {
    fn origin(&self) -> PaymentOrigin {
        PaymentOrigin::Caller {
            user: self.caller.user,
            key: self.key.clone(),
        }
    }

    fn terms(&self) -> PaymentTerms {
        PaymentTerms {
            payer: Some(self.payer),
            payee: Some(self.payee),
            amount: self.amount,
            description: self.description.clone(),
        }
    }

    /// To everybody but its owner an account that is to pay does not exist.
    fn may_pay_from(&self, desk: &Desk<'_>, key: &AccountKey) -> bool {
        let own = key.owner == Owner::User(self.caller.user);
        own || (is_of_somebody(key) && desk.require(self.caller, Role::Admin).is_ok())
    }

    fn outcome(&self, desk: &mut Desk<'_>) -> Result<Option<Decline>, Refusal> {
        if self.amount.minor() <= 0 {
            return Ok(Some(Decline::InvalidAmount));
        }
        if self.payer == self.payee {
            return Ok(Some(Decline::SameAccount));
        }
        let payer = desk.account_key(self.payer);
        let payer = payer.filter(|key| self.may_pay_from(desk, key));
        let payee = desk.account_key(self.payee).filter(is_of_somebody);
        pay(desk, self.id, payer, payee, self.amount)
    }
}

impl Command for AuthorizePayment {
    type Outcome = Authorized;

    fn needs(&self, needs: &mut Needs) {
        needs.payment(self.origin());
        if self.caller.require(Role::Admin).is_ok() {
            needs.caller(self.caller);
        }
        needs.account_by_id(self.payer);
        needs.account_by_id(self.payee);
    }

    fn affinity(&self) -> u128 {
        self.payer.as_u128()
    }

    fn decide(&self, desk: &mut Desk<'_>) -> Result<Authorized, Refusal> {
        let origin = self.origin();
        if let Ok(payment) = desk.payment(&origin) {
            if payment.terms != self.terms() {
                return Err(Refusal::IdempotencyKeyReused);
            }
            return Ok(Authorized {
                payment,
                duplicate: true,
            });
        }
        let decline = self.outcome(desk)?;
        let payment = Payment::process(self.id, origin, self.terms(), decline, desk.now());
        desk.save_payment(payment.clone());
        Ok(Authorized {
            payment,
            duplicate: false,
        })
    }
}
