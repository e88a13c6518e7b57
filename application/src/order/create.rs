//! A customer places an order.

use p2p_domain::purchase::Purchase;
use p2p_domain::refusal::{AccessRefusal, OrderRefusal};
use p2p_domain::user::{Caller, Email};
use p2p_domain::{Asset, Decimal, Money, Order, OrderId, Refusal, Role, TypedId, User, UserId};

use crate::engine::{Command, ReadSet, UnitOfWork};

/// Places an order and requests its payment in one commit, without waiting for the payment.
#[derive(Debug, Clone)]
pub struct CreateOrder {
    pub id: OrderId,
    /// The caller has chosen the id, so the order may exist.
    pub chosen: bool,
    pub caller: Caller,
    /// The merchant; `None`: the market's own shop.
    pub merchant: Option<UserId>,
    pub asset: Asset,
    pub amount: Decimal,
    pub description: String,
    /// The caller's address according to the request; refused if it is wrong.
    pub email: Option<Email>,
}

impl Command for CreateOrder {
    type Outcome = Order;

    fn read_set(&self, reads: &mut ReadSet) {
        if self.chosen {
            reads.lock::<Order>(self.id);
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
            Some(email) if uow.get::<User>(&self.caller.user)?.email == *email => {}
            Some(_) => return Err(Refusal::Access(AccessRefusal::IdentityMismatch)),
        }
        let purchase = Purchase {
            user: self.caller.user,
            merchant: self.merchant,
            amount: Money::from_decimal(self.amount, self.asset).map_err(Refusal::amount)?,
            description: self.description.clone(),
        };
        if let Ok(known) = uow.get::<Order>(&self.id) {
            return if known.purchase == purchase {
                Ok(known)
            } else {
                Err(Refusal::Order(OrderRefusal::Exists))
            };
        }
        let (order, requested) = Order::create(self.id, purchase, uow.now())?;
        uow.emit([requested]);
        uow.save(order.clone());
        Ok(order)
    }
}
