//! What happens around every request, whatever the route.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests fail by panicking, as the tests do"
)]

mod support;

use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use axum::http::request::Builder;
use http_api::{CorsOrigins, HttpSettings};
use serde_json::json;
use support::{api, send};

fn get(path: &str) -> Request<Body> {
    Request::get(path).body(Body::empty()).unwrap()
}

fn with_json(request: Builder, body: &serde_json::Value) -> Request<Body> {
    request
        .header("content-type", "application/json")
        .body(Body::from(body.to_string()))
        .unwrap()
}

fn register(password: &str) -> Request<Body> {
    let body = json!({"email": "ada@example.com", "name": "Ada", "password": password});
    with_json(Request::post("/api/auth/register"), &body)
}

#[tokio::test]
async fn unknown_routes_and_methods_are_problems() {
    let api = api(HttpSettings::default(), true);
    for path in ["/", "/api", "/api/p2p/nothing", "/api/p2p/exchange-offers/"] {
        send(&api, get(path))
            .await
            .is_problem(404, "ROUTE_NOT_FOUND");
    }
    let request = Request::delete("/api/p2p/exchange-offers").body(Body::empty());
    let reply = send(&api, request.unwrap()).await;
    reply.is_problem(405, "METHOD_NOT_ALLOWED");
    let mut allowed: Vec<_> = reply.header("allow").split(',').collect();
    allowed.sort_unstable();
    assert_eq!(allowed, ["GET", "HEAD", "POST"]);
}

#[tokio::test]
async fn every_answer_is_hardened_and_named() {
    let api = api(HttpSettings::default(), true);
    for path in [
        "/healthz",
        "/nowhere",
        "/api/wallet",
        "/swagger-ui/",
        "/metrics",
    ] {
        let reply = send(&api, get(path)).await;
        assert_eq!(reply.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(reply.header("x-frame-options"), "DENY", "{path}");
        assert_eq!(
            reply.header("x-request-id"),
            format!("{:032x}", 7),
            "{path}"
        );
        let cached = path == "/swagger-ui/";
        assert_eq!(
            reply.header("cache-control") == "no-store",
            !cached,
            "{path}"
        );
    }
    let request = Request::get("/healthz").header("x-request-id", "my-request_7");
    let reply = send(&api, request.body(Body::empty()).unwrap()).await;
    assert_eq!(reply.header("x-request-id"), "my-request_7");
}

#[tokio::test]
async fn large_bodies_are_refused_by_their_announced_length_too() {
    let api = api(HttpSettings::default(), true);
    // Not even a token is asked for, and it does not matter that the route takes no body.
    let large = Body::from(vec![b'x'; 64 * 1024 + 1]);
    let request = Request::get("/api/wallet").body(large).unwrap();
    send(&api, request)
        .await
        .is_problem(413, "PAYLOAD_TOO_LARGE");
    let most = Body::from(vec![b'x'; 64 * 1024]);
    let request = Request::get("/api/wallet").body(most).unwrap();
    send(&api, request).await.is_problem(401, "UNAUTHENTICATED");
}

#[tokio::test]
async fn a_panic_is_a_500_that_says_nothing() {
    let api = api(HttpSettings::default(), true);
    let reply = send(&api, register("panic, please")).await;
    reply.is_problem(500, "INTERNAL");
    assert!(!reply.text.contains("secret"), "{}", reply.text);
    send(&api, get("/healthz")).await;
}

#[tokio::test(start_paused = true)]
async fn a_request_that_takes_too_long_is_given_up() {
    let settings = HttpSettings {
        request_timeout: Duration::from_secs(3),
        ..HttpSettings::default()
    };
    let began = tokio::time::Instant::now();
    let reply = send(&api(settings, true), register("take for ever")).await;
    reply.is_problem(504, "TIMEOUT");
    assert_eq!(began.elapsed().as_secs(), 3);
}

#[tokio::test]
async fn storage_that_is_away_is_a_503_and_a_broken_row_a_500() {
    let api = api(HttpSettings::default(), false);
    for request in [get("/readyz"), register("a good long password")] {
        let reply = send(&api, request).await;
        reply.is_problem(503, "UNAVAILABLE");
        assert!(!reply.header("retry-after").is_empty());
        assert!(!reply.text.contains("secret"), "{}", reply.text);
    }
    let request = Request::get("/api/p2p/exchangers/frozen").header("authorization", "Bearer all");
    let reply = send(&api, request.body(Body::empty()).unwrap()).await;
    reply.is_problem(500, "INTERNAL");
    assert!(!reply.text.contains("broken"), "{}", reply.text);
    assert_eq!(
        send(&api, get("/healthz")).await.body,
        json!({"status": "UP"})
    );
}

#[tokio::test]
async fn operators_and_readers_are_served() {
    let api = api(HttpSettings::default(), true);
    let ready = send(&api, get("/readyz")).await;
    assert_eq!(
        (ready.status.as_u16(), ready.body),
        (200, json!({"status": "READY"}))
    );
    let metrics = send(&api, get("/metrics")).await;
    assert!(metrics.text.contains("\np2p_pipeline_commands_total 0\n"));
    let redirect = send(&api, get("/swagger-ui")).await;
    assert_eq!(redirect.header("location"), "/swagger-ui/");
    let page = send(&api, get("/swagger-ui/")).await;
    assert!(page.text.contains("swagger-ui-bundle.js"), "{}", page.text);
    for file in [
        "swagger-ui-bundle.js",
        "swagger-ui.css",
        "swagger-initializer.js",
    ] {
        let reply = send(&api, get(&format!("/swagger-ui/{file}"))).await;
        assert_eq!(reply.status, 200, "{file}");
    }
    let start = send(&api, get("/swagger-ui/swagger-initializer.js")).await;
    assert!(
        start.text.contains("/api-docs/openapi.json"),
        "{}",
        start.text
    );
    let openapi = send(&api, get("/api-docs/openapi.json")).await;
    assert_eq!(openapi.text, http_api::openapi_json());
    assert_eq!(openapi.header("content-type"), "application/json");
}

#[tokio::test]
async fn other_origins_may_call_only_where_they_are_named() {
    let preflight = || {
        Request::options("/api/p2p/exchange-offers")
            .header("origin", "https://app.example.com")
            .header("access-control-request-method", "POST")
            .header(
                "access-control-request-headers",
                "authorization,content-type",
            )
            .body(Body::empty())
            .unwrap()
    };
    let closed = send(&api(HttpSettings::default(), true), preflight()).await;
    closed.is_problem(405, "METHOD_NOT_ALLOWED");
    let settings = HttpSettings {
        cors: CorsOrigins::parse(&["https://app.example.com"]).unwrap(),
        ..HttpSettings::default()
    };
    let open = send(&api(settings.clone(), true), preflight()).await;
    assert_eq!(open.status, 200);
    let allowed = open.header("access-control-allow-origin");
    assert_eq!(allowed, "https://app.example.com");
    // Problems can be read there too.
    let request = Request::get("/api/wallet").header("origin", "https://app.example.com");
    let reply = send(&api(settings, true), request.body(Body::empty()).unwrap()).await;
    reply.is_problem(401, "UNAUTHENTICATED");
    assert!(
        reply
            .header("access-control-expose-headers")
            .contains("x-request-id")
    );
}
