//! Orders as clients see them.

use p2p_application::payment::Refunded;
use p2p_domain::Order;
use p2p_domain::order::OrderState;
use p2p_domain::payment::PaymentState;
use serde::Serialize;
use utoipa::ToSchema;

use crate::wire;

/// An order.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({
    "order_id": "order_01jt0c7kq5e8tvb1y9m3x4z6wa",
    "user_id": "user_01jt0c7kq5e8tvb1y9m3x4z6wa",
    "merchant_id": null,
    "status": "NEW",
    "amount": "500.00",
    "asset": "RUB",
    "description": "A kettle",
    "reason": null,
    "message": "The payment is under way",
    "payment_id": null,
    "created_at": "2025-04-18T15:00:00Z",
    "settled_at": null,
    "refunded_at": null
}))]
pub(crate) struct OrderView {
    order_id: wire::OrderId,
    /// Who buys.
    user_id: wire::UserId,
    /// Who is paid; `null`: the market's own shop.
    #[schema(required = true)]
    merchant_id: Option<wire::UserId>,
    status: wire::OrderStatus,
    /// What it costs.
    amount: wire::Money,
    asset: wire::Asset,
    description: String,
    /// Why a CANCELLED order was not paid.
    #[schema(required = true)]
    reason: Option<wire::Decline>,
    /// How it stands, for people.
    message: String,
    /// The payment of a FINISHED order.
    #[schema(required = true)]
    payment_id: Option<wire::PaymentId>,
    created_at: wire::Time,
    /// When it was FINISHED or CANCELLED.
    #[schema(required = true)]
    settled_at: Option<wire::Time>,
    /// When the money went back, if it did.
    #[schema(required = true)]
    refunded_at: Option<wire::Time>,
}

impl From<Order> for OrderView {
    fn from(order: Order) -> Self {
        let status = order.status();
        let (payment, reason, settled_at, refunded_at) = match order.state {
            OrderState::New => (None, None, None, None),
            OrderState::Finished {
                payment,
                at,
                refunded_at,
            } => (Some(payment), None, Some(at), refunded_at),
            OrderState::Cancelled { reason, at } => (None, Some(reason), Some(at), None),
        };
        let purchase = order.purchase;
        Self {
            order_id: wire::OrderId(order.id),
            user_id: wire::UserId(purchase.user),
            merchant_id: purchase.merchant.map(wire::UserId),
            status: wire::OrderStatus(status),
            amount: wire::Money(purchase.amount),
            asset: wire::Asset(purchase.amount.asset()),
            description: purchase.description,
            reason: reason.map(wire::Decline),
            message: message(order.state),
            payment_id: payment.map(wire::PaymentId),
            created_at: wire::Time(order.created_at),
            settled_at: settled_at.map(wire::Time),
            refunded_at: refunded_at.map(wire::Time),
        }
    }
}

fn message(state: OrderState) -> String {
    match state {
        OrderState::New => "The payment is under way".to_owned(),
        OrderState::Finished {
            refunded_at: None, ..
        } => "Paid".to_owned(),
        OrderState::Finished { .. } => "Paid, and refunded".to_owned(),
        OrderState::Cancelled { reason, .. } => format!("Not paid: {}", reason.reason()),
    }
}

/// What became of a refund.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({
    "order_id": "order_01jt0c7kq5e8tvb1y9m3x4z6wa",
    "payment_id": "pay_01jt0c7kq5e8tvb1y9m3x4z6wa",
    "status": "REFUNDED",
    "amount": "500.00",
    "asset": "RUB",
    "refunded_at": "2025-04-18T15:00:00Z",
    "message": "The money is back in the buyer's wallet"
}))]
pub(crate) struct RefundAnswer {
    order_id: wire::OrderId,
    payment_id: wire::PaymentId,
    #[schema(example = "REFUNDED")]
    status: &'static str,
    /// What went back.
    amount: wire::Money,
    asset: wire::Asset,
    #[schema(required = true)]
    refunded_at: Option<wire::Time>,
    /// For people.
    message: &'static str,
}

impl From<Refunded> for RefundAnswer {
    fn from(refunded: Refunded) -> Self {
        let Refunded { payment, order } = refunded;
        let refunded_at = match payment.state {
            PaymentState::Refunded { at, .. } => Some(wire::Time(at)),
            PaymentState::Authorized | PaymentState::Declined(_) => None,
        };
        Self {
            order_id: wire::OrderId(order),
            payment_id: wire::PaymentId(payment.id),
            status: "REFUNDED",
            amount: wire::Money(payment.terms.amount),
            asset: wire::Asset(payment.terms.amount.asset()),
            refunded_at,
            message: "The money is back in the buyer's wallet",
        }
    }
}
