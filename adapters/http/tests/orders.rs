//! Orders: created at once, paid through messages, read by their buyers, refunded by administrators.

#![allow(
    dead_code,
    clippy::unwrap_used,
    reason = "helpers of tests fail by panicking, as the tests do; not all of them are used in each"
)]

mod fixture;

use std::time::Duration;

use axum::http::{Method, Request};
use fixture::{Fixture, Person, Reply};
use p2p_domain::{Role, TypedId};
use p2p_http::HttpSettings;
use serde_json::{Value, json};
use tokio::time::Instant;

const ORDERS: &str = "/api/orders";

/// A market with an administrator, a customer who has 1000 RUB, and another who has nothing.
struct Shop {
    fixture: Fixture,
    admin: Person,
    carol: Person,
    dora: Person,
}

impl Shop {
    async fn open() -> Self {
        Self::with(HttpSettings::default()).await
    }

    async fn with(settings: HttpSettings) -> Self {
        let fixture = Fixture::open(settings);
        let admin = fixture.person("admin", [Role::Admin]).await;
        let carol = fixture.person("carol", [Role::Customer]).await;
        let dora = fixture.person("dora", [Role::Customer]).await;
        fixture.deposit(&admin, &carol, "1000", "RUB").await;
        Self {
            fixture,
            admin,
            carol,
            dora,
        }
    }

    async fn order(&self, person: &Person, key: &str, body: Value) -> Reply {
        self.fixture.keyed(person, ORDERS, key, body).await
    }

    /// A paid order of 400 RUB.
    async fn paid(&self, key: &str) -> String {
        let body = json!({"amount": "400", "description": "tea"});
        let order = self.order(&self.carol, key, body).await.good();
        self.fixture.deliver().await;
        order["order_id"].as_str().unwrap().to_owned()
    }

    async fn see(&self, person: &Person, order: &str) -> Reply {
        self.fixture.get(person, &format!("{ORDERS}/{order}")).await
    }

    async fn refund(&self, person: &Person, order: &str) -> Reply {
        let path = format!("{ORDERS}/{order}/refund");
        self.fixture.post(person, &path, Value::Null).await
    }

    /// Places an order with a `Prefer` header.
    async fn prefer(&self, person: &Person, prefer: &str, key: &str, body: Value) -> Reply {
        let request = Request::post(ORDERS)
            .header("prefer", prefer)
            .header("idempotency-key", key);
        self.fixture.authored(request, Some(person), body).await
    }
}

fn ids(page: &Value) -> Vec<&str> {
    let items = page["items"].as_array().unwrap();
    items
        .iter()
        .map(|item| item["order_id"].as_str().unwrap())
        .collect()
}

#[tokio::test]
async fn an_order_is_made_at_once_and_paid_later() {
    let shop = Shop::open().await;
    let body = json!({"amount": "400", "description": "tea"});
    let reply = shop.order(&shop.carol, "1", body).await;
    assert_eq!(reply.status, 201);
    let order = reply.good();
    let id = order["order_id"].as_str().unwrap().to_owned();
    let mut expected = json!({
        "order_id": id,
        "user_id": shop.carol.id.to_string(),
        "merchant_id": null,
        "status": "NEW",
        "amount": "400.00",
        "asset": "RUB",
        "description": "tea",
        "reason": null,
        "message": "The payment is under way",
        "payment_id": null,
        "created_at": "2025-04-18T15:00:00Z",
        "settled_at": null,
        "refunded_at": null,
    });
    assert_eq!(order, expected);
    assert_eq!(shop.see(&shop.carol, &id).await.good(), expected);
    assert_eq!(shop.fixture.balance(&shop.carol, "RUB").await.0, "1000.00");
    shop.fixture.clock.advance(Duration::from_secs(1));
    shop.fixture.deliver().await;
    let paid = shop.see(&shop.carol, &id).await.good();
    expected["status"] = json!("FINISHED");
    expected["message"] = json!("Paid");
    expected["settled_at"] = json!("2025-04-18T15:00:01Z");
    assert!(paid["payment_id"].as_str().unwrap().starts_with("pay_"));
    expected["payment_id"] = paid["payment_id"].clone();
    assert_eq!(paid, expected);
    assert_eq!(shop.fixture.balance(&shop.carol, "RUB").await.0, "600.00");

    let notifications = shop
        .fixture
        .get(&shop.carol, "/api/notifications")
        .await
        .good();
    let notification = &notifications["items"][0];
    assert_eq!(
        (
            &notification["event"],
            &notification["order_id"],
            &notification["withdrawal_id"]
        ),
        (&json!("PaymentProcessed"), &json!(id), &Value::Null)
    );
    let lines = shop.fixture.get(&shop.carol, "/api/wallet/entries").await;
    let line = lines.good()["items"][0].clone();
    assert_eq!(
        (&line["kind"], &line["payment_id"], &line["amount"]),
        (&json!("PAYMENT"), &paid["payment_id"], &json!("-400.00"))
    );
}

#[tokio::test]
async fn an_order_that_can_not_be_paid_is_cancelled() {
    let shop = Shop::open().await;
    let order = shop
        .order(&shop.dora, "1", json!({"price": 1}))
        .await
        .good();
    shop.fixture.deliver().await;
    let id = order["order_id"].as_str().unwrap();
    let order = shop.see(&shop.dora, id).await.good();
    assert_eq!(
        (&order["status"], &order["reason"], &order["payment_id"]),
        (
            &json!("CANCELLED"),
            &json!("INSUFFICIENT_FUNDS"),
            &Value::Null
        )
    );
    assert_eq!(
        order["message"],
        "Not paid: there is not enough money in the wallet"
    );
    shop.refund(&shop.admin, id)
        .await
        .is_problem(409, "PAYMENT_DECLINED");
}

#[tokio::test]
async fn a_body_may_have_the_names_of_the_seeds() {
    let shop = Shop::open().await;
    let id = p2p_domain::OrderId::from_u128(7).to_string();
    let seeds = json!({
        "userId": shop.carol.id.to_string(),
        "email": "carol@example.org",
        "price": 500,
        "merchantId": shop.dora.id.to_string(),
        "orderId": id,
    });
    let order = shop.order(&shop.carol, "1", seeds).await.good();
    assert_eq!(
        (&order["order_id"], &order["merchant_id"], &order["amount"]),
        (
            &json!(id),
            &json!(shop.dora.id.to_string()),
            &json!("500.00")
        )
    );
    shop.fixture.deliver().await;
    assert_eq!(shop.fixture.balance(&shop.dora, "RUB").await.0, "500.00");
    // The same order under the same id is not created again, whatever its key.
    let same = json!({"amount": "500", "merchant_id": shop.dora.id.to_string(), "order_id": id});
    let again = shop.order(&shop.carol, "2", same.clone()).await.good();
    assert_eq!(
        (&again["order_id"], &again["status"]),
        (&json!(id), &json!("FINISHED"))
    );
    let mut other = same.clone();
    other["amount"] = json!("501");
    for (person, body) in [(&shop.carol, other), (&shop.admin, same)] {
        let roles = [Role::Customer, Role::Admin].into();
        let user = person.id;
        let person = shop.fixture.signed_in(
            p2p_application::Caller::new(user, roles)
                .proved(p2p_domain::Timestamp::from_micros(i64::MAX)),
        );
        let reply = shop.order(&person, "3", body).await;
        reply.is_problem(409, "ORDER_EXISTS");
    }
    assert_eq!(shop.fixture.balance(&shop.carol, "RUB").await.0, "500.00");
}

#[tokio::test]
async fn bad_orders_are_refused_by_code() {
    let shop = Shop::open().await;
    let (carol, dora) = (shop.carol.id.to_string(), shop.dora.id.to_string());
    for (number, (body, status, code)) in [
        (json!({"amount": "0"}), 422, "AMOUNT_NOT_POSITIVE"),
        (json!({"amount": "-1"}), 422, "AMOUNT_NOT_POSITIVE"),
        (json!({"amount": "1.001"}), 422, "TOO_MANY_DECIMALS"),
        (json!({"amount": "1e30"}), 422, "AMOUNT_TOO_LARGE"),
        (json!({"amount": "x"}), 422, "VALIDATION_FAILED"),
        (json!({"description": "tea"}), 422, "MISSING_FIELD"),
        (json!({"amount": 1, "price": 1}), 422, "DUPLICATE_FIELD"),
        (
            json!({"amount": 1, "user_id": carol, "userId": carol}),
            422,
            "DUPLICATE_FIELD",
        ),
        (
            json!({"amount": 1, "asset": "XXX"}),
            422,
            "VALIDATION_FAILED",
        ),
        (
            json!({"amount": 1, "description": "x".repeat(501)}),
            422,
            "VALIDATION_FAILED",
        ),
        (
            json!({"amount": 1, "email": "not an address"}),
            422,
            "VALIDATION_FAILED",
        ),
        (
            json!({"amount": 1, "order_id": carol}),
            422,
            "VALIDATION_FAILED",
        ),
        (json!({"price": 1, "colour": "red"}), 422, "UNKNOWN_FIELD"),
        (
            json!({"amount": 1, "user_id": dora}),
            403,
            "IDENTITY_MISMATCH",
        ),
        (
            json!({"amount": 1, "email": "dora@example.org"}),
            403,
            "IDENTITY_MISMATCH",
        ),
        (json!({"amount": 1, "merchant_id": carol}), 409, "SELF_DEAL"),
    ]
    .into_iter()
    .enumerate()
    {
        let reply = shop.order(&shop.carol, &number.to_string(), body).await;
        reply.is_problem(status, code);
    }
    let by_admin = shop.order(&shop.admin, "1", json!({"amount": 1})).await;
    by_admin.is_problem(403, "ROLE_REQUIRED");
    let body = json!({"amount": 1});
    let request = Request::post(ORDERS).header("idempotency-key", "1");
    let stranger = shop.fixture.authored(request, None, body).await;
    stranger.is_problem(401, "UNAUTHENTICATED");
    let orders = shop.fixture.get(&shop.carol, ORDERS).await.good();
    assert_eq!(orders, json!({"items": [], "next_cursor": null}));
}

#[tokio::test]
async fn orders_are_seen_by_their_buyers_and_administrators() {
    let shop = Shop::open().await;
    let first = shop.paid("1").await;
    let second = shop.paid("2").await;
    // The money does not suffice for the third.
    let third = shop.paid("3").await;
    shop.see(&shop.dora, &first)
        .await
        .is_problem(404, "ORDER_NOT_FOUND");
    assert_eq!(shop.see(&shop.admin, &first).await.status, 200);
    let list = async |person, query: &str| {
        let path = format!("{ORDERS}{query}");
        shop.fixture.get(person, &path).await
    };
    let page = list(&shop.carol, "?limit=2").await.good();
    assert_eq!(ids(&page), [&*third, &second]);
    let cursor = page["next_cursor"].as_str().unwrap();
    let rest = list(&shop.carol, &format!("?limit=2&cursor={cursor}")).await;
    let rest = rest.good();
    assert_eq!(
        (ids(&rest), &rest["next_cursor"]),
        (vec![&*first], &Value::Null)
    );
    let cancelled = list(&shop.carol, "?status=CANCELLED").await.good();
    assert_eq!(ids(&cancelled), [&*third]);
    assert!(ids(&list(&shop.dora, "").await.good()).is_empty());
    assert!(ids(&list(&shop.admin, "").await.good()).is_empty());
    let of_carol = format!("?user_id={}&status=FINISHED", shop.carol.id);
    assert_eq!(
        ids(&list(&shop.admin, &of_carol).await.good()),
        [&*second, &first]
    );
    list(&shop.dora, &of_carol)
        .await
        .is_problem(403, "ROLE_REQUIRED");
    for (query, code) in [
        ("?status=OPEN", "INVALID_QUERY"),
        ("?limit=0", "INVALID_QUERY"),
        ("?cursor=x", "INVALID_CURSOR"),
        ("?colour=red", "INVALID_QUERY"),
    ] {
        list(&shop.carol, query).await.is_problem(400, code);
    }
    for path in [ORDERS.to_owned(), format!("{ORDERS}/{first}")] {
        let reply = shop
            .fixture
            .call(None, Method::GET, &path, Value::Null)
            .await;
        reply.is_problem(401, "UNAUTHENTICATED");
    }
}

#[tokio::test]
async fn an_administrator_pays_back_once() {
    let shop = Shop::open().await;
    let order = shop.paid("1").await;
    for person in [&shop.carol, &shop.dora] {
        shop.refund(person, &order)
            .await
            .is_problem(403, "ROLE_REQUIRED");
    }
    let paid = shop.see(&shop.carol, &order).await.good();
    let expected = json!({
        "order_id": order,
        "payment_id": paid["payment_id"],
        "status": "REFUNDED",
        "amount": "400.00",
        "asset": "RUB",
        "refunded_at": "2025-04-18T15:00:00Z",
        "message": "The money is back in the buyer's wallet",
    });
    assert_eq!(shop.refund(&shop.admin, &order).await.good(), expected);
    shop.fixture.clock.advance(Duration::from_secs(60));
    assert_eq!(shop.refund(&shop.admin, &order).await.good(), expected);
    assert_eq!(shop.fixture.balance(&shop.carol, "RUB").await.0, "1000.00");
    shop.fixture.deliver().await;
    let seen = shop.see(&shop.carol, &order).await.good();
    assert_eq!(
        (&seen["status"], &seen["refunded_at"], &seen["message"]),
        (
            &json!("FINISHED"),
            &json!("2025-04-18T15:01:00Z"),
            &json!("Paid, and refunded")
        )
    );
    let nothing = "order_01jt0c7kq5e8tvb1y9m3x4z6wa";
    shop.refund(&shop.admin, nothing)
        .await
        .is_problem(404, "PAYMENT_NOT_FOUND");
}

#[tokio::test]
async fn a_merchant_who_has_nothing_left_can_not_pay_back() {
    let shop = Shop::open().await;
    let body = json!({"amount": "400", "merchant_id": shop.dora.id.to_string()});
    let order = shop.order(&shop.carol, "1", body).await.good();
    shop.fixture.deliver().await;
    let spent = json!({"amount": "1", "asset": "RUB", "destination": "my bank"});
    let path = "/api/billing/withdrawals";
    shop.fixture
        .keyed(&shop.dora, path, "1", spent)
        .await
        .good();
    let id = order["order_id"].as_str().unwrap();
    shop.refund(&shop.admin, id)
        .await
        .is_problem(422, "COUNTERPARTY_INSUFFICIENT_FUNDS");
}

#[tokio::test(start_paused = true)]
async fn a_client_that_prefers_to_wait_gets_the_paid_order() {
    let shop = Shop::open().await;
    let body = json!({"amount": "400"});
    let began = Instant::now();
    let (reply, ()) = tokio::join!(
        shop.prefer(&shop.carol, "wait=10", "1", body.clone()),
        async {
            tokio::time::sleep(Duration::from_secs(3)).await;
            shop.fixture.deliver().await;
        }
    );
    let waited = began.elapsed().as_millis();
    assert!(
        (3_000..3_010).contains(&waited),
        "{waited} ms: the notification ended the wait"
    );
    assert_eq!(reply.status, 201);
    assert_eq!(reply.headers["preference-applied"], "wait");
    assert!(!reply.is_replayed());
    let order = reply.good();
    assert_eq!(order["status"], "FINISHED");
    // A repeat may wait again, but the order is settled already.
    let again = shop.prefer(&shop.carol, "wait=10", "1", body.clone()).await;
    assert!(again.is_replayed());
    assert_eq!(again.headers["preference-applied"], "wait");
    assert_eq!(again.good(), order);
    // A repeat without the preference gets the first reply.
    let plain = shop.order(&shop.carol, "1", body).await;
    assert!(plain.is_replayed() && !plain.headers.contains_key("preference-applied"));
    assert_eq!(plain.good()["status"], "NEW");
    assert_eq!(began.elapsed().as_millis(), waited);
}

#[tokio::test(start_paused = true)]
async fn the_wait_is_shorter_than_the_request_timeout() {
    let settings = HttpSettings {
        request_timeout: Duration::from_secs(5),
        ..HttpSettings::default()
    };
    let shop = Shop::with(settings).await;
    let wait = async |prefer: &str, key: &str| {
        let began = Instant::now();
        let body = json!({"amount": "1"});
        let reply = shop.prefer(&shop.carol, prefer, key, body).await;
        let applied = reply.headers.contains_key("preference-applied");
        assert_eq!(reply.good()["status"], "NEW");
        (began.elapsed().as_secs(), applied)
    };
    assert_eq!(wait("wait=2", "1").await, (2, true));
    assert_eq!(wait("wait=60", "2").await, (4, true));
    assert_eq!(wait("wait=60", "2").await, (4, true));
    for nothing in ["wait=0", "wait=soon", "respond-async"] {
        assert_eq!(wait(nothing, "3").await, (0, false), "{nothing}");
    }
    // Nor does the wait outlast the server.
    shop.fixture.state.stop.cancel();
    assert_eq!(wait("wait=2", "4").await, (0, false));
}

#[tokio::test(start_paused = true)]
async fn a_refused_order_is_not_waited_for() {
    let shop = Shop::open().await;
    let began = Instant::now();
    let body = json!({"amount": "0"});
    let reply = shop.prefer(&shop.carol, "wait=10", "1", body).await;
    reply.is_problem(422, "AMOUNT_NOT_POSITIVE");
    assert_eq!(began.elapsed().as_secs(), 0);
}
