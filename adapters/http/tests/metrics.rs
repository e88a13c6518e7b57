//! Metrics of the outbox, of open streams and of mail.

#![allow(
    dead_code,
    clippy::unwrap_used,
    reason = "helpers of tests fail by panicking, as the tests do; not all of them are used in each"
)]

mod fixture;

use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::http::Request;
use fixture::Fixture;
use p2p_http::HttpSettings;
use tower::ServiceExt;

async fn metrics(fixture: &Fixture) -> String {
    let request = Request::get("/metrics").body(Body::empty()).unwrap();
    let response = fixture.api.clone().oneshot(request).await.unwrap();
    let bytes = to_bytes(response.into_body(), usize::MAX).await.unwrap();
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[track_caller]
fn assert_has(text: &str, lines: &[&str]) {
    for line in lines {
        assert!(text.lines().any(|one| one == *line), "{line}\n{text}");
    }
}

#[tokio::test]
async fn the_outbox_and_open_streams_are_measured() {
    let fixture = Fixture::open(HttpSettings::default());
    let quiet = [
        "p2p_outbox_depth 0",
        "p2p_outbox_lag_seconds 0.000",
        "p2p_relay_published_total 0",
        "p2p_relay_failures_total 0",
        "p2p_relay_connected 0",
        "p2p_push_streams 0",
        "p2p_push_followers 0",
    ];
    assert_has(&metrics(&fixture).await, &quiet);
    let deal = fixture.approved_deal().await;
    fixture.clock.advance(Duration::from_millis(75_250));
    let request = Request::get("/api/events")
        .header("authorization", format!("Bearer {}", deal.anna.token))
        .body(Body::empty());
    let stream = fixture.api.clone().oneshot(request.unwrap()).await.unwrap();
    let busy = [
        // The events of the offer and of its acceptance.
        "p2p_outbox_depth 2",
        "p2p_outbox_lag_seconds 75.250",
        "p2p_push_streams 1",
        "p2p_push_followers 1",
    ];
    assert_has(&metrics(&fixture).await, &busy);
    drop(stream);
}

#[tokio::test]
async fn mail_is_counted_and_unsolicited_mail_is_throttled() {
    let fixture = Fixture::open(HttpSettings::default());
    assert_eq!(fixture.register("anna").await.status, 201);
    let body = serde_json::json!({"email": "anna@example.org"});
    for path in ["password/forgot", "verify-email/resend"] {
        for _ in 0..8 {
            let path = format!("/api/auth/{path}");
            assert_eq!(
                fixture.post_anonymously(&path, body.clone()).await.status,
                202
            );
        }
    }
    while !metrics(&fixture).await.contains("sent\"} 10\n") {
        tokio::task::yield_now().await;
    }
    let counted = [
        "p2p_mail_total{outcome=\"sent\"} 10",
        "p2p_mail_total{outcome=\"throttled\"} 7",
        "p2p_mail_total{outcome=\"no_room\"} 0",
    ];
    assert_has(&metrics(&fixture).await, &counted);
    assert_eq!(fixture.mails_to("anna"), 10);
    // The throttle admits one more of each after a while.
    fixture.clock.advance(Duration::from_secs(600));
    fixture
        .post_anonymously("/api/auth/password/forgot", body)
        .await;
    fixture.mail("anna", 11).await;
}
