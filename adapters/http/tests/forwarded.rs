//! A proxy that is missing from the configuration.

#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests fail by panicking, as the tests do; not all of them are used in each"
)]

mod scene;

use std::net::SocketAddr;

use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::Request;
use p2p_edge::{Peer, TrustedProxies};
use p2p_http::HttpSettings;
use scene::Scene;
use scene::kept::Kept;

async fn ask(scene: &Scene, peer: &str, forwarded: Option<&str>) {
    let mut request = Request::get("/healthz");
    if let Some(forwarded) = forwarded {
        request = request.header("x-forwarded-for", forwarded);
    }
    let peer = Peer(SocketAddr::new(peer.parse().unwrap(), 4711));
    let request = request.extension(ConnectInfo(peer)).body(Body::empty());
    assert_eq!(scene.send(request.unwrap()).await.status, 200);
}

#[tokio::test]
async fn the_operator_is_told_once_of_a_proxy_that_is_not_listed() {
    let log = Kept::default();
    let subscriber = tracing_subscriber::fmt().with_writer(log.clone());
    let _guard = tracing::subscriber::set_default(subscriber.finish());
    let said = || {
        let text = log.text();
        assert!(
            !text.contains("198.51.100.7") && !text.contains("192.0.2.1"),
            "{text}"
        );
        text.matches("http.trusted_proxies").count()
    };
    let scene = Scene::open(HttpSettings {
        trusted_proxies: TrustedProxies::parse(&["10.0.0.0/8"]).unwrap(),
        ..HttpSettings::default()
    });
    ask(&scene, "192.0.2.1", None).await;
    ask(&scene, "10.1.1.1", Some("198.51.100.7")).await;
    assert_eq!(said(), 0);
    for _ in 0..3 {
        ask(&scene, "192.0.2.1", Some("198.51.100.7")).await;
    }
    assert_eq!(said(), 1);
}
