//! The trusted gateway: the users it may name, the addresses it may call from, and the rights that this gives.

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
use fixture::{Fixture, Person, Reply};
use p2p_domain::{Role, UserId};
use p2p_edge::{Peer, TrustedProxies};
use p2p_http::{GatewaySettings, HttpSettings};
use serde_json::json;

const GATEWAY: &str = "10.0.0.7";
const OTHER_ADDRESS: &str = "198.51.100.7";
const LOOPBACK: &str = "127.0.0.1";

/// A market with a gateway at these addresses.
fn behind(addresses: &[&str]) -> Fixture {
    let addresses = addresses.iter().map(|one| one.parse().unwrap()).collect();
    Fixture::open(HttpSettings {
        gateway: Some(GatewaySettings { addresses }),
        ..HttpSettings::default()
    })
}

/// Sends a request from this address with these headers.
async fn from(fixture: &Fixture, peer: Option<&str>, headers: &[(&str, &str)]) -> Reply {
    let mut request = Request::get("/api/users/me");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let mut request = request.body(Body::empty()).unwrap();
    if let Some(peer) = peer {
        let peer = SocketAddr::new(peer.parse().unwrap(), 4711);
        request.extensions_mut().insert(ConnectInfo(Peer(peer)));
    }
    fixture.send(request).await
}

async fn named(fixture: &Fixture, peer: &str, user: &str) -> Reply {
    from(fixture, Some(peer), &[("x-user-id", user)]).await
}

#[tokio::test]
async fn the_header_is_ignored_unless_a_gateway_is_configured() {
    let fixture = Fixture::open(HttpSettings::default());
    let ada = fixture.person("ada", [Role::Customer]).await;
    for peer in [LOOPBACK, "::1", GATEWAY, OTHER_ADDRESS] {
        let reply = named(&fixture, peer, &ada.id.to_string()).await;
        reply.is_problem(401, "UNAUTHENTICATED");
    }
}

#[tokio::test]
async fn only_the_gateway_may_name_a_user() {
    let fixture = behind(&[GATEWAY]);
    let ada = fixture.person("ada", [Role::Customer]).await;
    let id = ada.id.to_string();
    for peer in [GATEWAY, "::ffff:10.0.0.7"] {
        let me = named(&fixture, peer, &id).await.good();
        assert_eq!(me["user_id"], id.as_str());
    }
    for peer in [OTHER_ADDRESS, LOOPBACK, "10.0.0.8"] {
        let reply = named(&fixture, peer, &id).await;
        reply.is_problem(401, "UNAUTHENTICATED");
    }
    let unknown = from(&fixture, None, &[("x-user-id", &id)]).await;
    unknown.is_problem(401, "UNAUTHENTICATED");
    // If no address is listed, only this machine is trusted.
    let fixture = behind(&[]);
    let ada = fixture.person("ada", [Role::Customer]).await;
    let id = ada.id.to_string();
    named(&fixture, LOOPBACK, &id).await.good();
    named(&fixture, "::1", &id).await.good();
    named(&fixture, GATEWAY, &id)
        .await
        .is_problem(401, "UNAUTHENTICATED");
}

/// The address that a proxy forwards neither makes a caller the gateway nor takes that role from the gateway.
#[tokio::test]
async fn the_gateway_is_recognised_by_its_connection_and_no_header() {
    let gateway = GatewaySettings {
        addresses: vec![GATEWAY.parse().unwrap()],
    };
    let fixture = Fixture::open(HttpSettings {
        gateway: Some(gateway),
        trusted_proxies: TrustedProxies::parse(&["10.0.0.0/8"]).unwrap(),
        ..HttpSettings::default()
    });
    let ada = fixture.person("ada", [Role::Customer]).await;
    let id = ada.id.to_string();
    let forwarded = async |peer: &str, by: &str| {
        let headers = [("x-user-id", id.as_str()), ("x-forwarded-for", by)];
        from(&fixture, Some(peer), &headers).await
    };
    let pretends = forwarded("10.0.0.9", GATEWAY).await;
    pretends.is_problem(401, "UNAUTHENTICATED");
    forwarded(GATEWAY, OTHER_ADDRESS).await.good();
}

#[tokio::test]
async fn the_named_user_must_have_an_account() {
    let fixture = behind(&[GATEWAY]);
    let ada = fixture.person("ada", [Role::Customer]).await;
    let unknown_user: UserId = "user_01jt0c7kq5e8tvb1y9m3x4z6wa".parse().unwrap();
    for bad in [
        unknown_user.to_string(),
        ada.id.to_string().to_uppercase(),
        "offer_01jt0c7kq5e8tvb1y9m3x4z6wa".to_owned(),
        "1".to_owned(),
        String::new(),
    ] {
        let reply = named(&fixture, GATEWAY, &bad).await;
        reply.is_problem(401, "UNAUTHENTICATED");
        assert!(!reply.text.contains("user_"), "{}", reply.text);
    }
    let id = ada.id.to_string();
    let twice = [("x-user-id", id.as_str()), ("x-user-id", id.as_str())];
    let reply = from(&fixture, Some(GATEWAY), &twice).await;
    reply.is_problem(401, "UNAUTHENTICATED");
}

#[tokio::test]
async fn a_token_must_name_the_same_user() {
    let fixture = behind(&[GATEWAY]);
    let ada = fixture.person("ada", [Role::Customer]).await;
    let bob = fixture.person("bob", [Role::Customer]).await;
    let (id, other) = (ada.id.to_string(), bob.id.to_string());
    let bearer = format!("Bearer {}", ada.token);
    let both = async |peer: &str, user: &str, bearer: &str| {
        let headers = [("x-user-id", user), ("authorization", bearer)];
        from(&fixture, Some(peer), &headers).await
    };
    both(GATEWAY, &id, &bearer).await.good();
    for user in [other.as_str(), "nonsense"] {
        let reply = both(GATEWAY, user, &bearer).await;
        reply.is_problem(403, "IDENTITY_MISMATCH");
        // From other addresses the header is ignored.
        both(OTHER_ADDRESS, user, &bearer).await.good();
    }
    // The gateway does not make an invalid token valid.
    let reply = both(GATEWAY, &id, "Bearer nonsense").await;
    reply.is_problem(401, "INVALID_TOKEN");
    let reply = both(GATEWAY, &id, "Basic nonsense").await;
    reply.is_problem(401, "UNAUTHENTICATED");
}

/// Roles are read for each request. The gateway never proves a second factor, so staff can't call protected operations
/// through it.
#[tokio::test]
async fn operations_with_a_second_factor_are_refused_through_the_gateway() {
    let fixture = behind(&[GATEWAY]);
    let ada = fixture.person("ada", [Role::Customer]).await;
    let deposit = async |person: &Person| {
        let body = json!({"user_id": person.id.to_string(), "amount": "5", "asset": "RUB"});
        let mut request = Request::post("/api/billing/deposit")
            .header("x-user-id", person.id.to_string())
            .header("idempotency-key", "1")
            .header("content-type", "application/json")
            .body(Body::from(body.to_string()))
            .unwrap();
        let peer = SocketAddr::new(GATEWAY.parse().unwrap(), 4711);
        request.extensions_mut().insert(ConnectInfo(Peer(peer)));
        fixture.send(request).await
    };
    // A refusal for lack of a role is stored under the key, so each case has its own account.
    deposit(&ada).await.is_problem(403, "ROLE_REQUIRED");
    let bob = fixture.person("bob", [Role::Customer]).await;
    fixture.appoint(&bob, [Role::Admin]).await;
    let seen = named(&fixture, GATEWAY, &bob.id.to_string()).await.good();
    assert_eq!(seen["roles"], json!(["ADMIN"]));
    let refused = deposit(&bob).await;
    refused.is_problem(401, "SECOND_FACTOR_REQUIRED");
}
