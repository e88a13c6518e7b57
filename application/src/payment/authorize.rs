//! A caller pays from one account to another.

use p2p_domain::audit_log::{AuditAction, AuditNote};
use p2p_domain::ledger::Owner;
use p2p_domain::payment::{PaymentOrigin, PaymentTerms};
use p2p_domain::user::Caller;
use p2p_domain::{AccountId, AccountKey, Decline, Money, Payment, PaymentId, Refusal, Role};

use super::{is_payable, pay};
use crate::engine::{Command, ReadSet, UnitOfWork};
use crate::{CommandError, Market};

/// Pays from an account of the caller to any other account, once per key of the caller. Administrators may pay from any account.
#[derive(Debug, Clone)]
pub struct AuthorizePayment {
    pub id: PaymentId,
    pub caller: Caller,
    /// The caller's key of the payment.
    pub key: String,
    /// `None`: the request names no valid account id.
    pub payer: Option<AccountId>,
    pub payee: Option<AccountId>,
    pub amount: Money,
    pub description: String,
    /// The rate limit of the payer is reached; set by [`authorize_payment`].
    pub limited: bool,
}

/// Pays unless the rate limit of the payer is reached. An earlier decision under the same key stands, and neither it nor a failed
/// call counts towards the limit. (Of two simultaneous calls under one key the limited one may be decided first: then the payment
/// is declined for both.)
pub async fn authorize_payment(
    market: &Market,
    command: AuthorizePayment,
) -> Result<Authorized, CommandError> {
    let (limits, caller, payer) = (market.payer_limits(), command.caller.user, command.payer);
    let admitted = payer.is_none_or(|payer| limits.admits(caller, payer, market.now()));
    let limited = !admitted;
    let command = AuthorizePayment { limited, ..command };
    let authorized = market.execute(command).await;
    let is_new = matches!(&authorized, Ok(authorized) if !authorized.duplicate);
    if let Some(payer) = payer
        && admitted
        && !is_new
    {
        limits.give_back(caller, payer);
    }
    authorized
}

/// A payment with its outcome.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authorized {
    pub payment: Payment,
    /// It was decided before, under the same key.
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
            payer: self.payer,
            payee: self.payee,
            amount: self.amount,
            description: self.description.clone(),
        }
    }

    /// Whether the caller may pay from this account. For other users it does not exist.
    fn may_pay_from(&self, uow: &UnitOfWork<'_>, key: &AccountKey) -> Result<bool, Refusal> {
        if self.owns(key) {
            // Money paid to another account could be withdrawn from there.
            let rules = uow.policy().access;
            if rules.withdrawal_second_factor {
                self.caller.require_proof(&rules, uow.now())?;
            }
            return Ok(true);
        }
        if !is_payable(key) || uow.require(self.caller, Role::Admin).is_err() {
            return Ok(false);
        }
        uow.require_staff(self.caller, Role::Admin).map(|()| true)
    }

    fn owns(&self, key: &AccountKey) -> bool {
        key.owner == Owner::User(self.caller.user)
    }

    fn outcome(&self, uow: &mut UnitOfWork<'_>) -> Result<Option<Decline>, Refusal> {
        if self.limited {
            return Ok(Some(Decline::RateLimited));
        }
        if self.amount.minor() <= 0 {
            return Ok(Some(Decline::InvalidAmount));
        }
        if self.payer.is_some() && self.payer == self.payee {
            return Ok(Some(Decline::SameAccount));
        }
        let key_of = |account: Option<AccountId>| account.and_then(|id| uow.account_key(id));
        let payer = match key_of(self.payer) {
            Some(key) if self.may_pay_from(uow, &key)? => Some(key),
            _ => None,
        };
        let payee = key_of(self.payee).filter(is_payable);
        let outcome = pay(uow, self.id, payer, payee, self.amount)?;
        if payer.is_some_and(|key| !self.owns(&key)) {
            self.note(uow, outcome)?;
        }
        Ok(outcome)
    }

    /// Records in the audit log that staff paid from another user's account.
    fn note(&self, uow: &mut UnitOfWork<'_>, outcome: Option<Decline>) -> Result<(), Refusal> {
        let account = |id: Option<AccountId>| id.map(|id| id.to_string());
        let detail = serde_json::json!({
            "from": account(self.payer),
            "to": account(self.payee),
            "amount": self.amount.to_string(),
            "asset": self.amount.asset().code(),
            "declined": outcome.map(Decline::name),
        });
        let (action, subject) = (AuditAction::PaymentMade, self.id.to_string());
        uow.note(AuditNote::by(
            self.caller,
            action,
            subject,
            detail.to_string(),
        ))
    }
}

impl Command for AuthorizePayment {
    type Outcome = Authorized;

    fn read_set(&self, reads: &mut ReadSet) {
        reads.payment(self.origin());
        if self.caller.require(Role::Admin).is_ok() {
            reads.caller(self.caller);
            reads.audit_head();
        }
        let accounts = [self.payer, self.payee].into_iter().flatten();
        accounts.for_each(|account| reads.account_by_id(account));
    }

    /// What the audit log may contain.
    fn is_background(&self) -> bool {
        self.caller.require(Role::Admin).is_ok()
    }

    /// One lane for all payments: any user may be paid by any other at the same moment, and lanes that meet at an account
    /// wait for each other.
    fn affinity(&self) -> u128 {
        0
    }

    fn decide(&self, uow: &mut UnitOfWork<'_>) -> Result<Authorized, Refusal> {
        let origin = self.origin();
        if let Ok(payment) = uow.get::<Payment>(&origin) {
            if payment.terms != self.terms() {
                return Err(Refusal::IdempotencyKeyReused);
            }
            return Ok(Authorized {
                payment,
                duplicate: true,
            });
        }
        self.caller.require_any()?;
        let decline = self.outcome(uow)?;
        let payment = Payment::process(self.id, origin, self.terms(), decline, uow.now());
        uow.save(payment.clone());
        Ok(Authorized {
            payment,
            duplicate: false,
        })
    }
}
