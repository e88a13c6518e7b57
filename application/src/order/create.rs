//! Somebody orders something.

use domain::order::Purchase;
use domain::user::{Caller, Email};
use domain::{Asset, Decimal, Money, Order, OrderId, Refusal, Role, TypedId, UserId};

use crate::pipeline::{Command, Desk, Needs};

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

    fn needs(&self, needs: &mut Needs) {
        if self.chosen {
            needs.order(self.id);
        }
        if self.email.is_some() {
            needs.caller(self.caller);
        } else {
            needs.known_user(self.caller.user);
        }
    }

    fn affinity(&self) -> u128 {
        self.caller.user.as_u128()
    }

    fn decide(&self, desk: &mut Desk<'_>) -> Result<Order, Refusal> {
        self.caller.require(Role::Customer)?;
        match &self.email {
            None => desk.is_known(self.caller.user)?,
            Some(email) if desk.user(self.caller.user)?.email == *email => {}
            Some(_) => return Err(Refusal::IdentityMismatch),
        }
        let purchase = Purchase {
            user: self.caller.user,
            merchant: self.merchant,
            amount: Money::from_decimal(self.amount, self.asset).map_err(Refusal::amount)?,
            description: self.description.clone(),
        };
        if let Ok(known) = desk.order(self.id) {
            return if known.purchase == purchase {
                Ok(known)
            } else {
                Err(Refusal::OrderExists)
            };
        }
        let (order, requested) = Order::create(self.id, purchase, desk.now())?;
        desk.emit([requested]);
        desk.save_order(order.clone());
        Ok(order)
    }
}
