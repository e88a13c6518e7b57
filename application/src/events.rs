//! Public events: what other systems are told of a domain fact. Never an aggregate on the wire.

use p2p_domain::dispute::{DisputeEvent, Resolution};
use p2p_domain::event::{Event, Fact};
use p2p_domain::exchanger::ExchangerEvent;
use p2p_domain::offer::{Deal, OfferEvent};
use p2p_domain::order::OrderEvent;
use p2p_domain::payment::PaymentEvent;
use p2p_domain::purchase::Purchase;
use p2p_domain::withdrawal::{WithdrawalEvent, WithdrawalRequest};
use p2p_domain::{EventId, Money, OrderId, PaymentId};
use serde::Serialize;
use serde_json::value::RawValue;

use crate::ports::OutboxMessage;

/// The envelope: the event's name and its data.
#[derive(Serialize)]
struct Envelope {
    event: &'static str,
    data: Data,
}

/// All fields that events have; each event has those that it needs.
#[derive(Serialize, Default)]
#[serde(rename_all = "camelCase")]
struct Data {
    #[serde(skip_serializing_if = "Option::is_none")]
    dispute_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    offer_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    order_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    withdrawal_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    merchant_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    customer_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    exchanger_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    listing_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    amount: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    asset: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    payment_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    success: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// Always said of a processed payment: `null` where it was made.
    #[serde(skip_serializing_if = "Option::is_none")]
    error_message: Option<Option<&'static str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    paid_out: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fee: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    payment_reference: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    confirmed_by: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cancelled_by: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    opened_by: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    resolution: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    payer_amount: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    unanswered: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    moderator_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    decided_by: Option<String>,
    timestamp: String,
}

/// The message that tells the world of a fact.
pub(crate) fn publish(event: &Event, id: EventId) -> OutboxMessage {
    let envelope = Envelope {
        event: event.fact.name().name(),
        data: Data {
            timestamp: event.at.to_string(),
            ..data(&event.fact)
        },
    };
    // Strings, numbers and nothing else: this can't fail, and an empty body would be noticed by every consumer.
    let body = serde_json::to_string(&envelope).unwrap_or_default();
    OutboxMessage {
        id,
        name: event.fact.name().name().into(),
        aggregate: event.fact.aggregate(),
        version: event.version,
        body,
        at: event.at,
        only: None,
    }
}

fn data(fact: &Fact) -> Data {
    match fact {
        // Exactly the fields that consumers of this event have always got.
        Fact::Offer(OfferEvent::Created { deal }) => Data {
            exchanger_id: None,
            asset: None,
            ..of_deal(deal)
        },
        Fact::Offer(OfferEvent::Approved { deal })
        | Fact::Offer(OfferEvent::Declined { deal })
        | Fact::Offer(OfferEvent::ReceiptConfirmed { deal }) => of_deal(deal),
        Fact::Offer(OfferEvent::PaymentConfirmed {
            deal,
            reference,
            by,
        }) => Data {
            payment_reference: Some(reference.clone()),
            confirmed_by: Some(by.name()),
            ..of_deal(deal)
        },
        Fact::Offer(OfferEvent::Finished {
            deal,
            paid_out,
            fee,
        }) => Data {
            paid_out: number(*paid_out),
            fee: number(*fee),
            ..of_deal(deal)
        },
        Fact::Offer(OfferEvent::Cancelled { deal, by }) => Data {
            cancelled_by: Some(by.name()),
            ..of_deal(deal)
        },
        Fact::Dispute(DisputeEvent::Opened { deal, dispute, by }) => Data {
            dispute_id: Some(dispute.to_string()),
            opened_by: Some(by.name()),
            ..of_deal(deal)
        },
        Fact::Dispute(DisputeEvent::Resolved {
            deal,
            dispute,
            resolution,
        }) => Data {
            dispute_id: Some(dispute.to_string()),
            resolution: Some(resolution.name()),
            payer_amount: match resolution {
                Resolution::Split { payer_amount } => number(*payer_amount),
                Resolution::Finished | Resolution::Cancelled => None,
            },
            ..of_deal(deal)
        },
        Fact::Exchanger(ExchangerEvent::Frozen {
            exchanger,
            unanswered,
        }) => Data {
            exchanger_id: Some(exchanger.to_string()),
            unanswered: Some(*unanswered),
            ..Data::default()
        },
        Fact::Exchanger(ExchangerEvent::Unfrozen { exchanger, by }) => Data {
            exchanger_id: Some(exchanger.to_string()),
            moderator_id: Some(by.to_string()),
            ..Data::default()
        },
        Fact::Order(OrderEvent::PaymentRequested { order, purchase }) => Data {
            description: Some(purchase.description.clone()),
            ..of_order(*order, purchase)
        },
        Fact::Payment(PaymentEvent::Processed {
            payment,
            order,
            purchase,
            decline,
        }) => Data {
            success: Some(decline.is_none()),
            reason: decline.map(|decline| decline.name().to_owned()),
            error_message: Some(decline.map(p2p_domain::Decline::reason)),
            ..of_payment(*payment, *order, purchase)
        },
        Fact::Payment(PaymentEvent::Refunded {
            payment,
            order,
            purchase,
        }) => of_payment(*payment, *order, purchase),
        Fact::Withdrawal(WithdrawalEvent::Requested { request }) => of_withdrawal(request),
        Fact::Withdrawal(WithdrawalEvent::Approved { request, by }) => Data {
            decided_by: Some(by.to_string()),
            ..of_withdrawal(request)
        },
        Fact::Withdrawal(WithdrawalEvent::Rejected {
            request,
            by,
            reason,
        }) => Data {
            decided_by: Some(by.to_string()),
            reason: Some(reason.clone()),
            ..of_withdrawal(request)
        },
    }
}

fn of_order(order: OrderId, purchase: &Purchase) -> Data {
    Data {
        order_id: Some(order.to_string()),
        user_id: Some(purchase.user.to_string()),
        merchant_id: purchase.merchant.map(|merchant| merchant.to_string()),
        amount: number(purchase.amount),
        asset: Some(purchase.amount.asset().code()),
        ..Data::default()
    }
}

fn of_payment(payment: PaymentId, order: OrderId, purchase: &Purchase) -> Data {
    Data {
        payment_id: Some(payment.to_string()),
        ..of_order(order, purchase)
    }
}

fn of_withdrawal(request: &WithdrawalRequest) -> Data {
    Data {
        withdrawal_id: Some(request.withdrawal.to_string()),
        user_id: Some(request.user.to_string()),
        amount: number(request.amount),
        asset: Some(request.amount.asset().code()),
        ..Data::default()
    }
}

fn of_deal(deal: &Deal) -> Data {
    Data {
        offer_id: Some(deal.offer.to_string()),
        customer_id: Some(deal.customer.to_string()),
        exchanger_id: Some(deal.exchanger.to_string()),
        listing_id: Some(deal.listing.to_string()),
        amount: number(deal.amount),
        asset: Some(deal.amount.asset().code()),
        ..Data::default()
    }
}

/// An exact JSON number with at least one decimal and no needless zeros: `100.0`, `0.00000001`.
fn number(amount: Money) -> Option<Box<RawValue>> {
    let text = amount.to_string();
    let text = match text.split_once('.') {
        None => format!("{text}.0"),
        Some((whole, fraction)) => match fraction.trim_end_matches('0') {
            "" => format!("{whole}.0"),
            rest => format!("{whole}.{rest}"),
        },
    };
    RawValue::from_string(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use p2p_domain::{Asset, ListingId, OfferId, Timestamp, TypedId, UserId};

    fn deal(amount: Money) -> Deal {
        Deal {
            offer: OfferId::from_u128(1),
            listing: ListingId::from_u128(2),
            customer: UserId::from_u128(3),
            exchanger: UserId::from_u128(4),
            amount,
        }
    }

    #[test]
    fn a_created_offer_is_told_with_exactly_the_published_fields() {
        let event = Event {
            fact: Fact::Offer(OfferEvent::Created {
                deal: deal(Money::new(100_000_000, Asset::Usdt)),
            }),
            version: 1,
            at: Timestamp::from_micros(1_744_977_600_000_000),
        };
        let message = publish(&event, EventId::from_u128(9));
        assert_eq!(
            message.body,
            r#"{"event":"ExchangeOfferCreated","data":{"offerId":"offer_00000000000000000000000001","customerId":"user_00000000000000000000000003","listingId":"listing_00000000000000000000000002","amount":100.0,"timestamp":"2025-04-18T12:00:00Z"}}"#
        );
    }

    #[test]
    fn amounts_are_exact_numbers() {
        for (minor, asset, text) in [
            (1, Asset::Btc, "0.00000001"),
            (i64::MAX, Asset::Btc, "92233720368.54775807"),
            (5, Asset::Jpy, "5.0"),
            (150, Asset::Usd, "1.5"),
        ] {
            let raw = number(Money::new(minor, asset)).unwrap();
            assert_eq!(raw.get(), text);
        }
    }
}
