//! Payments between accounts: authorised or declined once for each key.

#![allow(
    dead_code,
    clippy::unwrap_used,
    reason = "helpers of tests fail by panicking, as the tests do; not all of them are used in each"
)]

mod bank;
mod fixture;

use std::time::Duration;

use axum::http::Method;
use bank::{Bank, PAYMENTS, UNKNOWN_ID, account_of, id};
use fixture::Reply;
use futures::future::join_all;
use p2p_domain::Policy;
use p2p_domain::ledger::Owner;
use serde_json::json;

fn rubles(carols: &str, doras: &str) -> (String, String) {
    (carols.to_owned(), doras.to_owned())
}

#[tokio::test]
async fn a_payment_is_made_once_for_its_key() {
    let bank = Bank::open().await;
    let body = bank.lunch("150.50").await;
    let reply = bank.pay(&bank.carol, "lunch-1", &body).await;
    assert_eq!(reply.status, 201);
    assert!(!reply.is_replayed());
    let paid = reply.good();
    assert!(id(&paid).starts_with("pay_"));
    let mut expected = json!({
        "payment_id": id(&paid),
        "status": "AUTHORIZED",
        "error": null,
        "processed_at": "2025-04-18T15:00:00Z",
    });
    assert_eq!(paid, expected);
    assert_eq!(bank.rubles().await, rubles("849.50", "150.50"));
    // A repeat much later, in any spelling, is the same payment.
    expected["status"] = json!("DUPLICATE");
    bank.fixture.clock.advance(Duration::from_secs(60 * 30));
    let mut spelt = body.clone();
    spelt["amount"] = json!(150.5);
    for (key, same) in [
        ("lunch-1", &body),
        ("\"lunch-1\"", &body),
        ("lunch-1", &spelt),
    ] {
        let again = bank.pay(&bank.carol, key, same).await;
        assert_eq!(again.status, 200);
        assert!(again.is_replayed());
        assert_eq!(again.good(), expected);
    }
    // A payment with another field is refused under the same key.
    for (field, value) in [
        ("amount", json!("150.51")),
        ("description", json!("Dinner")),
        ("currency", json!("USDT")),
        (
            "payee_account_id",
            json!(bank.account(&bank.eve, "RUB").await),
        ),
        (
            "payer_account_id",
            json!(bank.account(&bank.carol, "USDT").await),
        ),
    ] {
        let mut other = body.clone();
        other[field] = value;
        let reply = bank.pay(&bank.carol, "lunch-1", &other).await;
        reply.is_problem(422, "IDEMPOTENCY_KEY_REUSED");
        assert!(!reply.is_replayed());
    }
    assert_eq!(bank.rubles().await, rubles("849.50", "150.50"));
    let twice = bank.pay(&bank.carol, "lunch-2", &body).await.good();
    assert_ne!(twice["payment_id"], paid["payment_id"]);
    assert_eq!(bank.rubles().await, rubles("699.00", "301.00"));
    bank.is_sound().await;
    // The payment itself is the record, so no reply is stored.
    let tables = bank.fixture.memory.tables();
    let of_payments = tables
        .replies
        .keys()
        .filter(|key| key.operation.contains(PAYMENTS));
    assert_eq!((of_payments.count(), tables.payments.len()), (0, 2));
}

#[tokio::test]
async fn fifty_at_once_are_one_payment() {
    let bank = Bank::open().await;
    let body = bank.lunch("10").await;
    let all = (0..50).map(|_| bank.pay(&bank.carol, "burst", &body));
    let replies: Vec<_> = join_all(all).await.into_iter().map(Reply::good).collect();
    let are = |status: &str| replies.iter().filter(|one| one["status"] == status).count();
    assert_eq!((are("AUTHORIZED"), are("DUPLICATE")), (1, 49));
    assert!(replies.iter().all(|one| id(one) == id(&replies[0])));
    assert_eq!(bank.rubles().await, rubles("990.00", "10.00"));
    bank.is_sound().await;
}

#[tokio::test]
async fn keys_are_separate_for_each_caller_and_operation() {
    let bank = Bank::open().await;
    let order = json!({"amount": "5"});
    let ordered = bank
        .fixture
        .keyed(&bank.carol, "/api/orders", "1", order)
        .await;
    assert_eq!(ordered.status, 201);
    let body = bank.lunch("10").await;
    let carols = bank.pay(&bank.carol, "1", &body).await.good();
    let admins = bank.pay(&bank.admin, "1", &body).await.good();
    assert_eq!(
        (&carols["status"], &admins["status"]),
        (&json!("AUTHORIZED"), &json!("AUTHORIZED"))
    );
    assert_ne!(carols["payment_id"], admins["payment_id"]);
}

#[tokio::test]
async fn only_owners_and_administrators_pay_from_an_account() {
    let bank = Bank::open().await;
    let body = bank.lunch("10").await;
    for person in [&bank.dora, &bank.eve, &bank.moderator] {
        let reply = bank.pay(person, "1", &body).await;
        assert_eq!(reply.status, 201);
        let declined = reply.good();
        assert_eq!(declined["status"], "DECLINED");
        assert_eq!(declined["error"]["code"], "ACCOUNT_NOT_FOUND");
    }
    assert_eq!(bank.rubles().await, rubles("1000.00", "0.00"));
    let paid = bank.pay(&bank.admin, "1", &body).await.good();
    assert_eq!(paid["status"], "AUTHORIZED");
    assert_eq!(bank.rubles().await, rubles("990.00", "10.00"));
    let anonymous = bank.fixture.call(None, Method::POST, PAYMENTS, body).await;
    anonymous.is_problem(401, "UNAUTHENTICATED");
    bank.is_sound().await;
}

#[tokio::test]
async fn a_declined_payment_stays_declined() {
    let bank = Bank::open().await;
    let body = bank.lunch("10").await;
    let dollars = bank.account(&bank.dora, "USDT").await;
    let outside = account_of(&bank, Owner::External);
    let declines = [
        ("amount", json!("1000.01"), "INSUFFICIENT_FUNDS"),
        (
            "payee_account_id",
            json!(format!("acct_{UNKNOWN_ID}")),
            "ACCOUNT_NOT_FOUND",
        ),
        (
            "payer_account_id",
            json!(format!("acct_{UNKNOWN_ID}")),
            "ACCOUNT_NOT_FOUND",
        ),
        ("payee_account_id", json!(outside), "ACCOUNT_NOT_FOUND"),
        ("payer_account_id", json!(outside), "ACCOUNT_NOT_FOUND"),
        ("amount", json!(0), "INVALID_AMOUNT"),
        ("amount", json!("-1"), "INVALID_AMOUNT"),
        (
            "payee_account_id",
            body["payer_account_id"].clone(),
            "SAME_ACCOUNT",
        ),
        ("payee_account_id", json!(dollars), "CURRENCY_MISMATCH"),
        ("currency", json!("USDT"), "CURRENCY_MISMATCH"),
    ];
    let mut asked = Vec::new();
    for (count, (field, value, code)) in declines.into_iter().enumerate() {
        let (key, mut other) = (format!("declined-{count}"), body.clone());
        other[field] = value;
        let reply = bank.pay(&bank.carol, &key, &other).await;
        assert_eq!(reply.status, 201, "{}", reply.text);
        let declined = reply.good();
        assert_eq!(declined["status"], "DECLINED");
        assert_eq!(declined["error"]["code"], code, "{field}");
        assert!(declined["error"]["message"].as_str().unwrap().len() > 10);
        asked.push((key, other, declined));
    }
    assert_eq!(bank.rubles().await, rubles("1000.00", "0.00"));
    // The money would suffice now, but the decision stands.
    let (admin, carol) = (&bank.admin, &bank.carol);
    bank.fixture.deposit(admin, carol, "500", "RUB").await;
    for (key, other, declined) in &asked {
        let again = bank.pay(carol, key, other).await;
        assert_eq!(again.status, 200);
        let again = again.good();
        assert_eq!(again["status"], "DUPLICATE");
        for member in ["payment_id", "error", "processed_at"] {
            assert_eq!(again[member], declined[member]);
        }
        let seen = bank.see(carol, id(declined)).await.good();
        assert_eq!(
            (&seen["status"], &seen["error"]),
            (&json!("DECLINED"), &declined["error"])
        );
    }
    // Nor does the same key allow another amount.
    bank.pay(carol, "declined-0", &body)
        .await
        .is_problem(422, "IDEMPOTENCY_KEY_REUSED");
    assert_eq!(bank.rubles().await, rubles("1500.00", "0.00"));
    bank.is_sound().await;
}

#[tokio::test]
async fn too_frequent_payments_are_declined_for_a_while() {
    let bank = Bank::under(Policy {
        payments_per_minute: 60,
        payments_at_once: 2,
        ..Policy::default()
    })
    .await;
    let body = bank.lunch("1").await;
    let pay = async |key: &str| bank.pay(&bank.carol, key, &body).await.good();
    for key in ["1", "2"] {
        assert_eq!(pay(key).await["status"], "AUTHORIZED");
    }
    let limited = pay("3").await;
    assert_eq!(limited["status"], "DECLINED");
    assert_eq!(limited["error"]["code"], "RATE_LIMITED");
    // Other users are not limited.
    let admins = bank.pay(&bank.admin, "3", &body).await.good();
    assert_eq!(admins["status"], "AUTHORIZED");
    bank.fixture.clock.advance(Duration::from_secs(10));
    assert_eq!(
        pay("3").await["error"]["code"],
        "RATE_LIMITED",
        "the decision stands"
    );
    assert_eq!(pay("4").await["status"], "AUTHORIZED");
    assert_eq!(bank.rubles().await, rubles("996.00", "4.00"));
}

#[tokio::test]
async fn an_invalid_payment_is_refused_and_does_not_use_its_key() {
    let bank = Bank::open().await;
    let body = bank.lunch("10").await;
    let without = bank.fixture.post(&bank.carol, PAYMENTS, body.clone()).await;
    without.is_problem(400, "IDEMPOTENCY_KEY_REQUIRED");
    let spaced = bank.pay(&bank.carol, "a b", &body).await;
    spaced.is_problem(400, "IDEMPOTENCY_KEY_INVALID");
    for (field, value, code, of_field) in [
        (
            "payer_account_id",
            json!("x"),
            "VALIDATION_FAILED",
            "MALFORMED_ID",
        ),
        (
            "payee_account_id",
            json!(bank.dora.id.to_string()),
            "VALIDATION_FAILED",
            "WRONG_ID_KIND",
        ),
        (
            "amount",
            json!("0.001"),
            "TOO_MANY_DECIMALS",
            "TOO_MANY_DECIMALS",
        ),
        (
            "amount",
            json!("1e30"),
            "AMOUNT_TOO_LARGE",
            "AMOUNT_TOO_LARGE",
        ),
        (
            "amount",
            json!("ten"),
            "VALIDATION_FAILED",
            "AMOUNT_MALFORMED",
        ),
        (
            "currency",
            json!("XXX"),
            "VALIDATION_FAILED",
            "UNKNOWN_VALUE",
        ),
        (
            "description",
            json!("x".repeat(501)),
            "VALIDATION_FAILED",
            "INVALID_LENGTH",
        ),
        (
            "idempotency_key",
            json!("1"),
            "UNKNOWN_FIELD",
            "UNKNOWN_FIELD",
        ),
    ] {
        let mut other = body.clone();
        other[field] = value;
        let reply = bank.pay(&bank.carol, "1", &other).await;
        reply.is_problem(422, code);
        let error = &reply.body["errors"][0];
        assert_eq!(
            (&error["field"], &error["code"]),
            (&json!(field), &json!(of_field))
        );
    }
    for field in ["payer_account_id", "payee_account_id", "amount", "currency"] {
        let mut other = body.clone();
        other.as_object_mut().unwrap().remove(field);
        let reply = bank.pay(&bank.carol, "1", &other).await;
        reply.is_problem(422, "MISSING_FIELD");
    }
    let mut brief = body.clone();
    brief.as_object_mut().unwrap().remove("description");
    let paid = bank.pay(&bank.carol, "1", &brief).await;
    assert_eq!(paid.status, 201);
    let seen = bank.see(&bank.carol, id(&paid.good())).await.good();
    assert_eq!(seen["description"], "");
}
