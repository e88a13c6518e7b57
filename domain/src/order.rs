//! Orders: a purchase to be paid from the wallet, by a payment that is made elsewhere.

use std::fmt;

use crate::named::named;
use crate::purchase::{Purchase, PurchaseError};
use crate::stamped::Stamped;
use crate::{Decline, OrderId, PaymentId, Timestamp};

named! {
    /// The status of an order.
    OrderStatus {
        /// The payment is pending.
        New = "NEW",
        /// It is paid.
        Finished = "FINISHED",
        /// It could not be paid.
        Cancelled = "CANCELLED",
    }
}

/// The state of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OrderState {
    New,
    Finished {
        payment: PaymentId,
        at: Timestamp,
        /// When the payment was refunded, if it was.
        refunded_at: Option<Timestamp>,
    },
    Cancelled {
        reason: Decline,
        at: Timestamp,
    },
}

/// An order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    pub id: OrderId,
    pub purchase: Purchase,
    pub state: OrderState,
    pub created_at: Timestamp,
    pub version: u64,
}

/// The result of an order's payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PaymentResult {
    Paid(PaymentId),
    Declined(Decline),
    Refunded(PaymentId),
}

/// An event of an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OrderEvent {
    PaymentRequested { order: OrderId, purchase: Purchase },
}

impl OrderEvent {
    /// The order that it is about.
    #[must_use]
    pub const fn order(&self) -> OrderId {
        match self {
            Self::PaymentRequested { order, .. } => *order,
        }
    }
}

/// Why an order can't be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OrderRefusal {
    /// The id names another order.
    Exists,
}

impl OrderRefusal {
    /// The stable code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Exists => "ORDER_EXISTS",
        }
    }
}

impl fmt::Display for OrderRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exists => f.write_str("this order id names another order"),
        }
    }
}

impl std::error::Error for OrderRefusal {}

impl Order {
    /// A new order, and the request to pay it.
    pub fn create(
        id: OrderId,
        purchase: Purchase,
        now: Timestamp,
    ) -> Result<(Self, Stamped<OrderEvent>), PurchaseError> {
        let order = Self {
            id,
            purchase: purchase.check()?,
            state: OrderState::New,
            created_at: now,
            version: 1,
        };
        let requested = Stamped {
            fact: OrderEvent::PaymentRequested {
                order: id,
                purchase: order.purchase.clone(),
            },
            version: order.version,
            at: now,
        };
        Ok((order, requested))
    }

    /// Its status.
    #[must_use]
    pub const fn status(&self) -> OrderStatus {
        match self.state {
            OrderState::New => OrderStatus::New,
            OrderState::Finished { .. } => OrderStatus::Finished,
            OrderState::Cancelled { .. } => OrderStatus::Cancelled,
        }
    }

    /// Applies the result of the order's payment. A repeated result changes nothing; a refund that arrives before the
    /// payment's own result implies both.
    #[must_use]
    pub fn settle(self, result: PaymentResult, now: Timestamp) -> Self {
        let state = match (self.state, result) {
            (OrderState::New, PaymentResult::Paid(payment)) => OrderState::Finished {
                payment,
                at: now,
                refunded_at: None,
            },
            (OrderState::New, PaymentResult::Declined(reason)) => {
                OrderState::Cancelled { reason, at: now }
            }
            (OrderState::New, PaymentResult::Refunded(payment)) => OrderState::Finished {
                payment,
                at: now,
                refunded_at: Some(now),
            },
            (
                OrderState::Finished {
                    payment,
                    at,
                    refunded_at: None,
                },
                PaymentResult::Refunded(refunded),
            ) if payment == refunded => OrderState::Finished {
                payment,
                at,
                refunded_at: Some(now),
            },
            (OrderState::Finished { .. } | OrderState::Cancelled { .. }, _) => return self,
        };
        Self {
            state,
            version: self.version + 1,
            ..self
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::money::AmountRefusal;
    use crate::user::AccessRefusal;
    use crate::{Asset, Money, MoneyError, TypedId, UserId};

    const THEN: Timestamp = Timestamp::from_micros(1);
    const NOW: Timestamp = Timestamp::from_micros(2);

    fn purchase(minor: i64) -> Purchase {
        Purchase {
            user: UserId::from_u128(1),
            merchant: None,
            amount: Money::new(minor, Asset::Rub),
            description: "a kettle".to_owned(),
        }
    }

    fn order() -> Order {
        Order::create(OrderId::from_u128(7), purchase(500), THEN)
            .unwrap()
            .0
    }

    #[test]
    fn a_new_order_requests_its_payment() {
        let (order, event) = Order::create(OrderId::from_u128(7), purchase(500), THEN).unwrap();
        assert_eq!(order.status(), OrderStatus::New);
        let fact = OrderEvent::PaymentRequested {
            order: order.id,
            purchase: purchase(500),
        };
        assert_eq!((event.fact, event.version), (fact, 1));
    }

    #[test]
    fn an_order_has_a_positive_amount_and_another_merchant() {
        for minor in [0, -1] {
            let refused = Order::create(OrderId::from_u128(7), purchase(minor), THEN).unwrap_err();
            assert_eq!(refused, AmountRefusal::from(MoneyError::NotPositive).into());
        }
        let own = Purchase {
            merchant: Some(UserId::from_u128(1)),
            ..purchase(1)
        };
        let refused = Order::create(OrderId::from_u128(7), own, THEN);
        assert_eq!(refused, Err(AccessRefusal::SelfDeal.into()));
    }

    #[test]
    fn each_result_is_applied_once_and_in_any_order() {
        let pay = PaymentId::from_u128(9);
        let paid = order().settle(PaymentResult::Paid(pay), NOW);
        assert_eq!((paid.status(), paid.version), (OrderStatus::Finished, 2));
        let refunded = paid.clone().settle(PaymentResult::Refunded(pay), NOW);
        assert_eq!(refunded.version, 3);
        // Neither a repeated result nor a late one changes anything.
        let other = PaymentId::from_u128(10);
        for late in [
            PaymentResult::Paid(pay),
            PaymentResult::Declined(Decline::InsufficientFunds),
            PaymentResult::Refunded(pay),
        ] {
            assert_eq!(refunded.clone().settle(late, NOW), refunded);
        }
        assert_eq!(
            paid.clone().settle(PaymentResult::Refunded(other), NOW),
            paid
        );
        let declined = order().settle(PaymentResult::Declined(Decline::InsufficientFunds), NOW);
        assert_eq!(declined.status(), OrderStatus::Cancelled);
        assert_eq!(
            declined.clone().settle(PaymentResult::Paid(pay), NOW),
            declined
        );
        // The refund arrives before the payment's own result.
        let both = order().settle(PaymentResult::Refunded(pay), NOW);
        assert_eq!(both.clone().settle(PaymentResult::Paid(pay), NOW), both);
        assert_eq!(both.status(), OrderStatus::Finished);
    }
}
