//! Settles an order with the result of its payment.

use p2p_domain::event::FactName;
use p2p_domain::order::{OrderState, PaymentResult};
use p2p_domain::refusal::AccessRefusal;
use p2p_domain::{Decline, Mailbox, NotificationContent, Order, OrderId, Refusal, UserId};
use serde::Deserialize;

use crate::engine::{Command, ReadSet, UnitOfWork};
use crate::incoming::{DecodeError, Envelope, inbox_key, parsed, required};
use crate::notification::Delivered;
use crate::ports::{InboxKey, Incoming};

/// The name of the inbox of this consumer.
pub const CONSUMER: &str = "orders";

/// Finishes or cancels an order, or records its refund, and notifies the buyer.
#[derive(Debug, Clone)]
pub struct SettleOrder {
    key: InboxKey,
    event: FactName,
    order: OrderId,
    user: UserId,
    result: PaymentResult,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Data<'a> {
    order_id: Option<&'a str>,
    user_id: Option<&'a str>,
    payment_id: Option<&'a str>,
    success: Option<bool>,
    reason: Option<&'a str>,
}

impl TryFrom<&Incoming> for SettleOrder {
    type Error = DecodeError;

    fn try_from(message: &Incoming) -> Result<Self, DecodeError> {
        let Envelope { event, data } = Envelope::<Data<'_>>::read(message)?;
        let event = required("event", parsed("event", Some(event))?)?;
        let payment = || required("paymentId", parsed("paymentId", data.payment_id)?);
        let result = match (event, data.success) {
            (FactName::PaymentProcessed, Some(true)) => PaymentResult::Paid(payment()?),
            (FactName::PaymentProcessed, Some(false)) => {
                let reason = parsed::<Decline>("reason", data.reason)?;
                PaymentResult::Declined(required("reason", reason)?)
            }
            (FactName::PaymentProcessed, None) => {
                return Err(DecodeError("it has no success".to_owned()));
            }
            (FactName::PaymentRefunded, _) => PaymentResult::Refunded(payment()?),
            (other, _) => return Err(DecodeError(format!("{other} is no result of a payment"))),
        };
        Ok(Self {
            key: inbox_key(CONSUMER, message),
            event,
            order: required("orderId", parsed("orderId", data.order_id)?)?,
            user: required("userId", parsed("userId", data.user_id)?)?,
            result,
        })
    }
}

impl Command for SettleOrder {
    type Outcome = Delivered;

    fn read_set(&self, reads: &mut ReadSet) {
        reads.inbox(self.key.clone());
        reads.lock::<Order>(self.order);
        reads.lock::<Mailbox>(self.user);
    }

    fn is_background(&self) -> bool {
        true
    }

    fn decide(&self, uow: &mut UnitOfWork<'_>) -> Result<Delivered, Refusal> {
        if uow.is_processed(&self.key) {
            // The first run may have ended before its broadcast.
            return Ok(vec![(self.user, uow.get_or_new::<Mailbox>(self.user).last)]);
        }
        let before = uow.get::<Order>(&self.order)?;
        if before.purchase.user != self.user {
            return Err(Refusal::Access(AccessRefusal::IdentityMismatch));
        }
        uow.mark_processed(self.key.clone());
        let order = before.clone().settle(self.result, uow.now());
        if order == before {
            return Ok(Delivered::new());
        }
        let number = uow.notify(self.user, self.news(&order));
        uow.save(order);
        Ok(vec![(self.user, number)])
    }
}

impl SettleOrder {
    fn news(&self, order: &Order) -> NotificationContent {
        let (detail, at) = match order.state {
            OrderState::New => (None, order.created_at),
            OrderState::Finished {
                at, refunded_at, ..
            } => (None, refunded_at.unwrap_or(at)),
            OrderState::Cancelled { reason, at } => (Some(reason.name().to_owned()), at),
        };
        NotificationContent {
            event: self.event,
            offer: None,
            dispute: None,
            exchanger: None,
            order: Some(order.id),
            withdrawal: None,
            amount: Some(order.purchase.amount),
            fiat: None,
            detail,
            at,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(body: &str) -> Incoming {
        Incoming {
            id: "event_1".to_owned(),
            name: "PaymentProcessed".to_owned(),
            version: Some(1),
            body: body.as_bytes().to_vec(),
        }
    }

    #[test]
    fn what_is_no_result_is_not_taken_for_one() {
        let order = "order_00000000000000000000000001";
        let user = "user_00000000000000000000000002";
        for (data, complaint) in [
            (r#""success":true"#, "paymentId"),
            (r#""success":false"#, "reason"),
            (r#""success":false,"reason":"BORED""#, "reason"),
            (r#""paymentId":"pay_00000000000000000000000003""#, "success"),
        ] {
            let body = format!(
                r#"{{"event":"PaymentProcessed","data":{{"orderId":"{order}","userId":"{user}",{data}}}}}"#
            );
            let unreadable = SettleOrder::try_from(&message(&body)).unwrap_err();
            assert!(unreadable.to_string().contains(complaint), "{unreadable}");
        }
        let other = format!(
            r#"{{"event":"ExchangerFrozen","data":{{"orderId":"{order}","userId":"{user}"}}}}"#
        );
        assert!(SettleOrder::try_from(&message(&other)).is_err());
    }
}
