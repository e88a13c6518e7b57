//! Somebody orders something.

use p2p_domain::purchase::Purchase;
use p2p_domain::refusal::{AccessRefusal, OrderRefusal};
use p2p_domain::user::{Caller, Email};
use p2p_domain::{Asset, Decimal, Money, Order, OrderId, Refusal, Role, TypedId, UserId};

use crate::engine::{Command, ReadSet, UnitOfWork};

/// Makes an order and asks for its payment, in one commit. It does not wait for the payment.
#[derive(Debug, Clone)]
pub struct CreateOrder {
    pub id: OrderId,
    /// The caller has chosen the id: the order may be there already.
    pub chosen: bool,
    pub caller: Caller,
    /// Who is paid; `None`: the market's own shop.
    pub merchant: Option<UserId>,
    pub asset: Asset,
    pub amount: Decimal,
    pub description: String,
    /// Whom the caller believes to be: must be right where it is given.
    pub email: Option<Email>,
}

impl Command for CreateOrder {
    type Outcome = Order;

    fn read_set(&self, reads: &mut ReadSet) {
        if self.chosen {
            reads.order(self.id);
        }
        if self.email.is_some() {
            reads.caller(self.caller);
        } else {
            reads.known_user(self.caller.user);
        }
    }

    fn affinity(&self) -> u128 {
        self.caller.user.as_u128()
    }

    fn decide(&self, uow: &mut UnitOfWork<'_>) -> Result<Order, Refusal> {
        self.caller.require(Role::Customer)?;
        match &self.email {
            None => uow.is_known(self.caller.user)?,
            Some(email) if uow.user(self.caller.user)?.email == *email => {}
            Some(_) => return Err(Refusal::Access(AccessRefusal::IdentityMismatch)),
        }
        let purchase = Purchase {
            user: self.caller.user,
            merchant: self.merchant,
            amount: Money::from_decimal(self.amount, self.asset).map_err(Refusal::amount)?,
            description: self.description.clone(),
        };
        if let Ok(known) = uow.order(self.id) {
            return if known.purchase == purchase {
                Ok(known)
            } else {
                Err(Refusal::Order(OrderRefusal::Exists))
            };
        }
        let (order, requested) = Order::create(self.id, purchase, uow.now())?;
        uow.emit([requested]);
        uow.save_order(order.clone());
        Ok(order)
    }
}
