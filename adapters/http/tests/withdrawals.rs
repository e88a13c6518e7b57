//! Withdrawals: requested by owners, decided by administrators; and the callers that may deposit.

#![allow(
    dead_code,
    clippy::unwrap_used,
    reason = "helpers of tests fail by panicking, as the tests do; not all of them are used in each"
)]

mod fixture;

use axum::http::Method;
use fixture::{Fixture, Person, Reply};
use p2p_domain::{Policy, Role};
use p2p_http::HttpSettings;
use serde_json::{Value, json};

const WITHDRAWALS: &str = "/api/billing/withdrawals";

/// A market with an administrator, a customer who has 100 USDT, and another.
struct Bank {
    fixture: Fixture,
    admin: Person,
    carol: Person,
    dora: Person,
}

impl Bank {
    async fn open() -> Self {
        let fixture = Fixture::open(HttpSettings::default());
        let admin = fixture.person("admin", [Role::Admin]).await;
        let carol = fixture.person("carol", [Role::Customer]).await;
        let dora = fixture.person("dora", [Role::Customer]).await;
        fixture.deposit(&admin, &carol, "100", "USDT").await;
        Self {
            fixture,
            admin,
            carol,
            dora,
        }
    }

    async fn request(&self, key: &str, amount: &str) -> Reply {
        let body = json!({"amount": amount, "asset": "USDT", "destination": "my wallet"});
        self.fixture
            .keyed(&self.carol, WITHDRAWALS, key, body)
            .await
    }

    /// Requests a withdrawal; returns its id.
    async fn requested(&self, key: &str, amount: &str) -> String {
        let withdrawal = self.request(key, amount).await.good();
        withdrawal["withdrawal_id"].as_str().unwrap().to_owned()
    }

    async fn approve(&self, person: &Person, id: &str) -> Reply {
        let path = format!("{WITHDRAWALS}/{id}/approve");
        let body = json!({"reference": "tx-1"});
        self.fixture.post(person, &path, body).await
    }

    async fn reject(&self, person: &Person, id: &str) -> Reply {
        let path = format!("{WITHDRAWALS}/{id}/reject");
        let body = json!({"reason": "no such address"});
        self.fixture.post(person, &path, body).await
    }

    async fn get(&self, person: &Person, rest: &str) -> Reply {
        let path = format!("{WITHDRAWALS}{rest}");
        self.fixture.get(person, &path).await
    }

    async fn balance(&self) -> (String, String) {
        self.fixture.balance(&self.carol, "USDT").await
    }
}

fn amounts(available: &str, held: &str) -> (String, String) {
    (available.to_owned(), held.to_owned())
}

fn ids(page: &Value) -> Vec<&str> {
    let items = page["items"].as_array().unwrap();
    items
        .iter()
        .map(|item| item["withdrawal_id"].as_str().unwrap())
        .collect()
}

#[tokio::test]
async fn money_is_held_until_an_administrator_approves() {
    let bank = Bank::open().await;
    let reply = bank.request("1", "40").await;
    assert_eq!(reply.status, 201);
    let requested = reply.good();
    let id = requested["withdrawal_id"].as_str().unwrap();
    assert!(id.starts_with("withdrawal_"));
    let mut expected = json!({
        "withdrawal_id": id,
        "user_id": bank.carol.id.to_string(),
        "status": "REQUESTED",
        "amount": "40.000000",
        "asset": "USDT",
        "destination": "my wallet",
        "message": "The money is set aside until an administrator decides",
        "reference": null,
        "reason": null,
        "created_at": "2025-04-18T15:00:00Z",
        "decided_at": null,
        "decided_by": null,
    });
    assert_eq!(requested, expected);
    assert_eq!(bank.balance().await, amounts("60.000000", "40.000000"));
    let approved = bank.approve(&bank.admin, id).await.good();
    expected["status"] = json!("APPROVED");
    expected["message"] = json!("The money has left");
    expected["reference"] = json!("tx-1");
    expected["decided_at"] = json!("2025-04-18T15:00:00Z");
    expected["decided_by"] = json!(bank.admin.id.to_string());
    assert_eq!(approved, expected);
    assert_eq!(
        bank.get(&bank.carol, &format!("/{id}")).await.good(),
        expected
    );
    assert_eq!(bank.balance().await, amounts("60.000000", "0.000000"));
    for decided in [
        bank.approve(&bank.admin, id).await,
        bank.reject(&bank.admin, id).await,
    ] {
        decided.is_problem(409, "WITHDRAWAL_ALREADY_DECIDED");
    }

    bank.fixture.deliver().await;
    let notifications = bank
        .fixture
        .get(&bank.carol, "/api/notifications")
        .await
        .good();
    assert_eq!(
        (
            &notifications["items"][0]["event"],
            &notifications["items"][0]["withdrawal_id"]
        ),
        (&json!("WithdrawalApproved"), &json!(id))
    );
    let lines = bank
        .fixture
        .get(&bank.carol, "/api/wallet/entries")
        .await
        .good();
    let line = &lines["items"][0];
    assert_eq!(
        (&line["kind"], &line["withdrawal_id"], &line["offer_id"]),
        (&json!("WITHDRAWAL"), &json!(id), &Value::Null)
    );
}

#[tokio::test]
async fn a_rejected_amount_is_available_again() {
    let bank = Bank::open().await;
    let id = bank.requested("1", "100").await;
    assert_eq!(bank.balance().await, amounts("0.000000", "100.000000"));
    let rejected = bank.reject(&bank.admin, &id).await.good();
    assert_eq!(
        (
            &rejected["status"],
            &rejected["reason"],
            &rejected["reference"]
        ),
        (&json!("REJECTED"), &json!("no such address"), &Value::Null)
    );
    assert_eq!(bank.balance().await, amounts("100.000000", "0.000000"));
}

#[tokio::test]
async fn bad_requests_are_refused_by_code() {
    let bank = Bank::open().await;
    let send = async |key: &str, body: Value| {
        bank.fixture
            .keyed(&bank.carol, WITHDRAWALS, key, body)
            .await
    };
    let good = json!({"amount": "1", "asset": "USDT", "destination": "my wallet"});
    for (number, (field, value, code)) in [
        ("amount", json!("100.000001"), "INSUFFICIENT_FUNDS"),
        ("amount", json!("0"), "AMOUNT_NOT_POSITIVE"),
        ("amount", json!("-1"), "AMOUNT_NOT_POSITIVE"),
        ("amount", json!("0.0000001"), "TOO_MANY_DECIMALS"),
        ("amount", json!("1e30"), "AMOUNT_TOO_LARGE"),
        ("amount", json!(true), "WRONG_TYPE"),
        ("asset", json!("XXX"), "VALIDATION_FAILED"),
        ("destination", json!(""), "VALIDATION_FAILED"),
        ("destination", json!("x".repeat(501)), "VALIDATION_FAILED"),
        ("user_id", json!(bank.carol.id.to_string()), "UNKNOWN_FIELD"),
    ]
    .into_iter()
    .enumerate()
    {
        let mut body = good.clone();
        body[field] = value;
        let reply = send(&number.to_string(), body).await;
        reply.is_problem(422, code);
    }
    for field in ["amount", "asset", "destination"] {
        let mut body = good.clone();
        body.as_object_mut().unwrap().remove(field);
        send("missing", body).await.is_problem(422, "MISSING_FIELD");
    }
    let without = bank.fixture.post(&bank.carol, WITHDRAWALS, good).await;
    without.is_problem(400, "IDEMPOTENCY_KEY_REQUIRED");
    let id = bank.requested("good", "1").await;
    for (step, field) in [("approve", "reference"), ("reject", "reason")] {
        let path = format!("{WITHDRAWALS}/{id}/{step}");
        let post = async |body| bank.fixture.post(&bank.admin, &path, body).await;
        post(json!({})).await.is_problem(422, "MISSING_FIELD");
        for text in [String::new(), "x".repeat(2_001)] {
            let reply = post(json!({field: text})).await;
            reply.is_problem(422, "VALIDATION_FAILED");
        }
    }
    assert_eq!(bank.balance().await, amounts("99.000000", "1.000000"));
}

#[tokio::test]
async fn administrators_decide_and_never_approve_their_own() {
    let bank = Bank::open().await;
    let id = bank.requested("1", "10").await;
    for reply in [
        bank.approve(&bank.carol, &id).await,
        bank.approve(&bank.dora, &id).await,
        bank.reject(&bank.dora, &id).await,
    ] {
        reply.is_problem(403, "ROLE_REQUIRED");
    }
    let (admin, fixture) = (&bank.admin, &bank.fixture);
    let key = "self";
    let body = json!({"user_id": admin.id.to_string(), "amount": "10", "asset": "USDT"});
    let own = fixture
        .keyed(admin, "/api/billing/deposit", key, body)
        .await;
    own.is_problem(403, "CONFLICT_OF_INTEREST");
    let other = fixture.person("other", [Role::Admin]).await;
    fixture.deposit(&other, admin, "10", "USDT").await;
    let body = json!({"amount": "10", "asset": "USDT", "destination": "mine"});
    let own = fixture.keyed(admin, WITHDRAWALS, "1", body).await.good();
    let own = own["withdrawal_id"].as_str().unwrap();
    let reply = bank.approve(admin, own).await;
    reply.is_problem(403, "CONFLICT_OF_INTEREST");
    // The owner may cancel the request.
    let taken_back = bank.reject(admin, own).await.good();
    assert_eq!(taken_back["status"], "REJECTED");
    let nothing = "withdrawal_01jt0c7kq5e8tvb1y9m3x4z6wa";
    for reply in [
        bank.approve(admin, nothing).await,
        bank.reject(admin, nothing).await,
    ] {
        reply.is_problem(404, "WITHDRAWAL_NOT_FOUND");
    }
    let path = format!("{WITHDRAWALS}/{id}/approve");
    let body = json!({"reference": "tx"});
    let stranger = fixture.call(None, Method::POST, &path, body).await;
    stranger.is_problem(401, "UNAUTHENTICATED");
}

#[tokio::test]
async fn withdrawals_are_seen_by_their_owners_and_administrators() {
    let bank = Bank::open().await;
    let first = bank.requested("1", "10").await;
    let second = bank.requested("2", "20").await;
    bank.approve(&bank.admin, &first).await.good();
    bank.get(&bank.dora, &format!("/{first}"))
        .await
        .is_problem(404, "WITHDRAWAL_NOT_FOUND");
    let seen = bank.get(&bank.admin, &format!("/{first}")).await;
    assert_eq!(seen.status, 200);
    for person in [&bank.carol, &bank.admin] {
        assert_eq!(ids(&bank.get(person, "").await.good()), [&*second, &first]);
    }
    assert!(ids(&bank.get(&bank.dora, "").await.good()).is_empty());
    let waiting = bank.get(&bank.admin, "?status=REQUESTED").await.good();
    assert_eq!(ids(&waiting), [&*second]);
    let page = bank.get(&bank.carol, "?limit=1").await.good();
    let cursor = page["next_cursor"].as_str().unwrap();
    let rest = bank
        .get(&bank.carol, &format!("?limit=1&cursor={cursor}"))
        .await;
    assert_eq!(ids(&rest.good()), [&*first]);
    let of_dora = format!("?user_id={}", bank.dora.id);
    assert!(ids(&bank.get(&bank.admin, &of_dora).await.good()).is_empty());
    bank.get(&bank.carol, &of_dora)
        .await
        .is_problem(403, "ROLE_REQUIRED");
    for (query, code) in [
        ("?status=NEW", "INVALID_QUERY"),
        ("?cursor=x", "INVALID_CURSOR"),
        ("?limit=101", "INVALID_QUERY"),
    ] {
        bank.get(&bank.carol, query).await.is_problem(400, code);
    }
    for path in [WITHDRAWALS.to_owned(), format!("{WITHDRAWALS}/{first}")] {
        let reply = bank
            .fixture
            .call(None, Method::GET, &path, Value::Null)
            .await;
        reply.is_problem(401, "UNAUTHENTICATED");
    }
}

#[tokio::test]
async fn administrators_deposit_or_the_owner_where_there_is_a_faucet() {
    let path = "/api/billing/deposit";
    for faucet in [false, true] {
        let policy = Policy {
            faucet,
            ..Policy::default()
        };
        let fixture = Fixture::under(HttpSettings::default(), policy);
        let carol = fixture.person("carol", [Role::Customer]).await;
        let dora = fixture.person("dora", [Role::Customer]).await;
        let to = |person: &Person| json!({"userId": person.id.to_string(), "amount": 1000});
        let own = fixture.keyed(&carol, path, "own", to(&carol)).await;
        if faucet {
            assert_eq!(own.good()["available"], "1000.00");
        } else {
            own.is_problem(403, "ROLE_REQUIRED");
        }
        let other = fixture.keyed(&carol, path, "other", to(&dora)).await;
        other.is_problem(403, "ROLE_REQUIRED");
        let without = fixture.post(&carol, path, to(&carol)).await;
        without.is_problem(400, "IDEMPOTENCY_KEY_REQUIRED");
    }
}
