//! Reading the audit log: the roles that may, and what a record contains.

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
use fixture::login::{LoggedIn, PASSWORD, address};
use fixture::{Fixture, Person};
use p2p_domain::Role;
use p2p_domain::audit_log::ChainHash;
use p2p_edge::Peer;
use p2p_http::HttpSettings;
use serde_json::{Value, json};

const AUDIT: &str = "/api/audit";

/// The records of the audit log that match, newest first.
async fn read(fixture: &Fixture, reader: &Person, query: &str) -> Vec<Value> {
    let path = format!("{AUDIT}?limit=100&{query}");
    let page = fixture.get(reader, &path).await.good();
    assert_eq!(page["next_cursor"], Value::Null);
    page["items"].as_array().unwrap().clone()
}

fn actions(records: &[Value]) -> Vec<&str> {
    let names = records.iter().map(|one| one["action"].as_str().unwrap());
    names.rev().collect()
}

#[tokio::test]
async fn only_moderators_and_administrators_read_it() {
    let fixture = Fixture::open(HttpSettings::default());
    for (name, role) in [("anna", Role::Exchanger), ("carol", Role::Customer)] {
        let person = fixture.person(name, [role]).await;
        let reply = fixture.get(&person, AUDIT).await;
        reply.is_problem(403, "ROLE_REQUIRED");
    }
    for (name, role) in [("mod", Role::Moderator), ("admin", Role::Admin)] {
        let person = fixture.person(name, [role]).await;
        fixture.get(&person, AUDIT).await.good();
    }
    let request = Request::get(AUDIT).body(Body::empty()).unwrap();
    fixture
        .send(request)
        .await
        .is_problem(401, "UNAUTHENTICATED");
}

#[tokio::test]
async fn a_record_has_actor_action_object_and_origin() {
    let fixture = Fixture::open(HttpSettings::default());
    let reader = fixture.person("mod", [Role::Moderator]).await;
    let before = read(&fixture, &reader, "").await.len();

    fixture.register("ada").await.good();
    fixture.log_in("ada", "not the password", None).await;
    // A log-in with an address and a user agent.
    let body = json!({"email": address("ada"), "password": PASSWORD}).to_string();
    let mut request = Request::post("/api/auth/login")
        .header("content-type", "application/json")
        .header("user-agent", "Lynx/2.9\tbeta")
        .body(Body::from(body))
        .unwrap();
    let peer: SocketAddr = "198.51.100.7:4711".parse().unwrap();
    request.extensions_mut().insert(ConnectInfo(Peer(peer)));
    let ada = LoggedIn::from_reply(fixture.send(request).await);
    let (ada, recovery) = fixture.enrolled(&ada).await;
    let admin = fixture.person("admin", [Role::Admin]).await;
    let path = format!("/api/users/{}/roles", ada.person.id);
    let body = json!({"roles": ["CUSTOMER", "EXCHANGER"]});
    fixture
        .call(Some(&admin), axum::http::Method::PUT, &path, body)
        .await
        .good();
    fixture.deposit(&admin, &ada.person, "7", "USDT").await;
    LoggedIn::from_reply(fixture.log_in("ada", PASSWORD, Some(&recovery[0])).await);
    fixture
        .post(&ada.person, "/api/auth/logout", Value::Null)
        .await
        .good();

    let records = read(&fixture, &reader, "").await;
    let records = &records[..records.len() - before];
    assert_eq!(
        actions(records),
        [
            "USER_REGISTERED",
            "LOG_IN_FAILED",
            "LOGGED_IN",
            "SECOND_FACTOR_ACTIVATED",
            "USER_REGISTERED",
            "ROLES_CHANGED",
            "DEPOSIT_BOOKED",
            "LOGGED_IN",
            "RECOVERY_CODE_USED",
            "LOGGED_OUT",
        ]
    );
    let of = |action: &str| {
        let found = records.iter().rev().find(|one| one["action"] == action);
        found.unwrap().clone()
    };
    let entered = of("LOGGED_IN");
    assert_eq!(entered["actor_id"], ada.person.id.to_string());
    assert_eq!(entered["object_id"], ada.person.id.to_string());
    assert_eq!(entered["session_id"], ada.session);
    assert_eq!(entered["address"], "198.51.100.7");
    assert_eq!(
        entered["detail"],
        json!({"client": "Lynx/2.9beta", "second_factor": false})
    );
    let failed = of("LOG_IN_FAILED");
    assert_eq!(failed["actor_id"], Value::Null);
    assert_eq!(failed["object_id"], ada.person.id.to_string());
    assert_eq!(failed["detail"], json!({"failed_in_a_row": 1}));
    let changed = of("ROLES_CHANGED");
    assert_eq!(changed["actor_id"], admin.id.to_string());
    assert_eq!(
        changed["detail"],
        json!({"before": ["CUSTOMER"], "after": ["CUSTOMER", "EXCHANGER"]})
    );
    // Records are numbered without gaps, and each has its own hash.
    let numbers: Vec<_> = records.iter().map(|one| one["number"].as_u64()).collect();
    let last = numbers[0].unwrap();
    let count = u64::try_from(numbers.len()).unwrap();
    let expected: Vec<_> = (last - count + 1..=last).rev().map(Some).collect();
    assert_eq!(numbers, expected);
    for record in records {
        let hash: ChainHash = record["hash"].as_str().unwrap().parse().unwrap();
        assert_ne!(hash, ChainHash::GENESIS);
    }
}

#[tokio::test]
async fn it_is_filtered_and_read_page_by_page() {
    let fixture = Fixture::open(HttpSettings::default());
    let reader = fixture.person("mod", [Role::Moderator]).await;
    let ada = fixture.newcomer("ada").await;
    let bob = fixture.newcomer("bob").await;
    for _ in 0..3 {
        fixture.log_in("bob", PASSWORD, None).await.good();
    }
    let by_bob = read(&fixture, &reader, &format!("actor={}", bob.person.id)).await;
    assert_eq!(actions(&by_bob), ["LOGGED_IN"; 4]);
    let on_ada = read(&fixture, &reader, &format!("object={}", ada.person.id)).await;
    assert_eq!(actions(&on_ada), ["USER_REGISTERED", "LOGGED_IN"]);
    let both = format!("object={}&action=USER_REGISTERED", ada.person.id);
    assert_eq!(read(&fixture, &reader, &both).await.len(), 1);
    let no_match = format!("actor={}&object={}", bob.person.id, ada.person.id);
    assert!(read(&fixture, &reader, &no_match).await.is_empty());

    let all = read(&fixture, &reader, "").await;
    let mut paged = Vec::new();
    let mut path = format!("{AUDIT}?limit=2");
    loop {
        let page = fixture.get(&reader, &path).await.good();
        paged.extend(page["items"].as_array().unwrap().clone());
        let Some(cursor) = page["next_cursor"].as_str() else {
            break;
        };
        path = format!("{AUDIT}?limit=2&cursor={cursor}");
    }
    assert_eq!(paged, all);
    for (query, code) in [
        ("limit=0", "INVALID_QUERY"),
        ("limit=101", "INVALID_QUERY"),
        ("action=EVERYTHING", "INVALID_QUERY"),
        ("actor=session_01jt0c7kq5e8tvb1y9m3x4z6wa", "INVALID_QUERY"),
        ("object=%00", "INVALID_QUERY"),
        ("object=", "INVALID_QUERY"),
        ("object=Robert'); DROP TABLE", "INVALID_QUERY"),
        ("colour=red", "INVALID_QUERY"),
        ("cursor=-1", "INVALID_CURSOR"),
        ("cursor=nonsense", "INVALID_CURSOR"),
    ] {
        let path = format!("{AUDIT}?{}", query.replace(' ', "%20"));
        fixture.get(&reader, &path).await.is_problem(400, code);
    }
}
