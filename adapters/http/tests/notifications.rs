//! Mailboxes: their owners, their pages, and what is marked as read.

#![allow(
    dead_code,
    clippy::unwrap_used,
    reason = "helpers of tests fail by panicking, as the tests do; not all of them are used in each"
)]

mod scene;

use axum::http::Method;
use p2p_domain::Role;
use p2p_http::HttpSettings;
use scene::Scene;
use serde_json::{Value, json};

fn numbers(page: &Value) -> Vec<u64> {
    let items = page["items"].as_array().unwrap().iter();
    items.map(|item| item["number"].as_u64().unwrap()).collect()
}

#[tokio::test]
async fn a_mailbox_is_read_page_by_page_newest_first() {
    let scene = Scene::open(HttpSettings::default());
    let anna = scene.anna().await;
    let empty = scene.get(&anna, "/api/notifications").await.good();
    assert_eq!(
        empty,
        json!({"items": [], "next_cursor": null, "unread_count": 0, "last": 0})
    );
    scene.tell(&anna, 5).await;
    let first = scene.get(&anna, "/api/notifications?limit=2").await.good();
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
    let rest = scene.get(&anna, "/api/notifications?before=4").await.good();
    assert_eq!(numbers(&rest), [3, 2, 1]);
    assert_eq!(rest["next_cursor"], Value::Null);
    let same = scene.get(&anna, "/api/notifications?cursor=4").await.good();
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
        scene
            .get(&anna, &path)
            .await
            .is_problem(400, "INVALID_QUERY");
    }
}

#[tokio::test]
async fn a_mailbox_is_its_owners_and_an_administrator_may_look() {
    let scene = Scene::open(HttpSettings::default());
    let anna = scene.anna().await;
    let boris = scene.person("boris", [Role::Moderator]).await;
    let admin = scene.person("admin", [Role::Admin]).await;
    scene.tell(&anna, 1).await;
    let path = format!("/api/notifications/{}", anna.id);
    let own = scene.get(&anna, &path).await.good();
    assert_eq!(numbers(&own), [1]);
    assert_eq!(scene.get(&admin, &path).await.good(), own);
    scene
        .get(&boris, &path)
        .await
        .is_problem(403, "ROLE_REQUIRED");
    let nobody = "/api/notifications/user_00000000000000000000000000";
    scene
        .get(&admin, nobody)
        .await
        .is_problem(404, "USER_NOT_FOUND");
    scene
        .get(&boris, nobody)
        .await
        .is_problem(403, "ROLE_REQUIRED");

    // Another user's notification is not found, even by administrators.
    let id = own["items"][0]["id"].as_str().unwrap().to_owned();
    let path = format!("/api/notifications/{id}/read");
    for other in [&boris, &admin] {
        let reply = scene.post(other, &path, Value::Null).await;
        reply.is_problem(404, "NOTIFICATION_NOT_FOUND");
        let reply = scene
            .post(other, "/api/notifications/read", json!({"up_to": 1}))
            .await;
        reply.is_problem(404, "NOTIFICATION_NOT_FOUND");
    }
    assert_eq!(scene.get(&anna, "/api/notifications").await.good(), own);
    // `read` is a route, not a user's id.
    let reply = scene.get(&anna, "/api/notifications/read").await;
    reply.is_problem(405, "METHOD_NOT_ALLOWED");
}

#[tokio::test]
async fn what_is_read_stays_read() {
    let scene = Scene::open(HttpSettings::default());
    let anna = scene.anna().await;
    scene.tell(&anna, 4).await;
    let all = scene.get(&anna, "/api/notifications").await.good();
    let third = all["items"][1]["id"].as_str().unwrap().to_owned();
    let path = format!("/api/notifications/{third}/read");
    scene.clock.advance(std::time::Duration::from_secs(60));
    let read = scene.post(&anna, &path, Value::Null).await.good();
    let at = json!("2025-04-18T15:01:00Z");
    assert_eq!((&read["number"], &read["read"]), (&json!(3), &json!(true)));
    assert_eq!(read["read_at"], at);
    scene.clock.advance(std::time::Duration::from_secs(60));
    let again = scene.post(&anna, &path, Value::Null).await.good();
    assert_eq!(again, read, "marked only once");
    let unread = scene.get(&anna, "/api/notifications?unread=true").await;
    let unread = unread.good();
    assert_eq!(numbers(&unread), [4, 2, 1]);
    assert_eq!(unread["unread_count"], 3);

    let up_to = |number: u64| json!({"up_to": number});
    let path = "/api/notifications/read";
    let answer = scene.post(&anna, path, up_to(2)).await.good();
    assert_eq!(answer, json!({"read_to": 2, "last": 4}));
    let answer = scene.post(&anna, path, up_to(1)).await.good();
    assert_eq!(answer, json!({"read_to": 2, "last": 4}), "the mark never moves back");
    let reply = scene.post(&anna, path, up_to(5)).await;
    reply.is_problem(404, "NOTIFICATION_NOT_FOUND");
    let reply = scene.post(&anna, path, json!({"up_to": -1})).await;
    reply.is_problem(422, "WRONG_TYPE");
    let unread = scene.get(&anna, "/api/notifications?unread=true").await;
    assert_eq!(numbers(&unread.good()), [4]);
    let all = scene.get(&anna, "/api/notifications").await.good();
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
async fn people_are_told_things_in_their_language() {
    let scene = Scene::open(HttpSettings::default());
    let anna = scene.anna().await;
    scene.tell(&anna, 1).await;
    let me = scene.get(&anna, "/api/users/me").await.good();
    assert_eq!(me["language"], "en");
    let set = |language: &str| {
        let body = json!({"language": language});
        scene.call(Some(&anna), Method::PATCH, "/api/users/me", body)
    };
    assert_eq!(set("ru").await.good()["language"], "ru");
    assert_eq!(set("ru").await.good()["language"], "ru", "unchanged");
    let page = scene.get(&anna, "/api/notifications").await.good();
    assert_eq!(page["items"][0]["title"], "Обменник разморожен");
    let reply = set("de").await;
    reply.is_problem(422, "VALIDATION_FAILED");
    assert_eq!(reply.body["errors"][0]["code"], "UNKNOWN_VALUE");
    let body = json!({"language": "ru"});
    let reply = scene.call(None, Method::PATCH, "/api/users/me", body).await;
    reply.is_problem(401, "UNAUTHENTICATED");

    let mut olga = json!({
        "email": "olga@example.org",
        "name": "Olga",
        "password": "a good long password",
        "language": "ru",
    });
    let path = "/api/auth/register";
    let registered = scene.call(None, Method::POST, path, olga.clone()).await;
    assert_eq!(registered.good()["language"], "ru");
    olga["language"] = json!("xx");
    let reply = scene.call(None, Method::POST, path, olga).await;
    reply.is_problem(422, "VALIDATION_FAILED");
}
