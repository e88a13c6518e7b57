//! Repeated requests: one effect, and the same response byte for byte.

#![allow(
    dead_code,
    clippy::unwrap_used,
    reason = "helpers of tests fail by panicking, as the tests do; not all of them are used in each"
)]

mod fixture;

use axum::http::{Method, Request};
use fixture::{Fixture, Person, Reply, new_listing};
use futures::future::join_all;
use p2p_application::ports::StorageError;
use p2p_domain::Role;
use p2p_http::HttpSettings;
use p2p_memory::Point;
use serde_json::{Value, json};

const DEPOSIT: &str = "/api/billing/deposit";
const WITHDRAWALS: &str = "/api/billing/withdrawals";
const ORDERS: &str = "/api/orders";

/// A market with an administrator and a customer.
struct Market {
    fixture: Fixture,
    admin: Person,
    carol: Person,
}

impl Market {
    async fn open() -> Self {
        let fixture = Fixture::open(HttpSettings::default());
        let admin = fixture.person("admin", [Role::Admin]).await;
        let carol = fixture.person("carol", [Role::Customer]).await;
        Self {
            fixture,
            admin,
            carol,
        }
    }

    fn deposit(&self, amount: &str) -> Value {
        json!({"user_id": self.carol.id.to_string(), "amount": amount, "asset": "RUB"})
    }

    async fn rubles(&self) -> String {
        self.fixture.balance(&self.carol, "RUB").await.0
    }

    async fn withdraw(&self, key: &str, amount: &str) -> Reply {
        let body = json!({"amount": amount, "asset": "RUB", "destination": "my bank"});
        self.fixture
            .keyed(&self.carol, WITHDRAWALS, key, body)
            .await
    }
}

/// Asserts that the second response replays the first, byte for byte.
#[track_caller]
fn assert_replay(first: &Reply, second: &Reply) {
    assert!(!first.is_replayed() && second.is_replayed());
    let of = |reply: &Reply| {
        let content_type = reply.headers.get("content-type").cloned();
        (reply.status, content_type, reply.text.clone())
    };
    assert_eq!(of(first), of(second));
}

/// Asserts that the second response reports the same payment as a duplicate.
#[track_caller]
fn assert_duplicate(first: &Reply, second: &Reply) {
    assert!(!first.is_replayed() && second.is_replayed());
    assert_eq!((first.status.as_u16(), second.status.as_u16()), (201, 200));
    let mut expected = first.body.clone();
    expected["status"] = json!("DUPLICATE");
    assert_eq!(second.body, expected);
}

/// Stores no replies: the payment itself is the record, and a repeat is reported as a duplicate.
const STORES_NO_REPLY: &str = "/api/payments";

/// Operations without a key: replies with secrets are not stored, some are idempotent anyway, and a report has its own id.
const KEYLESS: [&str; 17] = [
    "confirm_second_factor",
    "enrol_second_factor",
    "log_in",
    "refresh",
    "renew_recovery_codes",
    "show_second_factor",
    "change_password",
    "end_other_sessions",
    "end_session",
    "forgot_password",
    "log_out",
    "remove_own_second_factor",
    "remove_second_factor",
    "resend_verification",
    "reset_password",
    "verify_email",
    "receive_payment_report",
];

/// Every operation that changes something, as documented, with this person's id in place of the example's.
fn changes(of: &Person) -> Vec<(Method, String, Value)> {
    let document: Value = serde_json::from_str(&p2p_http::openapi_json()).unwrap();
    let example = "01jt0c7kq5e8tvb1y9m3x4z6wa";
    let own = |text: String| text.replace(&format!("user_{example}"), &of.id.to_string());
    let mut changes = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let name = operation["operationId"].as_str().unwrap();
            if method == "get" || KEYLESS.contains(&name) {
                continue;
            }
            let parameters = operation["parameters"].as_array().into_iter().flatten();
            let path =
                parameters
                    .filter(|one| one["in"] == "path")
                    .fold(path.clone(), |path, one| {
                        let name = one["name"].as_str().unwrap();
                        let value = one["schema"]["examples"][0].as_str().unwrap();
                        path.replace(&format!("{{{name}}}"), value)
                    });
            let body = &operation["requestBody"]["content"]["application/json"]["example"];
            let body = own(body.to_string()).replace("ada@example.com", "carol@example.org");
            let body = serde_json::from_str(&body).unwrap();
            changes.push((method.to_uppercase().parse().unwrap(), own(path), body));
        }
    }
    changes
}

#[tokio::test]
async fn every_change_stores_one_reply_for_its_key() {
    let fixture = Fixture::open(HttpSettings::default());
    let carol = fixture.person("carol", Role::ALL).await;
    let changes = changes(&carol);
    assert!(changes.len() > 20);
    let (mut good, mut kept, all) = (0, 0, changes.len());
    for (method, path, body) in changes {
        let call = async || {
            let request = Request::builder().method(method.clone()).uri(&path);
            let request = request.header("idempotency-key", "the-same-for-all");
            fixture.authored(request, Some(&carol), body.clone()).await
        };
        let first = call().await;
        assert!(!first.status.is_server_error(), "{path}: {}", first.text);
        good += usize::from(first.status.is_success());
        let again = call().await;
        if path == STORES_NO_REPLY {
            assert_duplicate(&first, &again);
        } else {
            assert_replay(&first, &again);
            kept += 1;
        }
        assert_eq!(fixture.memory.tables().replies.len(), kept, "{path}");
    }
    assert_eq!(kept, all - 1);
    // Both successes and refusals.
    assert!(good >= 7 && good < all, "{good} of {all}");
}

#[tokio::test]
async fn a_repeated_deposit_is_booked_once() {
    let market = Market::open().await;
    let send = async |key: &str, body: &str| {
        let request = Request::post(DEPOSIT)
            .header("authorization", format!("Bearer {}", market.admin.token))
            .header("content-type", "application/json")
            .header("idempotency-key", key)
            .body(body.to_owned().into());
        market.fixture.send(request.unwrap()).await
    };
    let user = market.carol.id;
    let body = format!(r#"{{"user_id":"{user}","amount":1000,"asset":"RUB"}}"#);
    let first = send("d-1", &body).await;
    assert_eq!(first.status, 201);
    assert_eq!(first.headers["content-type"], "application/json");
    assert_replay(&first, &send("d-1", &body).await);
    // The spelling of the same JSON does not matter.
    let spelt =
        format!("{{\n \"asset\": \"\\u0052UB\", \"amount\": 1000, \"user_id\": \"{user}\" }}");
    assert_replay(&first, &send("\"d-1\"", &spelt).await);
    assert_eq!(market.rubles().await, "1000.00");
    // A number that is written differently makes another request: a client that retries sends the same bytes.
    for other in [
        body.replace("1000", "1000.0"),
        body.replace("1000", "999"),
        body.replace("RUB", "USDT"),
        body.replace("user_id", "userId"),
        body.replace(",\"asset\":\"RUB\"", ""),
    ] {
        let reply = send("d-1", &other).await;
        reply.is_problem(422, "IDEMPOTENCY_KEY_REUSED");
        assert!(!reply.is_replayed());
    }
    assert_eq!(market.rubles().await, "1000.00");
    // Another key is another deposit.
    assert_eq!(send("d-2", &body).await.good()["available"], "2000.00");
}

#[tokio::test]
async fn a_refusal_is_replayed() {
    let market = Market::open().await;
    let first = market.withdraw("w-1", "10").await;
    first.is_problem(422, "INSUFFICIENT_FUNDS");
    let (admin, carol) = (&market.admin, &market.carol);
    market.fixture.deposit(admin, carol, "100", "RUB").await;
    // The money would suffice now, but this request has its reply.
    let again = market.withdraw("w-1", "10").await;
    assert_replay(&first, &again);
    assert_eq!(again.body["request_id"], first.body["request_id"]);
    assert_ne!(again.headers["x-request-id"], first.headers["x-request-id"]);
    market
        .withdraw("w-1", "11")
        .await
        .is_problem(422, "IDEMPOTENCY_KEY_REUSED");
    assert_eq!(market.withdraw("w-2", "10").await.status, 201);
    assert_eq!(market.rubles().await, "90.00");
}

#[tokio::test]
async fn the_response_is_the_same_with_and_without_a_key() {
    let market = Market::open().await;
    let send = async |path: &str, key: Option<&str>, body: &Value| {
        let mut request = Request::post(path).header("x-request-id", "the-same");
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        market
            .fixture
            .authored(request, Some(&market.carol), body.clone())
            .await
    };
    let nothing = "01jt0c7kq5e8tvb1y9m3x4z6wa";
    for (path, body, status) in [
        (
            format!("/api/p2p/exchange-offers/offer_{nothing}/cancel"),
            json!({"reason": "x"}),
            404,
        ),
        (
            "/api/notifications/read".to_owned(),
            json!({"up_to": 7}),
            404,
        ),
        (
            "/api/notifications/read".to_owned(),
            json!({"up_to": 0}),
            200,
        ),
        (
            format!("/api/orders/order_{nothing}/refund"),
            Value::Null,
            403,
        ),
    ] {
        let plain = send(&path, None, &body).await;
        let keyed = send(&path, Some(&format!("{path}{status}")), &body).await;
        assert_eq!(plain.status, status, "{}", plain.text);
        let all = |reply: &Reply| (reply.status, reply.headers.clone(), reply.text.clone());
        assert_eq!(all(&plain), all(&keyed));
    }
}

#[tokio::test]
async fn keys_are_separate_for_each_caller_and_operation() {
    let market = Market::open().await;
    let dora = market.fixture.person("dora", [Role::Customer]).await;
    let order = json!({"amount": "5", "description": "tea"});
    let mut ids = Vec::new();
    for person in [&market.carol, &dora] {
        let reply = market
            .fixture
            .keyed(person, ORDERS, "1", order.clone())
            .await;
        assert!(!reply.is_replayed());
        let order = reply.good();
        assert_eq!(order["user_id"], person.id.to_string());
        ids.push(order["order_id"].clone());
    }
    assert_ne!(ids[0], ids[1]);
    // The same key for another operation.
    let (admin, carol) = (&market.admin, &market.carol);
    market.fixture.deposit(admin, carol, "100", "RUB").await;
    let reply = market.withdraw("1", "5").await;
    assert!(!reply.is_replayed());
    let withdrawal = reply.good();
    // The same operation on another withdrawal: the key is in use.
    let other = market.withdraw("2", "5").await.good();
    let approve = async |withdrawal: &Value| {
        let id = withdrawal["withdrawal_id"].as_str().unwrap();
        let path = format!("{WITHDRAWALS}/{id}/approve");
        let body = json!({"reference": "tx"});
        market.fixture.keyed(admin, &path, "1", body).await
    };
    assert_eq!(approve(&withdrawal).await.status, 200);
    approve(&other)
        .await
        .is_problem(422, "IDEMPOTENCY_KEY_REUSED");
    assert!(approve(&withdrawal).await.is_replayed());
}

#[tokio::test]
async fn fifty_at_once_have_one_effect() {
    let market = Market::open().await;
    let all = (0..50).map(|_| {
        let body = market.deposit("10");
        market.fixture.keyed(&market.admin, DEPOSIT, "burst", body)
    });
    let replies = join_all(all).await;
    assert_eq!(market.rubles().await, "10.00");
    let first = replies.iter().find(|reply| !reply.is_replayed()).unwrap();
    assert_eq!(first.status, 201);
    let replayed = replies.iter().filter(|reply| reply.is_replayed());
    replayed
        .clone()
        .for_each(|reply| assert_replay(first, reply));
    assert_eq!(replayed.count(), 49);
}

#[tokio::test]
async fn invalid_requests_store_no_reply() {
    let market = Market::open().await;
    let send = async |body: Value| {
        market
            .fixture
            .keyed(&market.carol, ORDERS, "again", body)
            .await
    };
    let other = json!({"amount": "5", "user_id": market.admin.id.to_string()});
    for (body, status, code) in [
        (json!({"amount": true}), 422, "WRONG_TYPE"),
        (json!({}), 422, "MISSING_FIELD"),
        (other, 403, "IDENTITY_MISMATCH"),
    ] {
        send(body).await.is_problem(status, code);
    }
    assert!(market.fixture.memory.tables().replies.is_empty());
    assert_eq!(send(json!({"amount": "5"})).await.status, 201);
    let without = market
        .fixture
        .post(&market.carol, ORDERS, json!({"amount": "5"}))
        .await;
    without.is_problem(400, "IDEMPOTENCY_KEY_REQUIRED");
}

#[tokio::test]
async fn a_key_survives_failures_of_storage() {
    let market = Market::open().await;
    let faults = market.fixture.memory.faults().clone();
    let send = async || {
        let body = market.deposit("10");
        market
            .fixture
            .keyed(&market.admin, DEPOSIT, "stormy", body)
            .await
    };
    let lost = || "the line is dead".into();
    // The market retries once by itself.
    for _ in 0..2 {
        faults.fail(Point::Begin, StorageError::Unavailable { source: lost() });
    }
    send().await.is_problem(503, "UNAVAILABLE");
    assert_eq!(faults.pending(), 0);
    faults.fail(Point::Committed, StorageError::InDoubt { source: lost() });
    send().await.is_problem(503, "OUTCOME_UNKNOWN");
    // It took effect, and the reply says so now.
    let reply = send().await;
    assert!(reply.is_replayed());
    assert_eq!(reply.good()["available"], "10.00");
    assert_eq!(market.rubles().await, "10.00");
}

#[tokio::test]
async fn an_address_is_registered_once_for_its_key() {
    let fixture = Fixture::open(HttpSettings::default());
    let send = async |email: &str, name: &str, password: &str| {
        let body = json!({"email": email, "name": name, "password": password});
        let request = Request::post("/api/auth/register").header("idempotency-key", "1");
        fixture.authored(request, None, body).await
    };
    let password = "a good long password";
    let ada = send("ada@example.org", "Ada", password).await;
    assert_eq!(ada.status, 201);
    assert_replay(&ada, &send("ada@example.org", "Ada", password).await);
    // No digest of a password is stored, so a different one goes unnoticed.
    assert_replay(
        &ada,
        &send("ada@example.org", "Ada", "another password").await,
    );
    send("ada@example.org", "Eve", password)
        .await
        .is_problem(422, "IDEMPOTENCY_KEY_REUSED");
    // The same address in another case is the same caller.
    send("ADA@example.org", "Ada", password)
        .await
        .is_problem(422, "IDEMPOTENCY_KEY_REUSED");
    let bob = send("bob@example.org", "Ada", password).await;
    assert!(!bob.is_replayed());
    assert_eq!(bob.status, 201);
    let kept = format!("{:?}", fixture.memory.tables().replies);
    assert!(!kept.contains(password) && !kept.contains("another"));
}

#[tokio::test]
async fn an_empty_response_is_replayed_as_empty() {
    let market = Market::open().await;
    let anna = market.fixture.anna().await;
    let post = market
        .fixture
        .post(&anna, "/api/p2p/listings", new_listing());
    let listing = post.await;
    let path = format!(
        "/api/p2p/listings/{}",
        listing.good()["listing_id"].as_str().unwrap()
    );
    let close = async || {
        let request = Request::delete(&path).header("idempotency-key", "1");
        market
            .fixture
            .authored(request, Some(&anna), Value::Null)
            .await
    };
    let first = close().await;
    assert_eq!((first.status.as_u16(), first.text.as_str()), (204, ""));
    assert!(!first.headers.contains_key("content-type"));
    assert_replay(&first, &close().await);
}
