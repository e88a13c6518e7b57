//! The layers around every request, whatever its route.

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
use p2p_http::{CorsOrigins, HttpSettings};
use serde_json::json;
use support::{Reply, api, send};

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
async fn every_response_has_security_headers_and_a_request_id() {
    let api = api(HttpSettings::default(), true);
    for (path, status) in [
        ("/healthz", 200),
        ("/nowhere", 404),
        ("/api/wallet", 401),
        ("/api/auth/login", 405),
        ("/api-docs/openapi.json", 200),
        ("/swagger-ui", 303),
        ("/swagger-ui/", 200),
        ("/swagger-ui/swagger-ui-bundle.js", 200),
        ("/metrics", 200),
    ] {
        let reply = send(&api, get(path)).await;
        assert_eq!(reply.status, status, "{path}");
        is_covered(&reply, path);
        let is_page = path.starts_with("/swagger-ui");
        for name in [
            "referrer-policy",
            "permissions-policy",
            "cross-origin-opener-policy",
        ] {
            assert_eq!(reply.headers.contains_key(name), is_page, "{path}: {name}");
        }
        assert_eq!(
            reply.header("x-request-id"),
            format!("{:032x}", 7),
            "{path}"
        );
        let policy = reply.header("content-security-policy");
        let data = policy == "default-src 'none'; frame-ancestors 'none'";
        assert_eq!(data, !is_page, "{path}: {policy}");
        assert_eq!(
            reply.header("cache-control") == "no-store",
            !is_page,
            "{path}"
        );
    }
    let request = Request::get("/healthz").header("x-request-id", "my-request_7");
    let reply = send(&api, request.body(Body::empty()).unwrap()).await;
    assert_eq!(reply.header("x-request-id"), "my-request_7");
}

/// Asserts the headers that every response has, and that HSTS is off by default.
#[track_caller]
fn is_covered(reply: &Reply, path: &str) {
    for (name, value) in [
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "DENY"),
        ("cross-origin-resource-policy", "same-origin"),
        ("strict-transport-security", ""),
    ] {
        assert_eq!(reply.header(name), value, "{path}: {name}");
    }
    let policy = reply.header("content-security-policy");
    assert!(policy.starts_with("default-src 'none'; "), "{path}");
    assert!(policy.ends_with("frame-ancestors 'none'"), "{path}");
}

#[tokio::test]
async fn hsts_is_sent_if_configured() {
    let settings = HttpSettings {
        hsts_seconds: 600,
        ..HttpSettings::default()
    };
    let api = api(settings, true);
    for path in ["/healthz", "/nowhere", "/swagger-ui/"] {
        let reply = send(&api, get(path)).await;
        let hsts = reply.header("strict-transport-security");
        assert_eq!(hsts, "max-age=600", "{path}");
    }
}

/// The page loads only files of this server, and its policy allows only these to run.
#[tokio::test]
async fn the_policy_of_the_page_allows_its_own_files_only() {
    let api = api(HttpSettings::default(), true);
    let page = send(&api, get("/swagger-ui/")).await;
    let policy = page.header("content-security-policy");
    let of = |kind: &str| {
        let mut directives = policy.split("; ");
        let sources = directives.find_map(|one| one.strip_prefix(kind)?.strip_prefix(' '));
        sources.unwrap_or_default().to_owned()
    };
    assert_eq!(of("default-src"), "'none'");
    assert_eq!(of("script-src"), "'self'");
    assert_eq!(of("connect-src"), "'self'");
    assert!(of("style-src").starts_with("'self'"));
    assert!(of("img-src").starts_with("'self'"));
    let scripts: Vec<_> = page.text.split("<script").skip(1).collect();
    assert!(!scripts.is_empty());
    for script in scripts {
        let (tag, rest) = script.split_once('>').unwrap();
        let (inline, _) = rest.split_once("</script>").unwrap();
        assert_eq!(inline.trim(), "", "a script within the page");
        assert!(tag.contains(" src=\"./"), "{tag}");
    }
    assert!(!page.text.contains("<style"), "{}", page.text);
    for attribute in page.text.split(['<', ' ']) {
        assert!(!attribute.starts_with("on"), "a script in {attribute}");
        for linked in ["src=\"", "href=\""] {
            if let Some(file) = attribute.strip_prefix(linked) {
                assert!(!file.contains("//"), "{file} is on another host");
            }
        }
    }
}

#[tokio::test]
async fn large_bodies_are_refused_by_their_announced_length_too() {
    let api = api(HttpSettings::default(), true);
    // The length is checked before the token, and even where the route takes no body.
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
async fn a_panic_is_a_500_without_details() {
    let api = api(HttpSettings::default(), true);
    let reply = send(&api, register("panic, please")).await;
    reply.is_problem(500, "INTERNAL");
    assert!(!reply.text.contains("secret"), "{}", reply.text);
    send(&api, get("/healthz")).await;
}

#[tokio::test(start_paused = true)]
async fn a_request_that_takes_too_long_is_cancelled() {
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
async fn unavailable_storage_is_a_503_and_a_corrupt_row_a_500() {
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
    assert_eq!(openapi.text, p2p_http::openapi_json());
    assert_eq!(openapi.header("content-type"), "application/json");
}

/// The preflight request of a browser before a page of another origin posts an offer.
fn preflight(origin: &str) -> Request<Body> {
    Request::options("/api/p2p/exchange-offers")
        .header("origin", origin)
        .header("access-control-request-method", "POST")
        .header(
            "access-control-request-headers",
            "authorization,content-type",
        )
        .body(Body::empty())
        .unwrap()
}

#[tokio::test]
async fn only_configured_origins_may_call() {
    let closed = api(HttpSettings::default(), true);
    let closed = send(&closed, preflight("https://app.example.com")).await;
    closed.is_problem(405, "METHOD_NOT_ALLOWED");
    assert_eq!(closed.header("access-control-allow-origin"), "");
    for (origins, allowed_origin) in [
        (["https://app.example.com"], "https://app.example.com"),
        (["*"], "*"),
    ] {
        let settings = HttpSettings {
            cors: CorsOrigins::parse(&origins).unwrap(),
            ..HttpSettings::default()
        };
        let api = api(settings, true);
        let open = send(&api, preflight("https://app.example.com")).await;
        assert_eq!(open.status, 200);
        is_covered(&open, "preflight");
        assert_eq!(open.header("access-control-allow-origin"), allowed_origin);
        let headers = open.header("access-control-allow-headers");
        for needed in [
            "authorization",
            "content-type",
            "idempotency-key",
            "last-event-id",
            "prefer",
            "x-request-id",
        ] {
            assert!(headers.split(',').any(|one| one == needed), "{needed}");
        }
        // Problems are readable there too, with all documented headers.
        let request = Request::get("/api/wallet").header("origin", "https://app.example.com");
        let reply = send(&api, request.body(Body::empty()).unwrap()).await;
        reply.is_problem(401, "UNAUTHENTICATED");
        is_covered(&reply, "/api/wallet");
        assert_eq!(reply.header("access-control-allow-origin"), allowed_origin);
        let exposed = reply.header("access-control-expose-headers");
        for needed in [
            "etag",
            "idempotency-replayed",
            "location",
            "preference-applied",
            "ratelimit",
            "ratelimit-policy",
            "retry-after",
            "www-authenticate",
            "x-request-id",
        ] {
            assert!(exposed.split(',').any(|one| one == needed), "{needed}");
        }
        // There are no cookies, so browsers must not send credentials.
        for answer in [&open, &reply] {
            assert_eq!(answer.header("access-control-allow-credentials"), "");
        }
    }
}

#[tokio::test]
async fn an_unknown_origin_gets_no_access() {
    let settings = HttpSettings {
        cors: CorsOrigins::parse(&["https://app.example.com"]).unwrap(),
        ..HttpSettings::default()
    };
    let api = api(settings, true);
    for stranger in [
        "https://evil.example.com",
        "https://app.example.com.evil.example",
        "http://app.example.com",
        "https://app.example.com:8443",
        "null",
    ] {
        let asked = send(&api, preflight(stranger)).await;
        assert_eq!(
            asked.header("access-control-allow-origin"),
            "",
            "{stranger}"
        );
        let request = Request::get("/healthz").header("origin", stranger);
        let reply = send(&api, request.body(Body::empty()).unwrap()).await;
        assert_eq!(
            reply.header("access-control-allow-origin"),
            "",
            "{stranger}"
        );
        // Caches must not serve the response of one origin to another.
        assert!(reply.header("vary").contains("origin"), "{stranger}");
    }
}
