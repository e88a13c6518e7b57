//! The published description of all messages, held to what is really sent and taken in.
#![expect(clippy::unwrap_used, reason = "helpers of tests may fail loudly")]

use std::collections::BTreeSet;

use jsonschema::Validator;
use p2p_application::Caller;
use p2p_application::dispute::Decision;
use p2p_application::notification::Notify;
use p2p_application::order::{CreateOrder, SettleOrder};
use p2p_application::payment::{ChargeOrder, RefundPayment};
use p2p_application::payment_report::{ReceivePayment, ReportedPayment};
use p2p_application::ports::{Incoming, OutboxMessage, Queue, Subscription};
use p2p_application::withdrawal::{ApproveWithdrawal, RejectWithdrawal, RequestWithdrawal};
use p2p_domain::event::{AggregateRef, FactName};
use p2p_domain::{Asset, ExchangeType, OrderId, ReportOutcome, UserId, WithdrawalId};
use p2p_memory::Memory;
use p2p_tests::harness::{Harness, Stage, decimal, hours, minutes};
use serde_json::{Value, json};

fn document() -> Value {
    serde_saphyr::from_str(include_str!("../../../openapi/asyncapi.yaml")).unwrap()
}

/// What a value of the schema at this place must look like.
fn schema(document: &Value, place: &str) -> Validator {
    assert!(document.pointer(place).is_some(), "{place}");
    let schema = json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "$ref": format!("#{place}"),
        "components": document["components"],
    });
    jsonschema::options()
        .should_validate_formats(true)
        .build(&schema)
        .unwrap()
}

#[track_caller]
fn assert_valid(validator: &Validator, value: &Value) {
    let complaints: Vec<_> = validator
        .iter_errors(value)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect();
    assert!(complaints.is_empty(), "{value:#}\n{complaints:#?}");
}

fn messages(document: &Value) -> impl Iterator<Item = (&String, &Value)> {
    document["components"]["messages"]
        .as_object()
        .unwrap()
        .iter()
}

fn examples(message: &Value) -> &Vec<Value> {
    message["examples"].as_array().unwrap()
}

fn names<'a>(values: impl IntoIterator<Item = &'a Value>) -> BTreeSet<&'a str> {
    values
        .into_iter()
        .map(|name| name.as_str().unwrap())
        .collect()
}

/// The public names of all events.
fn all_events() -> BTreeSet<&'static str> {
    FactName::ALL.iter().map(|name| name.name()).collect()
}

#[test]
fn it_is_complete_and_every_reference_leads_somewhere() {
    fn references<'a>(value: &'a Value, found: &mut Vec<&'a str>) {
        match value {
            Value::Object(members) => {
                found.extend(members.get("$ref").and_then(Value::as_str));
                members.values().for_each(|value| references(value, found));
            }
            Value::Array(values) => values.iter().for_each(|value| references(value, found)),
            _ => {}
        }
    }
    let document = document();
    assert_eq!(document["asyncapi"], "3.0.0");
    let mut found = Vec::new();
    references(&document, &mut found);
    assert!(found.len() > 100);
    for reference in found {
        let pointer = reference.strip_prefix('#').unwrap();
        assert!(document.pointer(pointer).is_some(), "{reference}");
    }

    let all = all_events();
    let channels = &document["channels"];
    let parameter = &channels["events"]["parameters"]["event"]["enum"];
    assert_eq!(names(parameter.as_array().unwrap()), all);
    let event_name = &document["components"]["schemas"]["EventName"]["enum"];
    assert_eq!(names(event_name.as_array().unwrap()), all);
    for channel in ["events", "notifications"] {
        let told: BTreeSet<_> = channels[channel]["messages"]
            .as_object()
            .unwrap()
            .keys()
            .collect();
        assert_eq!(
            told.into_iter()
                .map(String::as_str)
                .collect::<BTreeSet<_>>(),
            all
        );
    }
    for queue in [Queue::OrderPaymentRequests, Queue::OrderPaymentResults] {
        let mut described = channels.as_object().unwrap().values();
        let channel = described.find(|channel| channel["address"] == queue.name());
        let told = channel.unwrap()["messages"].as_object().unwrap().keys();
        let Subscription::Events(names) = queue.subscription() else {
            panic!("{queue:?} is not for some events")
        };
        let bound: BTreeSet<_> = names.iter().map(|name| name.name()).collect();
        assert_eq!(told.map(String::as_str).collect::<BTreeSet<_>>(), bound);
    }
    let queues: BTreeSet<_> = channels
        .as_object()
        .unwrap()
        .values()
        .filter_map(|channel| channel["bindings"]["amqp"]["queue"]["name"].as_str())
        .collect();
    let ours = Queue::ALL.map(Queue::name).into_iter();
    assert_eq!(queues, ours.chain(["p2p.dead-letters"]).collect());
    assert_eq!(
        channels["events"]["bindings"]["amqp"]["exchange"]["name"],
        "p2p.events"
    );
    let assets: BTreeSet<_> = Asset::ALL.iter().map(|asset| asset.code()).collect();
    let currencies = &document["components"]["schemas"]["Currency"]["enum"];
    assert_eq!(names(currencies.as_array().unwrap()), assets);
}

#[test]
fn every_example_is_what_it_is_an_example_of() {
    let document = document();
    for (name, message) in messages(&document) {
        assert!(!examples(message).is_empty(), "{name}");
        for part in ["headers", "payload"] {
            if message.get(part).is_none() {
                continue;
            }
            let validator = schema(&document, &format!("/components/messages/{name}/{part}"));
            for example in examples(message) {
                assert_valid(&validator, &example[part]);
            }
        }
    }
}

/// A test that can't fail is worse than none: what is wrong with a field is noticed.
#[test]
fn the_schemas_of_events_are_strict() {
    let document = document();
    for name in all_events() {
        let message = &document["components"]["messages"][name];
        let validator = schema(&document, &format!("/components/messages/{name}/payload"));
        for example in examples(message) {
            let payload = &example["payload"];
            for (field, value) in payload["data"].as_object().unwrap() {
                let mut without = payload.clone();
                without["data"].as_object_mut().unwrap().remove(field);
                let is_optional = field == "merchantId";
                assert_eq!(validator.is_valid(&without), is_optional, "{without:#}");
                for nonsense in [json!({}), json!(null), json!("")] {
                    let is_right = nonsense == *value || (field == "description" && nonsense == "");
                    let mut spoilt = payload.clone();
                    spoilt["data"][field] = nonsense;
                    assert_eq!(validator.is_valid(&spoilt), is_right, "{spoilt:#}");
                }
            }
            let mut renamed = payload.clone();
            renamed["event"] = json!("SomethingElse");
            assert!(!validator.is_valid(&renamed));
            let mut longer = payload.clone();
            longer["data"]["surprise"] = json!(1);
            assert!(!validator.is_valid(&longer));
        }
    }
}

/// Plays everything that can happen, and looks at every word of it.
#[tokio::test]
async fn every_event_that_is_published_is_described() {
    let harness = Harness::open(Memory::new()).await;
    play(&harness).await;
    let document = document();
    let headers = schema(&document, "/components/schemas/EventHeaders");
    let mut seen = BTreeSet::new();
    for message in harness.store.tables().outbox.values() {
        let name = message.name.as_ref();
        let validator = schema(&document, &format!("/components/messages/{name}/payload"));
        let body: Value = serde_json::from_str(&message.body).unwrap();
        assert_valid(&validator, &body);
        let aggregate = match message.aggregate {
            AggregateRef::Offer(id) => id.to_string(),
            AggregateRef::Dispute(id) => id.to_string(),
            AggregateRef::Exchanger(id) => id.to_string(),
            AggregateRef::Order(id) => id.to_string(),
            AggregateRef::Payment(id) => id.to_string(),
            AggregateRef::Withdrawal(id) => id.to_string(),
        };
        assert_valid(
            &headers,
            &json!({"x-aggregate": aggregate, "x-version": message.version}),
        );
        seen.insert(name.to_owned());
    }
    let seen: BTreeSet<_> = seen.iter().map(String::as_str).collect();
    assert_eq!(seen, all_events(), "all that there is was played");
    harness.close().await;
}

async fn play(harness: &Harness<Memory>) {
    let moderated = [
        Decision::Finished,
        Decision::Cancelled,
        Decision::Split {
            payer_amount: decimal("50.5"),
        },
    ];
    for exchange_type in [ExchangeType::CryptoToFiat, ExchangeType::FiatToCrypto] {
        for stage in Stage::ALL {
            harness.deal(exchange_type, stage).await;
        }
        for decision in moderated {
            let deal = harness.deal(exchange_type, Stage::Paid).await;
            let dispute = harness.dispute(&deal.offer, deal.exchanger.user).await;
            harness.resolve(dispute.id, decision).await;
        }
        let deal = harness.deal(exchange_type, Stage::Pending).await;
        harness.cancel(&deal.offer, deal.exchanger.user).await;
        pay_from_outside(harness, exchange_type).await;
    }
    // What is left runs out: offers, payments and receipts.
    harness.sweep_after(hours(24)).await;
    harness.sweep_after(hours(24)).await;

    let deal = harness
        .deal(ExchangeType::CryptoToFiat, Stage::Cancelled)
        .await;
    for _ in 0..6 {
        harness.offer(deal.customer, &deal.listing, "10").await;
        harness.sweep_after(minutes(30)).await;
    }
    harness.unfreeze(deal.exchanger).await;

    let (buyer, merchant) = (
        harness.customer("buyer").await,
        harness.customer("merchant").await,
    );
    harness.deposit(buyer, "1000", Asset::Rub).await;
    for (merchant, description) in [(None, ""), (Some(merchant.user), "A kettle")] {
        let paid = order(harness, buyer, merchant, "0.5", description).await;
        harness
            .done(RefundPayment {
                caller: harness.admin,
                order: paid,
            })
            .await;
        order(harness, buyer, merchant, "100000", description).await;
    }
    let withdrawal = withdrawal(harness, buyer).await;
    let approve = ApproveWithdrawal {
        caller: harness.admin,
        withdrawal,
        reference: "SEPA 0043".to_owned(),
    };
    harness.done(approve).await;
    let withdrawal = self::withdrawal(harness, buyer).await;
    let reject = RejectWithdrawal {
        caller: harness.admin,
        withdrawal,
        reason: "Not your account.".to_owned(),
    };
    harness.done(reject).await;
}

/// Orders something; the payment's consumer takes up what the order asks for.
async fn order(
    harness: &Harness<Memory>,
    caller: Caller,
    merchant: Option<UserId>,
    amount: &str,
    description: &str,
) -> OrderId {
    let create = CreateOrder {
        id: harness.market.fresh(),
        chosen: false,
        caller,
        merchant,
        asset: Asset::Rub,
        amount: decimal(amount),
        description: description.to_owned(),
        email: None,
    };
    let order = harness.done(create).await;
    let requested = harness.store.tables().outbox;
    let asked = requested.values().next_back().map(incoming).unwrap();
    let charge = ChargeOrder::read(&asked, harness.market.fresh()).unwrap();
    harness.done(charge).await;
    order.id
}

async fn withdrawal(harness: &Harness<Memory>, caller: Caller) -> WithdrawalId {
    let request = RequestWithdrawal {
        id: harness.market.fresh(),
        caller,
        asset: Asset::Rub,
        amount: decimal("10"),
        destination: "my bank".to_owned(),
    };
    harness.done(request).await.id
}

/// A message as its consumers get it.
fn incoming(message: &OutboxMessage) -> Incoming {
    Incoming {
        id: message.id.to_string(),
        name: message.name.clone().into_owned(),
        version: Some(message.version),
        body: message.body.clone().into_bytes(),
    }
}

/// A provider reports the payment of a deal.
async fn pay_from_outside(harness: &Harness<Memory>, exchange_type: ExchangeType) {
    let deal = harness.deal(exchange_type, Stage::Approved).await;
    let payment = ReportedPayment {
        provider: "acme-pay".to_owned(),
        callback: deal.id().to_string(),
        deal_reference: deal.id().to_string(),
        payment_reference: "SEPA 0042".to_owned(),
        paid: deal.offer.terms.fiat,
    };
    let report = harness.market.fresh();
    let received = harness.done(ReceivePayment { report, payment }).await;
    let applied = p2p_application::payment_report::Received::Now(ReportOutcome::Applied);
    assert_eq!(received, applied);
}

/// What is described as an event is read as one by whoever consumes it here, and by nobody whose queue it does not reach.
#[test]
fn described_events_are_understood() {
    let document = document();
    for name in all_events() {
        for example in examples(&document["components"]["messages"][name]) {
            let message = Incoming {
                id: "event_1".to_owned(),
                name: name.to_owned(),
                version: Some(1),
                body: example["payload"].to_string().into_bytes(),
            };
            let reaches = |queue: Queue| queue.subscription().includes(name);
            let charged = ChargeOrder::read(&message, p2p_domain::TypedId::from_u128(1)).is_ok();
            assert_eq!(charged, reaches(Queue::OrderPaymentRequests), "{name}");
            let settled = SettleOrder::try_from(&message).is_ok();
            assert_eq!(settled, reaches(Queue::OrderPaymentResults), "{name}");
            assert!(Notify::try_from(&message).is_ok(), "{name}");
        }
    }
}

/// What is described as a payment report is read as one.
#[test]
fn described_payment_reports_are_understood() {
    let document = document();
    let message = &document["components"]["messages"]["PaymentReport"];
    for example in examples(message) {
        let body = example["payload"].to_string();
        let payment = ReportedPayment::read(body.as_bytes(), None).unwrap();
        assert_eq!(payment.provider, "acme-pay");
        assert_eq!(payment.paid.to_string(), "99.50");
    }
    let fields = &document["components"]["schemas"]["PaymentReport"]["required"];
    for field in names(fields.as_array().unwrap()) {
        let mut body = examples(message)[0]["payload"].clone();
        body.as_object_mut().unwrap().remove(field);
        let read = ReportedPayment::read(body.to_string().as_bytes(), None);
        assert!(read.is_err(), "{field}");
    }
}

/// The streams carry what the list of notifications has.
#[test]
fn notifications_are_described_as_the_api_shows_them() {
    let document = document();
    let validator = schema(&document, "/components/schemas/Notification");
    let api: Value = serde_json::from_str(&p2p_http::openapi_json()).unwrap();
    let view = &api["components"]["schemas"]["NotificationView"];
    assert_valid(&validator, &view["example"]);
    let described = &document["components"]["schemas"]["Notification"];
    assert_eq!(
        names(described["required"].as_array().unwrap()),
        names(view["required"].as_array().unwrap())
    );
    let fields = |schema: &Value| -> BTreeSet<String> {
        schema["properties"]
            .as_object()
            .unwrap()
            .keys()
            .cloned()
            .collect()
    };
    assert_eq!(fields(described), fields(view));
}
