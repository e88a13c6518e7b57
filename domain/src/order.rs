//! Orders: something to be paid from the wallet, by a payment that others make.

use crate::event::{Event, Fact};
use crate::named::named;
use crate::{Asset, Decline, Money, OrderId, PaymentId, Refusal, Timestamp, UserId};

named! {
    /// How an order stands.
    OrderStatus {
        /// The payment is under way.
        New = "NEW",
        /// It is paid.
        Finished = "FINISHED",
        /// It could not be paid.
        Cancelled = "CANCELLED",
    }
}

/// What prices are in where nothing else is said.
pub const DEFAULT_ASSET: Asset = Asset::Rub;

/// Who buys from whom, for how much.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Purchase {
    pub user: UserId,
    /// Who is paid; `None`: the market's own shop.
    pub merchant: Option<UserId>,
    pub amount: Money,
    pub description: String,
}

impl Purchase {
    /// Refused where nothing would change hands.
    pub fn check(self) -> Result<Self, Refusal> {
        self.amount.positive().map_err(Refusal::amount)?;
        if self.merchant == Some(self.user) {
            return Err(Refusal::SelfDeal);
        }
        Ok(self)
    }
}

/// What became of an order so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OrderState {
    New,
    Finished {
        payment: PaymentId,
        at: Timestamp,
        /// When it was paid back, if it was.
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

/// How a payment went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PaymentResult {
    Paid(PaymentId),
    Declined(Decline),
    Refunded(PaymentId),
}

impl Order {
    /// A new order, and the request to pay it.
    pub fn create(
        id: OrderId,
        purchase: Purchase,
        now: Timestamp,
    ) -> Result<(Self, Event), Refusal> {
        let order = Self {
            id,
            purchase: purchase.check()?,
            state: OrderState::New,
            created_at: now,
            version: 1,
        };
        let requested = Event {
            fact: Fact::OrderPaymentRequested {
                order: id,
                purchase: order.purchase.clone(),
            },
            version: order.version,
            at: now,
        };
        Ok((order, requested))
    }

    /// How it stands.
    #[must_use]
    pub const fn status(&self) -> OrderStatus {
        match self.state {
            OrderState::New => OrderStatus::New,
            OrderState::Finished { .. } => OrderStatus::Finished,
            OrderState::Cancelled { .. } => OrderStatus::Cancelled,
        }
    }

    /// The order after its payment's result. What it knows already changes nothing; a refund that is heard of before the
    /// payment says both.
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
    use crate::TypedId;

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
    fn a_new_order_asks_to_be_paid() {
        let (order, event) = Order::create(OrderId::from_u128(7), purchase(500), THEN).unwrap();
        assert_eq!(order.status(), OrderStatus::New);
        let fact = Fact::OrderPaymentRequested {
            order: order.id,
            purchase: purchase(500),
        };
        assert_eq!((event.fact, event.version), (fact, 1));
    }

    #[test]
    fn nothing_is_bought_for_nothing_or_from_oneself() {
        for minor in [0, -1] {
            let refused = Order::create(OrderId::from_u128(7), purchase(minor), THEN).unwrap_err();
            assert_eq!(refused.code(), "AMOUNT_NOT_POSITIVE");
        }
        let own = Purchase {
            merchant: Some(UserId::from_u128(1)),
            ..purchase(1)
        };
        let refused = Order::create(OrderId::from_u128(7), own, THEN);
        assert_eq!(refused, Err(Refusal::SelfDeal));
    }

    #[test]
    fn each_result_counts_once_and_in_any_order() {
        let pay = PaymentId::from_u128(9);
        let paid = order().settle(PaymentResult::Paid(pay), NOW);
        assert_eq!((paid.status(), paid.version), (OrderStatus::Finished, 2));
        let refunded = paid.clone().settle(PaymentResult::Refunded(pay), NOW);
        assert_eq!(refunded.version, 3);
        // What is known changes nothing, and neither does what came too late.
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
        // Heard of before the payment itself.
        let both = order().settle(PaymentResult::Refunded(pay), NOW);
        assert_eq!(both.clone().settle(PaymentResult::Paid(pay), NOW), both);
        assert_eq!(both.status(), OrderStatus::Finished);
    }
}
