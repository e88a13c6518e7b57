//! Mailboxes: their owners, their pages, and what is marked as read.

#![allow(
    dead_code,
    clippy::unwrap_used,
    reason = "helpers of tests fail by panicking, as the tests do; not all of them are used in each"
)]

mod fixture;

use axum::http::Method;
use fixture::Fixture;
use p2p_domain::Role;
use p2p_http::HttpSettings;
use serde_json::{Value, json};

fn numbers(page: &Value) -> Vec<u64> {
    let items = page["items"].as_array().unwrap().iter();
    items.map(|item| item["number"].as_u64().unwrap()).collect()
}

#[tokio::test]
async fn a_mailbox_is_read_page_by_page_newest_first() {
    let fixture = Fixture::open(HttpSettings::default());
    let anna = fixture.anna().await;
    let empty = fixture.get(&anna, "/api/notifications").await.good();
    assert_eq!(
        empty,
        json!({"items": [], "next_cursor": null, "unread_count": 0, "last": 0})
    );
    fixture.notify(&anna, 5).await;
    let first = fixture
        .get(&anna, "/api/notifications?limit=2")
        .await
        .good();
    assert_eq!(numbers(&first), [5, 4]);
    assert_eq!(
        (
            &first["next_cursor"],
            &first["unread_count"],
            &first["last"]
        ),
        (&json!("4"), &json!(5), &json!(5))
    );
    let mut item = first["items"][0].clone();
    let id = item["id"].take();
    assert!(id.as_str().unwrap().starts_with("notification_"));
    assert_eq!(
        item,
        json!({
            "id": null,
            "number": 5,
            "event": "ExchangerUnfrozen",
            "title": "Exchanger unfrozen",
            "body": "A moderator has lifted the freeze. Listings can be resumed.",
            "offer_id": null,
            "dispute_id": null,
            "exchanger_id": anna.id.to_string(),
            "order_id": null,
            "withdrawal_id": null,
            "at": "2025-04-18T15:00:00Z",
            "read": false,
            "read_at": null,
        })
    );
    let rest = fixture
        .get(&anna, "/api/notifications?before=4")
        .await
        .good();
    assert_eq!(numbers(&rest), [3, 2, 1]);
    assert_eq!(rest["next_cursor"], Value::Null);
    let same = fixture
        .get(&anna, "/api/notifications?cursor=4")
        .await
        .good();
    assert_eq!(same, rest, "`cursor` works as in other lists");
    for bad in [
        "before=0",
        "before=-1",
        "before=x",
        "limit=0",
        "unread=maybe",
        "token=x",
    ] {
        let path = format!("/api/notifications?{bad}");
        fixture
            .get(&anna, &path)
            .await
            .is_problem(400, "INVALID_QUERY");
    }
}

#[tokio::test]
async fn a_mailbox_is_private_but_administrators_may_read_it() {
    let fixture = Fixture::open(HttpSettings::default());
    let anna = fixture.anna().await;
    let boris = fixture.person("boris", [Role::Moderator]).await;
    let admin = fixture.person("admin", [Role::Admin]).await;
    fixture.notify(&anna, 1).await;
    let path = format!("/api/notifications/{}", anna.id);
    let own = fixture.get(&anna, &path).await.good();
    assert_eq!(numbers(&own), [1]);
    assert_eq!(fixture.get(&admin, &path).await.good(), own);
    fixture
        .get(&boris, &path)
        .await
        .is_problem(403, "ROLE_REQUIRED");
    let unknown = "/api/notifications/user_00000000000000000000000000";
    fixture
        .get(&admin, unknown)
        .await
        .is_problem(404, "USER_NOT_FOUND");
    fixture
        .get(&boris, unknown)
        .await
        .is_problem(403, "ROLE_REQUIRED");

    // Another user's notification is not found, even by administrators.
    let id = own["items"][0]["id"].as_str().unwrap().to_owned();
    let path = format!("/api/notifications/{id}/read");
    for other in [&boris, &admin] {
        let reply = fixture.post(other, &path, Value::Null).await;
        reply.is_problem(404, "NOTIFICATION_NOT_FOUND");
        let reply = fixture
            .post(other, "/api/notifications/read", json!({"up_to": 1}))
            .await;
        reply.is_problem(404, "NOTIFICATION_NOT_FOUND");
    }
    assert_eq!(fixture.get(&anna, "/api/notifications").await.good(), own);
    // `read` is a route, not a user's id.
    let reply = fixture.get(&anna, "/api/notifications/read").await;
    reply.is_problem(405, "METHOD_NOT_ALLOWED");
}

#[tokio::test]
async fn read_notifications_stay_read() {
    let fixture = Fixture::open(HttpSettings::default());
    let anna = fixture.anna().await;
    fixture.notify(&anna, 4).await;
    let all = fixture.get(&anna, "/api/notifications").await.good();
    let third = all["items"][1]["id"].as_str().unwrap().to_owned();
    let path = format!("/api/notifications/{third}/read");
    fixture.clock.advance(std::time::Duration::from_secs(60));
    let read = fixture.post(&anna, &path, Value::Null).await.good();
    let at = json!("2025-04-18T15:01:00Z");
    assert_eq!((&read["number"], &read["read"]), (&json!(3), &json!(true)));
    assert_eq!(read["read_at"], at);
    fixture.clock.advance(std::time::Duration::from_secs(60));
    let again = fixture.post(&anna, &path, Value::Null).await.good();
    assert_eq!(again, read, "marked only once");
    let unread = fixture.get(&anna, "/api/notifications?unread=true").await;
    let unread = unread.good();
    assert_eq!(numbers(&unread), [4, 2, 1]);
    assert_eq!(unread["unread_count"], 3);

    let up_to = |number: u64| json!({"up_to": number});
    let path = "/api/notifications/read";
    let answer = fixture.post(&anna, path, up_to(2)).await.good();
    assert_eq!(answer, json!({"read_to": 2, "last": 4}));
    let answer = fixture.post(&anna, path, up_to(1)).await.good();
    assert_eq!(
        answer,
        json!({"read_to": 2, "last": 4}),
        "the mark never moves back"
    );
    let reply = fixture.post(&anna, path, up_to(5)).await;
    reply.is_problem(404, "NOTIFICATION_NOT_FOUND");
    let reply = fixture.post(&anna, path, json!({"up_to": -1})).await;
    reply.is_problem(422, "WRONG_TYPE");
    let unread = fixture.get(&anna, "/api/notifications?unread=true").await;
    assert_eq!(numbers(&unread.good()), [4]);
    let all = fixture.get(&anna, "/api/notifications").await.good();
    let read: Vec<_> = all["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item["read"].clone())
        .collect();
    assert_eq!(json!(read), json!([false, true, true, true]));
    assert_eq!(all["items"][3]["read_at"], Value::Null, "marked in bulk");
}

#[tokio::test]
async fn notifications_are_in_the_language_of_the_user() {
    let fixture = Fixture::open(HttpSettings::default());
    let anna = fixture.anna().await;
    fixture.notify(&anna, 1).await;
    let me = fixture.get(&anna, "/api/users/me").await.good();
    assert_eq!(me["language"], "en");
    let set = |language: &str| {
        let body = json!({"language": language});
        fixture.call(Some(&anna), Method::PATCH, "/api/users/me", body)
    };
    assert_eq!(set("ru").await.good()["language"], "ru");
    assert_eq!(set("ru").await.good()["language"], "ru", "unchanged");
    let page = fixture.get(&anna, "/api/notifications").await.good();
    assert_eq!(page["items"][0]["title"], "Обменник разморожен");
    let reply = set("de").await;
    reply.is_problem(422, "VALIDATION_FAILED");
    assert_eq!(reply.body["errors"][0]["code"], "UNKNOWN_VALUE");
    let body = json!({"language": "ru"});
    let reply = fixture
        .call(None, Method::PATCH, "/api/users/me", body)
        .await;
    reply.is_problem(401, "UNAUTHENTICATED");

    let mut olga = json!({
        "email": "olga@example.org",
        "name": "Olga",
        "password": "a good long password",
        "language": "ru",
    });
    let path = "/api/auth/register";
    let registered = fixture.call(None, Method::POST, path, olga.clone()).await;
    assert_eq!(registered.good()["language"], "ru");
    olga["language"] = json!("xx");
    let reply = fixture.call(None, Method::POST, path, olga).await;
    reply.is_problem(422, "VALIDATION_FAILED");
}
