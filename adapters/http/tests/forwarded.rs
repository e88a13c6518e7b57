//! A proxy that is missing from the configuration.

#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests fail by panicking, as the tests do; not all of them are used in each"
)]

mod fixture;

use std::net::SocketAddr;

use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::Request;
use fixture::Fixture;
use fixture::captured::Captured;
use p2p_edge::{Peer, TrustedProxies};
use p2p_http::HttpSettings;

async fn get_health(fixture: &Fixture, peer: &str, forwarded: Option<&str>) {
    let mut request = Request::get("/healthz");
    if let Some(forwarded) = forwarded {
        request = request.header("x-forwarded-for", forwarded);
    }
    let peer = Peer(SocketAddr::new(peer.parse().unwrap(), 4711));
    let request = request.extension(ConnectInfo(peer)).body(Body::empty());
    assert_eq!(fixture.send(request.unwrap()).await.status, 200);
}

#[tokio::test]
async fn an_unlisted_proxy_is_logged_once() {
    let log = Captured::default();
    let subscriber = tracing_subscriber::fmt().with_writer(log.clone());
    let _guard = tracing::subscriber::set_default(subscriber.finish());
    let warnings = || {
        let text = log.text();
        assert!(
            !text.contains("198.51.100.7") && !text.contains("192.0.2.1"),
            "{text}"
        );
        text.matches("http.trusted_proxies").count()
    };
    let fixture = Fixture::open(HttpSettings {
        trusted_proxies: TrustedProxies::parse(&["10.0.0.0/8"]).unwrap(),
        ..HttpSettings::default()
    });
    get_health(&fixture, "192.0.2.1", None).await;
    get_health(&fixture, "10.1.1.1", Some("198.51.100.7")).await;
    assert_eq!(warnings(), 0);
    for _ in 0..3 {
        get_health(&fixture, "192.0.2.1", Some("198.51.100.7")).await;
    }
    assert_eq!(warnings(), 1);
}
