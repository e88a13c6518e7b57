//! Payment reports: the providers that may send them, their effects, and what is recorded.

#![allow(
    dead_code,
    clippy::unwrap_used,
    reason = "helpers of tests fail by panicking, as the tests do; not all of them are used in each"
)]

mod fixture;

use std::time::Duration;

use axum::body::Body;
use axum::http::{Method, Request};
use fixture::{Deal, Fixture, Person, Reply};
use hmac::{Hmac, KeyInit, Mac};
use p2p_domain::Role;
use p2p_http::{CallbackSettings, HttpSettings, Secret};
use serde_json::{Value, json};
use sha2::Sha256;

const SECRET: &str = "what acme-pay signs with";

/// 2025-04-18T15:00:00Z in seconds.
const NOW: i64 = 1_744_988_400;

/// A market with a deal that awaits its payment.
struct Market {
    fixture: Fixture,
    anna: Person,
    boris: Person,
    moderator: Person,
    offer: String,
}

impl Market {
    async fn open() -> Self {
        let secret = |text: &str| Secret::new(text.to_owned());
        let secrets = [
            ("acme-pay", secret(SECRET)),
            ("other-pay", secret("another")),
        ];
        let settings = HttpSettings {
            callbacks: CallbackSettings {
                secrets: secrets
                    .map(|(name, secret)| (name.to_owned(), secret))
                    .into(),
                ..CallbackSettings::default()
            },
            ..HttpSettings::default()
        };
        let fixture = Fixture::open(settings);
        let moderator = fixture.person("moderator", [Role::Moderator]).await;
        let Deal { anna, boris, offer } = fixture.approved_deal().await;
        Self {
            fixture,
            anna,
            boris,
            moderator,
            offer,
        }
    }

    /// The report that acme-pay would send of the payment.
    fn report(&self, callback: &str, amount: &str, currency: &str) -> String {
        let report = json!({
            "callback_id": callback,
            "deal_reference": self.offer,
            "payment_reference": "SEPA 0042",
            "amount": amount,
            "currency": currency,
            "its_own": {"of": "no use to us"},
        });
        report.to_string()
    }

    async fn send(&self, provider: Option<&str>, signature: Option<&str>, body: &str) -> Reply {
        let mut request =
            Request::post("/api/callbacks/payments").header("content-type", "application/json");
        if let Some(provider) = provider {
            request = request.header("x-provider", provider);
        }
        if let Some(signature) = signature {
            request = request.header("x-signature", signature);
        }
        let request = request.body(Body::from(body.to_owned())).unwrap();
        self.fixture.send(request).await
    }

    /// Sends a report that acme-pay has just signed.
    async fn send_signed(&self, body: &str) -> Reply {
        let signature = format!("t={NOW},v1={}", signed(SECRET, NOW, body));
        self.send(Some("acme-pay"), Some(&signature), body).await
    }

    async fn status(&self) -> Value {
        let path = format!("/api/p2p/exchange-offers/{}", self.offer);
        self.fixture.get(&self.boris, &path).await.good()
    }

    /// The recorded reports, newest first.
    async fn recorded(&self, query: &str) -> Value {
        let path = format!("/api/p2p/payment-reports{query}");
        self.fixture.get(&self.moderator, &path).await.good()
    }
}

fn signed(secret: &str, at: i64, body: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(format!("{at}.{body}").as_bytes());
    let tag = mac.finalize().into_bytes();
    tag.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[tokio::test]
async fn a_matching_payment_is_confirmed_once() {
    let market = Market::open().await;
    let body = market.report("cb_1", "99.50", "EUR");
    let applied = market.send_signed(&body).await.good();
    assert_eq!(applied, json!({"status": "APPLIED", "outcome": "APPLIED"}));
    let deal = market.status().await;
    assert_eq!(
        (&deal["status"], &deal["payment_reference"]),
        (&json!("PAYMENT_CONFIRMED"), &json!("SEPA 0042"))
    );
    let again = market.send_signed(&body).await.good();
    assert_eq!(again, json!({"status": "DUPLICATE"}));
    // Another report of a confirmed payment is recorded for manual review.
    let other = market.report("cb_2", "99.50", "EUR");
    let late = market.send_signed(&other).await.good();
    assert_eq!(
        late,
        json!({"status": "RECORDED", "outcome": "NOT_AWAITED"})
    );
    assert_eq!(market.status().await["version"], deal["version"]);

    let recorded = market.recorded("").await;
    let outcomes: Vec<_> = recorded["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| &item["outcome"])
        .collect();
    assert_eq!(outcomes, ["NOT_AWAITED", "APPLIED"]);
    let mut first = recorded["items"][1].clone();
    assert!(
        first["report_id"]
            .take()
            .as_str()
            .unwrap()
            .starts_with("report_")
    );
    let expected = json!({
        "report_id": null,
        "provider": "acme-pay",
        "callback_id": "cb_1",
        "deal_reference": market.offer,
        "payment_reference": "SEPA 0042",
        "amount": "99.50",
        "currency": "EUR",
        "offer_id": market.offer,
        "outcome": "APPLIED",
        "received_at": "2025-04-18T15:00:00Z",
    });
    assert_eq!(first, expected);
}

#[tokio::test]
async fn a_report_that_names_a_user_is_a_deposit() {
    let market = Market::open().await;
    let user = market.boris.id.to_string();
    let body = market
        .report("cb_1", "250.00", "RUB")
        .replace(&market.offer, &user);
    assert_eq!(market.send_signed(&body).await.good()["status"], "APPLIED");
    assert_eq!(
        market.send_signed(&body).await.good()["status"],
        "DUPLICATE"
    );
    let balance = market.fixture.balance(&market.boris, "RUB").await;
    assert_eq!(balance.0, "250.00");
    let recorded = market.recorded("").await["items"][0].clone();
    assert_eq!(
        (&recorded["deal_reference"], &recorded["offer_id"]),
        (&json!(user), &Value::Null)
    );
    let path = "/api/wallet/entries?asset=RUB";
    let lines = market.fixture.get(&market.boris, path).await.good();
    let line = &lines["items"][0];
    assert_eq!(
        (&line["kind"], &line["report_id"], &line["booked_by"]),
        (&json!("DEPOSIT"), &recorded["report_id"], &Value::Null)
    );
    // No user has that id: the report is recorded for manual review.
    let unknown_user = body
        .replace("cb_1", "cb_2")
        .replace(&user, "user_01jt0c7kq5e8tvb1y9m3x4z6wa");
    let answer = market.send_signed(&unknown_user).await.good();
    assert_eq!(answer["outcome"], "UNKNOWN_DEAL");
}

#[tokio::test]
async fn a_mismatched_report_is_recorded_and_changes_nothing() {
    let market = Market::open().await;
    let before = market.status().await;
    for (callback, amount, currency, outcome) in [
        ("cb_1", "99.49", "EUR", "WRONG_AMOUNT"),
        ("cb_2", "99.50", "USD", "WRONG_CURRENCY"),
    ] {
        let body = market.report(callback, amount, currency);
        let answer = market.send_signed(&body).await.good();
        assert_eq!(answer, json!({"status": "RECORDED", "outcome": outcome}));
    }
    let body = market
        .report("cb_3", "99.50", "EUR")
        .replace(&market.offer, "rent for May");
    let answer = market.send_signed(&body).await.good();
    assert_eq!(
        answer,
        json!({"status": "RECORDED", "outcome": "UNKNOWN_DEAL"})
    );
    assert_eq!(market.status().await, before);

    let of_the_deal = market
        .recorded(&format!("?applied=false&offer_id={}&limit=1", market.offer))
        .await;
    assert_eq!(of_the_deal["items"][0]["outcome"], "WRONG_CURRENCY");
    let cursor = of_the_deal["next_cursor"].as_str().unwrap();
    let rest = market
        .recorded(&format!("?offer_id={}&cursor={cursor}", market.offer))
        .await;
    assert_eq!(rest["items"].as_array().unwrap().len(), 1);
    assert_eq!(rest["items"][0]["outcome"], "WRONG_AMOUNT");
    assert_eq!(rest["next_cursor"], Value::Null);
    let unknown = market.recorded("").await["items"][0].clone();
    assert_eq!(unknown["offer_id"], Value::Null);
    assert_eq!(unknown["deal_reference"], "rent for May");
    assert_eq!(market.recorded("?applied=true").await["items"], json!([]));
    // A report of the right amount is still applied.
    let body = market.report("cb_4", "99.50", "EUR");
    assert_eq!(market.send_signed(&body).await.good()["status"], "APPLIED");
}

#[tokio::test]
async fn only_a_provider_can_report_a_payment() {
    let market = Market::open().await;
    let body = market.report("cb_1", "99.50", "EUR");
    let right = format!("t={NOW},v1={}", signed(SECRET, NOW, &body));
    let reply = market.send(None, Some(&right), &body).await;
    reply.is_problem(401, "SIGNATURE_MISSING");
    let reply = market.send(Some("acme-pay"), None, &body).await;
    reply.is_problem(401, "SIGNATURE_MISSING");
    assert!(reply.headers.contains_key("www-authenticate"));
    for (provider, signature) in [
        (
            "acme-pay",
            format!("t={NOW},v1={}", signed("guessed", NOW, &body)),
        ),
        (
            "acme-pay",
            format!("t={NOW},v1={}", signed(SECRET, NOW, "{}")),
        ),
        (
            "acme-pay",
            format!("t={},v1={}", NOW + 1, signed(SECRET, NOW, &body)),
        ),
        ("acme-pay", "nonsense".to_owned()),
        ("other-pay", right.clone()),
        ("unknown-pay", right.clone()),
        (
            "unknown-pay",
            format!("t={NOW},v1={}", signed("unknown-pay", NOW, &body)),
        ),
    ] {
        let reply = market.send(Some(provider), Some(&signature), &body).await;
        reply.is_problem(401, "SIGNATURE_INVALID");
    }
    for at in [NOW - 301, NOW + 301] {
        let signature = format!("t={at},v1={}", signed(SECRET, at, &body));
        let reply = market.send(Some("acme-pay"), Some(&signature), &body).await;
        reply.is_problem(401, "SIGNATURE_EXPIRED");
    }
    assert_eq!(market.recorded("").await["items"], json!([]));
    assert_eq!(market.status().await["status"], "APPROVED");
}

#[tokio::test]
async fn a_secret_can_be_rotated() {
    let market = Market::open().await;
    let body = market.report("cb_1", "99.50", "EUR");
    let (old, new) = (
        signed("the next secret", NOW, &body),
        signed(SECRET, NOW, &body),
    );
    let both = format!("t={NOW},v1={old},v1={new}");
    let reply = market.send(Some("acme-pay"), Some(&both), &body).await;
    assert_eq!(reply.good()["status"], "APPLIED");
}

#[tokio::test]
async fn an_intercepted_report_cannot_be_replayed_later() {
    let market = Market::open().await;
    let body = market.report("cb_1", "99.50", "EUR");
    assert_eq!(market.send_signed(&body).await.good()["status"], "APPLIED");
    market.fixture.clock.advance(Duration::from_secs(300));
    assert_eq!(
        market.send_signed(&body).await.good()["status"],
        "DUPLICATE"
    );
    market.fixture.clock.advance(Duration::from_secs(1));
    let reply = market.send_signed(&body).await;
    reply.is_problem(401, "SIGNATURE_EXPIRED");
}

#[tokio::test]
async fn a_signed_body_that_is_no_report_is_refused() {
    let market = Market::open().await;
    market
        .send_signed("{")
        .await
        .is_problem(400, "MALFORMED_JSON");
    market
        .send_signed("")
        .await
        .is_problem(400, "MALFORMED_JSON");
    let good = market.report("cb_1", "99.50", "EUR");
    for (from, to) in [
        ("\"cb_1\"", "\"\""),
        ("\"cb_1\"", "7"),
        ("SEPA 0042", "a\\u0000b"),
        ("99.50", "-1"),
        ("99.50", "99.505"),
        ("99.50", "much"),
        ("EUR", "XXX"),
        ("its_own", "amount"),
    ] {
        let body = good.replace(from, to);
        assert_ne!(body, good);
        market
            .send_signed(&body)
            .await
            .is_problem(422, "INVALID_REPORT");
    }
    let other = good
        .replace("\"its_own\"", "\"provider\"")
        .replace("{\"of\":\"no use to us\"}", "\"other-pay\"");
    market
        .send_signed(&other)
        .await
        .is_problem(422, "INVALID_REPORT");
    let long = format!("{good}{}", " ".repeat(64 * 1024));
    market
        .send_signed(&long)
        .await
        .is_problem(413, "PAYLOAD_TOO_LARGE");
    let signature = format!("t={NOW},v1={}", signed(SECRET, NOW, &good));
    let request = Request::post("/api/callbacks/payments")
        .header("content-type", "text/plain")
        .header("x-provider", "acme-pay")
        .header("x-signature", signature)
        .body(Body::from(good))
        .unwrap();
    let reply = market.fixture.send(request).await;
    reply.is_problem(415, "UNSUPPORTED_MEDIA_TYPE");
    assert_eq!(market.recorded("").await["items"], json!([]));
}

#[tokio::test]
async fn reports_are_for_moderators() {
    let market = Market::open().await;
    let path = "/api/p2p/payment-reports";
    for person in [&market.anna, &market.boris] {
        let reply = market.fixture.get(person, path).await;
        reply.is_problem(403, "ROLE_REQUIRED");
    }
    let reply = market
        .fixture
        .call(None, Method::GET, path, Value::Null)
        .await;
    reply.is_problem(401, "UNAUTHENTICATED");
    let reply = market
        .fixture
        .get(&market.moderator, &format!("{path}?cursor=x"))
        .await;
    reply.is_problem(400, "INVALID_CURSOR");
}
