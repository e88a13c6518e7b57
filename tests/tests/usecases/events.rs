//! What is told to the world, by which step, in which words; in memory.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests may fail loudly"
)]

use super::memory;
use p2p_application::dispute::Decision;
use p2p_domain::event::AggregateRef;
use p2p_domain::{Asset, ExchangeType};
use p2p_memory::Memory;
use p2p_tests::harness::{Harness, START, Stage, decimal, hours, minutes};
use serde_json::{Value, json};

const SELLS: ExchangeType = ExchangeType::FiatToCrypto;

/// Everything told after the first `since` messages: the name, whose version it carries, and the body.
fn told(harness: &Harness<Memory>, since: usize) -> Vec<(String, u64, Value)> {
    let tables = harness.store.tables();
    let messages = tables.outbox.values().skip(since);
    messages
        .map(|message| {
            let body: Value = serde_json::from_str(&message.body).unwrap();
            assert_eq!(body["event"], *message.name);
            assert_eq!(body["data"]["timestamp"], message.at.to_string());
            let aggregate = match message.aggregate {
                AggregateRef::Offer(id) => id.to_string(),
                AggregateRef::Dispute(id) => id.to_string(),
                AggregateRef::Exchanger(id) => id.to_string(),
                AggregateRef::Order(id) => id.to_string(),
                AggregateRef::Payment(id) => id.to_string(),
                AggregateRef::Withdrawal(id) => id.to_string(),
            };
            assert!(message.body.contains(&aggregate), "{message:?}");
            (
                message.name.clone().into_owned(),
                message.version,
                body["data"].clone(),
            )
        })
        .collect()
}

/// What every event of a deal says but the first, together with more of its own.
fn about(deal: &p2p_tests::harness::Deal, more: Value) -> Value {
    let mut data = json!({
        "offerId": deal.id().to_string(),
        "customerId": deal.customer.user.to_string(),
        "exchangerId": deal.exchanger.user.to_string(),
        "listingId": deal.listing.id.to_string(),
        "amount": 100.0,
        "asset": "USDT",
        "timestamp": START.to_string(),
    });
    let (Value::Object(all), Value::Object(more)) = (&mut data, more) else {
        panic!("an object is wanted")
    };
    all.extend(more);
    data
}

#[tokio::test]
async fn a_deal_is_told_step_by_step() {
    let harness = Harness::open(memory()).await;
    let deal = harness.deal(SELLS, Stage::Finished).await;
    let created = json!({
        "offerId": deal.id().to_string(),
        "customerId": deal.customer.user.to_string(),
        "listingId": deal.listing.id.to_string(),
        "amount": 100.0,
        "timestamp": "2025-04-18T15:00:00Z",
    });
    let name = str::to_owned;
    let expected = [
        (name("ExchangeOfferCreated"), 1, created),
        (name("ExchangeOfferApproved"), 2, about(&deal, json!({}))),
        (
            name("PaymentConfirmed"),
            3,
            about(
                &deal,
                json!({"paymentReference": "SEPA 4711", "confirmedBy": "CUSTOMER"}),
            ),
        ),
        (name("ReceiptConfirmed"), 4, about(&deal, json!({}))),
        (
            name("ExchangeOfferFinished"),
            5,
            about(&deal, json!({"paidOut": 99.9, "fee": 0.1})),
        ),
    ];
    assert_eq!(told(&harness, 0), expected);
    harness.close().await;
}

#[tokio::test]
async fn each_way_to_call_a_deal_off_says_who_did() {
    let harness = Harness::open(memory()).await;
    let declined = harness.deal(SELLS, Stage::Declined).await;
    let expected = (
        "ExchangeOfferDeclined".to_owned(),
        2,
        about(&declined, json!({})),
    );
    assert_eq!(told(&harness, 1), [expected]);

    for (stage, by) in [
        (Stage::Pending, "CUSTOMER"),
        (Stage::Pending, "EXCHANGER"),
        (Stage::Approved, "CUSTOMER"),
    ] {
        let deal = harness.deal(SELLS, stage).await;
        let since = harness.event_count();
        let user = if by == "CUSTOMER" {
            deal.customer.user
        } else {
            deal.exchanger.user
        };
        harness.cancel(&deal.offer, user).await;
        let version = harness.deal_now(deal.id()).await.version;
        let data = about(&deal, json!({"cancelledBy": by}));
        assert_eq!(
            told(&harness, since),
            [("ExchangeOfferCancelled".to_owned(), version, data)]
        );
    }
    harness.close().await;
}

#[tokio::test]
async fn a_dispute_is_told_from_its_opening_to_the_verdict() {
    for (decision, fields, outcome) in [
        (
            Decision::Finished,
            json!({"resolution": "RESOLVED_FINISHED"}),
            "ExchangeOfferFinished",
        ),
        (
            Decision::Cancelled,
            json!({"resolution": "RESOLVED_CANCELLED"}),
            "ExchangeOfferCancelled",
        ),
        (
            Decision::Split {
                payer_amount: decimal("50.5"),
            },
            json!({"resolution": "RESOLVED_SPLIT", "payerAmount": 50.5}),
            "ExchangeOfferFinished",
        ),
    ] {
        let harness = Harness::open(memory()).await;
        let deal = harness.deal(SELLS, Stage::Approved).await;
        let since = harness.event_count();
        let dispute = harness.dispute(&deal.offer, deal.exchanger.user).await;
        let opened = json!({"disputeId": dispute.id.to_string(), "openedBy": "EXCHANGER"});
        assert_eq!(
            told(&harness, since),
            [("DisputeOpened".to_owned(), 1, about(&deal, opened))]
        );

        harness.resolve(dispute.id, decision).await;
        let events = told(&harness, since + 1);
        let names: Vec<&str> = events.iter().map(|(name, _, _)| name.as_str()).collect();
        assert_eq!(names, [outcome, "DisputeResolved"]);
        let (_, version, data) = &events[1];
        let mut expected = about(&deal, fields);
        expected["disputeId"] = json!(dispute.id.to_string());
        assert_eq!((version, data), (&2, &expected));
        match decision {
            Decision::Cancelled => assert_eq!(events[0].2["cancelledBy"], "MODERATOR"),
            Decision::Finished => assert_eq!(events[0].2["paidOut"], json!(99.9)),
            Decision::Split { .. } => {
                // 0.1 % of 50.5, and what is left of it.
                assert_eq!(events[0].2["fee"], json!(0.0505));
                assert_eq!(events[0].2["paidOut"], json!(50.4495));
            }
        }
        harness.close().await;
    }
}

#[tokio::test]
async fn a_freeze_and_its_end_are_told() {
    let harness = Harness::open(memory()).await;
    let deal = harness
        .deal(ExchangeType::CryptoToFiat, Stage::Cancelled)
        .await;
    for _ in 0..6 {
        harness.offer(deal.customer, &deal.listing, "10").await;
        harness.sweep_after(minutes(30)).await;
    }
    let since = harness.event_count();
    let frozen = told(&harness, 0);
    let frozen: Vec<_> = frozen
        .iter()
        .filter(|(name, _, _)| name == "ExchangerFrozen")
        .collect();
    let exchanger = deal.exchanger.user.to_string();
    let version = harness.exchanger_record(deal.exchanger.user).await.version;
    let data = json!({
        "exchangerId": exchanger,
        "unanswered": 6,
        "timestamp": START.after(hours(3)).to_string(),
    });
    assert_eq!(frozen, [&("ExchangerFrozen".to_owned(), version, data)]);

    harness.unfreeze(deal.exchanger).await;
    let data = json!({
        "exchangerId": exchanger,
        "moderatorId": harness.moderator.user.to_string(),
        "timestamp": START.after(hours(3)).to_string(),
    });
    assert_eq!(
        told(&harness, since),
        [("ExchangerUnfrozen".to_owned(), version + 1, data)]
    );
    harness.close().await;
}

/// What is not a business fact of a deal is not told, and a fact is told once.
#[tokio::test]
async fn nothing_else_is_told() {
    let harness = Harness::open(memory()).await;
    let anna = harness.exchanger("anna").await;
    harness.deposit(anna, "5", Asset::Btc).await;
    let listing = harness
        .publish(anna, &p2p_tests::harness::Offering::of(SELLS))
        .await;
    harness
        .turn(&listing, p2p_domain::listing::Switch::Pause)
        .await;
    harness.take_down(&listing).await;
    harness.unfreeze(anna).await;
    harness.sweep_after(hours(100)).await;
    assert_eq!(harness.events(), Vec::<&str>::new());
    let deal = harness.deal(SELLS, Stage::Disputed).await;
    let tables = harness.store.tables();
    let dispute = *tables.disputes.keys().next().unwrap();
    harness.comment(dispute, deal.customer, "hello").await;
    assert_eq!(harness.store.tables().outbox, tables.outbox);
    harness.close().await;
}
