//! Rate limits, and the headers that report them.

#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests fail by panicking, as the tests do; not all of them are used in each"
)]

mod fixture;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{Method, Request};
use fixture::{Fixture, Person, Reply};
use http_body_util::BodyExt;
use p2p_application::limits::{Limits, Quotas};
use p2p_application::ports::Quota;
use p2p_domain::Role;
use p2p_edge::{Peer, TrustedProxies};
use p2p_http::{CorsOrigins, HttpSettings, ServerState};
use p2p_system::InProcessLimits;
use serde_json::{Value, json};
use tower::ServiceExt;

/// This burst, refilled by one each second.
fn quota(burst: u32) -> Option<Quota> {
    Quota::new(1, Duration::from_secs(1), burst)
}

fn quotas() -> Quotas {
    Quotas {
        read: quota(3),
        write: quota(2),
        pay: None,
        stream: quota(1),
        login: quota(2),
        callback: quota(4),
        address: quota(8),
    }
}

const HOME: &str = "192.0.2.1";
const ELSEWHERE: &str = "192.0.2.2";
const PROXY: &str = "10.0.0.1";

/// A market with rate limits, called from several addresses.
struct Limited {
    fixture: Fixture,
    api: Router,
}

impl Limited {
    fn open(quotas: Quotas) -> Self {
        let settings = HttpSettings {
            cors: CorsOrigins::Any,
            trusted_proxies: TrustedProxies::parse(&["10.0.0.0/8"]).unwrap(),
            ..HttpSettings::default()
        };
        let fixture = Fixture::open(settings.clone());
        let limiter = InProcessLimits::new(Arc::new(fixture.clock.clone()));
        let state = ServerState {
            limits: Limits::new(Arc::new(limiter), quotas),
            ..fixture.state.clone()
        };
        let api = p2p_http::router(fixture.market.clone(), settings, state);
        Self { fixture, api }
    }

    async fn send(&self, from: &str, token: &str, method: Method, path: &str) -> Reply {
        let mut request = Request::builder().method(method).uri(path);
        if !token.is_empty() {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let body = Body::from(json!({}).to_string());
        let request = request.header("content-type", "application/json");
        self.send_from(from, request.body(body).unwrap()).await
    }

    async fn send_from(&self, from: &str, mut request: Request<Body>) -> Reply {
        let peer = Peer(SocketAddr::new(from.parse().unwrap(), 4711));
        request.extensions_mut().insert(ConnectInfo(peer));
        let response = self.api.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        Reply {
            status: parts.status,
            headers: parts.headers,
            text: String::from_utf8_lossy(&bytes).into_owned(),
            body: serde_json::from_slice(&bytes).unwrap_or_default(),
        }
    }

    async fn read(&self, from: &str, person: &Person) -> Reply {
        self.send(from, &person.token, Method::GET, "/api/wallet")
            .await
    }

    async fn write(&self, from: &str, person: &Person) -> Reply {
        self.send(from, &person.token, Method::POST, "/api/p2p/listings")
            .await
    }

    async fn log_in(&self, from: &str) -> Reply {
        self.send(from, "", Method::POST, "/api/auth/login").await
    }

    async fn person(&self, name: &str) -> Person {
        self.fixture.person(name, [Role::Customer]).await
    }

    async fn metrics(&self) -> String {
        self.send(HOME, "", Method::GET, "/metrics").await.text
    }
}

/// The two rate-limit headers of a response.
fn limit_headers(reply: &Reply) -> [&str; 2] {
    ["ratelimit-policy", "ratelimit"].map(|name| {
        let value = reply.headers.get(name);
        value.map_or("", |value| value.to_str().unwrap())
    })
}

#[tokio::test]
async fn a_user_has_a_quota_for_each_class_wherever_they_are() {
    let limited = Limited::open(quotas());
    let (ada, bob) = (limited.person("ada").await, limited.person("bob").await);
    for (from, left) in [(HOME, 2), (ELSEWHERE, 1), (HOME, 0)] {
        let reply = limited.read(from, &ada).await;
        assert_eq!(reply.status, 200);
        let state = format!("\"read\";r={left};t={}", 3 - left);
        assert_eq!(limit_headers(&reply), ["\"read\";q=3;w=3", state.as_str()]);
    }
    let refused = limited.read(ELSEWHERE, &ada).await;
    refused.is_problem(429, "RATE_LIMITED");
    assert_eq!(refused.headers["retry-after"], "1");
    assert_eq!(
        limit_headers(&refused),
        ["\"read\";q=3;w=3", "\"read\";r=0;t=3"],
        "a refused request is not charged"
    );
    // Changes and other users have their own quotas.
    let changed = limited.write(HOME, &ada).await;
    assert_eq!(limit_headers(&changed)[1], "\"write\";r=1;t=1");
    assert_eq!(limited.read(ELSEWHERE, &bob).await.status, 200);
    limited.fixture.clock.advance(Duration::from_millis(999));
    limited
        .read(ELSEWHERE, &ada)
        .await
        .is_problem(429, "RATE_LIMITED");
    limited.fixture.clock.advance(Duration::from_millis(1));
    assert_eq!(limited.read(ELSEWHERE, &ada).await.status, 200);
}

#[tokio::test]
async fn an_address_has_a_quota_shared_by_its_users() {
    let limited = Limited::open(quotas());
    for number in 0..8 {
        let person = limited.person(&format!("person{number}")).await;
        let reply = limited.read(HOME, &person).await;
        assert_eq!(reply.status, 200);
        let tightest = if number < 5 {
            "\"read\""
        } else {
            "\"address\""
        };
        assert!(limit_headers(&reply)[1].starts_with(tightest), "{number}");
    }
    let late = limited.person("late").await;
    let refused = limited.read(HOME, &late).await;
    refused.is_problem(429, "RATE_LIMITED");
    assert_eq!(
        limit_headers(&refused),
        ["\"address\";q=8;w=8", "\"address\";r=0;t=8"]
    );
    // The user's own quota was not charged.
    let reply = limited.read(ELSEWHERE, &late).await;
    assert_eq!(limit_headers(&reply)[1], "\"read\";r=2;t=1");
    // Unknown routes count as well.
    for path in ["/api/nothing", "/api/p2p/listings"] {
        let reply = limited.send(HOME, "", Method::GET, path).await;
        reply.is_problem(429, "RATE_LIMITED");
    }
}

#[tokio::test]
async fn a_trusted_proxy_names_the_limited_address() {
    let limited = Limited::open(quotas());
    let log_in = |from: &'static str, forwarded: &'static str| {
        let request = Request::post("/api/auth/login").header("x-forwarded-for", forwarded);
        limited.send_from(from, request.body(Body::empty()).unwrap())
    };
    for _ in 0..2 {
        assert_eq!(log_in(PROXY, "203.0.113.9, 192.0.2.1").await.status, 415);
    }
    log_in(PROXY, "203.0.113.7, 192.0.2.1")
        .await
        .is_problem(429, "RATE_LIMITED");
    // The quota of an address is shared by all routes to it, and an untrusted peer can't name another address.
    limited.log_in(HOME).await.is_problem(429, "RATE_LIMITED");
    assert_eq!(log_in(PROXY, "192.0.2.2").await.status, 415);
    log_in(HOME, "192.0.2.3")
        .await
        .is_problem(429, "RATE_LIMITED");
}

/// Failed log-ins, too, count for the network of the address that the proxy names.
#[tokio::test]
async fn guesses_behind_a_trusted_proxy_delay_only_their_own_network() {
    let limited = Limited::open(Quotas {
        login: quota(100),
        address: quota(100),
        ..quotas()
    });
    let guess = |door: u32, forwarded: &'static str| {
        let body = json!({"email": format!("guess{door}@example.org"), "password": "wrong"});
        let request = Request::post("/api/auth/login").header("x-forwarded-for", forwarded);
        let request = request.header("content-type", "application/json");
        limited.send_from(PROXY, request.body(Body::from(body.to_string())).unwrap())
    };
    for door in 0..20 {
        let reply = guess(door, "2001:db8:0:1::7").await;
        reply.is_problem(401, "BAD_CREDENTIALS");
    }
    let reply = guess(20, "2001:db8:0:1::8").await;
    reply.is_problem(429, "TOO_MANY_ATTEMPTS");
    assert_eq!(reply.headers["retry-after"], "1");
    for elsewhere in ["2001:db8:0:2::7", "203.0.113.9"] {
        guess(20, elsewhere)
            .await
            .is_problem(401, "BAD_CREDENTIALS");
    }
}

#[tokio::test]
async fn callers_without_a_valid_token_are_limited_by_address() {
    let limited = Limited::open(quotas());
    let ada = limited.person("ada").await;
    for token in ["", "nonsense", ""] {
        let reply = limited.send(HOME, token, Method::GET, "/api/wallet").await;
        assert_eq!(reply.status, 401);
        assert!(limit_headers(&reply)[1].starts_with("\"read\";r="));
    }
    for token in ["", "nonsense"] {
        let reply = limited.send(HOME, token, Method::GET, "/api/wallet").await;
        reply.is_problem(429, "RATE_LIMITED");
    }
    assert_eq!(limited.read(HOME, &ada).await.status, 200);
}

#[tokio::test]
async fn log_ins_are_few_and_reports_have_their_own_quota() {
    let limited = Limited::open(quotas());
    for left in [1, 0] {
        let reply = limited.log_in(HOME).await;
        assert_eq!(reply.status, 422);
        let state = format!("\"login\";r={left};t={}", 2 - left);
        assert_eq!(limit_headers(&reply), ["\"login\";q=2;w=2", state.as_str()]);
    }
    for path in ["/api/auth/login", "/api/auth/register"] {
        let reply = limited.send(HOME, "", Method::POST, path).await;
        reply.is_problem(429, "RATE_LIMITED");
    }
    assert_eq!(limited.log_in(ELSEWHERE).await.status, 422);
    // Reports are accepted even if the quota of the address is used up.
    let nowhere = || limited.send(HOME, "", Method::GET, "/nowhere");
    while nowhere().await.status != 429 {}
    let report = || limited.send(HOME, "", Method::POST, "/api/callbacks/payments");
    for left in [3, 2, 1, 0] {
        let reply = report().await;
        reply.is_problem(401, "SIGNATURE_MISSING");
        let state = format!("\"callback\";r={left};t={}", 4 - left);
        assert_eq!(limit_headers(&reply)[1], state);
    }
    report().await.is_problem(429, "RATE_LIMITED");
}

/// Hashing a password is expensive for authenticated callers too.
#[tokio::test]
async fn operations_with_a_password_use_the_login_quota_of_the_user_too() {
    let limited = Limited::open(quotas());
    let ada = limited.person("ada").await;
    for (from, path) in [
        (HOME, "/api/auth/password"),
        (ELSEWHERE, "/api/auth/2fa/enroll"),
    ] {
        let reply = limited.send(from, &ada.token, Method::POST, path).await;
        assert_eq!(reply.status, 422);
        assert!(limit_headers(&reply)[1].starts_with("\"login\""));
    }
    let late = limited.send("192.0.2.3", &ada.token, Method::POST, "/api/auth/password");
    late.await.is_problem(429, "RATE_LIMITED");
    let changed = limited.write(HOME, &ada).await;
    assert!(limit_headers(&changed)[1].starts_with("\"write\""));
}

#[tokio::test]
async fn refreshes_use_the_write_quota() {
    let limited = Limited::open(quotas());
    let go_on = || {
        let request = Request::post("/api/auth/refresh").header("content-type", "application/json");
        let body = json!({"refresh_token": "nonsense"}).to_string();
        limited.send_from(HOME, request.body(Body::from(body)).unwrap())
    };
    for left in [1, 0] {
        let reply = go_on().await;
        reply.is_problem(401, "SESSION_OVER");
        let state = format!("\"write\";r={left};t={}", 2 - left);
        assert_eq!(limit_headers(&reply)[1], state);
    }
    go_on().await.is_problem(429, "RATE_LIMITED");
}

#[tokio::test]
async fn operators_and_pages_are_not_limited() {
    let limited = Limited::open(quotas());
    for _ in 0..10 {
        for path in [
            "/healthz",
            "/readyz",
            "/metrics",
            "/swagger-ui/",
            "/swagger-ui/swagger-ui.css",
            "/api-docs/openapi.json",
        ] {
            let reply = limited.send(HOME, "", Method::GET, path).await;
            assert_eq!(reply.status, 200, "{path}");
            assert_eq!(limit_headers(&reply), ["", ""], "{path}");
        }
    }
}

#[tokio::test]
async fn streams_are_limited_by_their_opening() {
    let limited = Limited::open(quotas());
    let ada = limited.person("ada").await;
    let open = || {
        let request = Request::get("/api/events")
            .header("authorization", format!("Bearer {}", ada.token))
            .extension(ConnectInfo(Peer(SocketAddr::new(HOME.parse().unwrap(), 1))))
            .body(Body::empty());
        limited.api.clone().oneshot(request.unwrap())
    };
    assert_eq!(open().await.unwrap().status(), 200);
    let second = open().await.unwrap();
    assert_eq!(second.status(), 429);
    assert_eq!(second.headers()["ratelimit"], "\"stream\";r=0;t=1");
}

#[tokio::test]
async fn refusals_are_counted() {
    let limited = Limited::open(quotas());
    let ada = limited.person("ada").await;
    for _ in 0..5 {
        limited.write(HOME, &ada).await;
    }
    for _ in 0..3 {
        limited.log_in(HOME).await;
    }
    let metrics = limited.metrics().await;
    for line in [
        "# TYPE p2p_limits_refused_total counter",
        "p2p_limits_refused_total{class=\"write\",by=\"user\"} 3",
        "p2p_limits_refused_total{class=\"login\",by=\"address\"} 1",
        "p2p_limits_refused_total{class=\"read\",by=\"address\"} 0",
    ] {
        assert!(metrics.lines().any(|one| one == line), "{line}\n{metrics}");
    }
    let unlimited = Limited::open(Quotas::default());
    assert!(!unlimited.metrics().await.contains("p2p_limits"));
}

#[tokio::test]
async fn without_quotas_there_are_no_headers() {
    let limited = Limited::open(Quotas::default());
    let ada = limited.person("ada").await;
    for _ in 0..50 {
        let reply = limited.read(HOME, &ada).await;
        assert_eq!(
            (reply.status.as_u16(), limit_headers(&reply)),
            (200, ["", ""])
        );
    }
}

#[tokio::test]
async fn web_pages_of_other_origins_may_see_the_limits() {
    let limited = Limited::open(quotas());
    let request = || {
        let request = Request::post("/api/auth/login").header("origin", "https://app.example.com");
        request.body(Body::empty()).unwrap()
    };
    for _ in 0..3 {
        let reply = limited.send_from(HOME, request()).await;
        assert_eq!(reply.headers["access-control-allow-origin"], "*");
        let exposed = &reply.headers["access-control-expose-headers"];
        for name in ["ratelimit", "ratelimit-policy", "retry-after"] {
            let mut names = exposed.to_str().unwrap().split(',');
            assert!(names.any(|one| one.trim() == name), "{name}");
        }
    }
    let reply = limited.send_from(HOME, request()).await;
    reply.is_problem(429, "RATE_LIMITED");
    assert_eq!(reply.body["title"], "Too many requests");
    assert_eq!(reply.body["errors"], Value::Null);
}
