//! Sessions: the validity of their tokens, their list, how they end, and the throttling of guessed passwords.

#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests fail by panicking, as the tests do; not all of them are used in each"
)]

mod scene;

use std::time::Duration;

use axum::http::{Method, Request};
use p2p_domain::policy::AccessRules;
use p2p_domain::session::SessionEnd;
use p2p_domain::{Policy, Role};
use p2p_http::HttpSettings;
use scene::entrance::{Entered, PASSWORD, address};
use scene::{LIFETIME, Scene};
use serde_json::{Value, json};

const SESSIONS: &str = "/api/auth/sessions";

fn open() -> Scene {
    Scene::open(HttpSettings::default())
}

async fn is_over(scene: &Scene, session: &Entered) {
    let reply = scene.get(&session.person, "/api/wallet").await;
    reply.is_problem(401, "SESSION_OVER");
    let reply = scene.refresh(&session.refresh).await;
    reply.is_problem(401, "SESSION_OVER");
}

async fn goes_on(scene: &Scene, session: &Entered) {
    scene.get(&session.person, "/api/wallet").await.good();
}

#[tokio::test]
async fn a_log_in_is_answered_with_all_that_a_client_needs() {
    let scene = open();
    scene.register("ada").await.good();
    let reply = scene.log_in("ADA", PASSWORD, None).await;
    assert_eq!(reply.headers["cache-control"], "no-store");
    let body = reply.good();
    let mut members: Vec<_> = body.as_object().unwrap().keys().collect();
    members.sort_unstable();
    assert_eq!(
        members,
        [
            "access_token",
            "expires_at",
            "refresh_token",
            "session_id",
            "token_type",
            "user"
        ]
    );
    assert_eq!(body["token_type"], "Bearer");
    assert_eq!(body["user"]["email"], "ada@example.org");
    let expires_at = scene.market.now().after(LIFETIME).to_string();
    assert_eq!(body["expires_at"], expires_at);
}

#[tokio::test]
async fn an_access_token_is_good_for_a_while_and_a_refresh_token_for_longer() {
    let scene = open();
    let ada = scene.newcomer("ada").await;
    scene.clock.advance(LIFETIME);
    let late = scene.get(&ada.person, "/api/wallet").await;
    late.is_problem(401, "TOKEN_EXPIRED");
    let next = Entered::by(scene.refresh(&ada.refresh).await);
    goes_on(&scene, &next).await;
    assert_eq!(next.session, ada.session);
    assert_ne!(next.refresh, ada.refresh);
    // Idle for a week.
    scene.clock.advance(AccessRules::default().session_idle);
    let reply = scene.refresh(&next.refresh).await;
    reply.is_problem(401, "SESSION_OVER");
    for text in ["", "nonsense", &next.person.token] {
        let status = scene.refresh(text).await.status;
        assert_eq!(status, if text.is_empty() { 422 } else { 401 }, "{text}");
    }
}

#[tokio::test]
async fn a_copy_of_a_refresh_token_ends_its_session_and_no_other() {
    let scene = open();
    let stolen = scene.newcomer("ada").await;
    let other = Entered::by(scene.log_in("ada", PASSWORD, None).await);
    // The owner and the thief both use the token: the second use reveals the copy.
    let next = Entered::by(scene.refresh(&stolen.refresh).await);
    scene
        .refresh(&stolen.refresh)
        .await
        .is_problem(401, "SESSION_OVER");
    is_over(&scene, &next).await;
    goes_on(&scene, &other).await;
    let sessions = scene.memory.tables().sessions;
    let ended: Vec<_> = sessions.values().filter_map(|one| one.ended).collect();
    assert_eq!(ended.len(), 1);
    assert_eq!(ended[0].1, SessionEnd::Reused);
}

#[tokio::test]
async fn sessions_are_listed_with_where_they_were_begun() {
    let scene = open();
    let first = scene.newcomer("ada").await;
    let request = Request::post("/api/auth/login").header("user-agent", "Lynx/2.9");
    let body = json!({"email": address("ada"), "password": PASSWORD});
    let second = Entered::by(scene.authored(request, None, body).await);
    scene.newcomer("bob").await;
    let list = scene.get(&second.person, SESSIONS).await.good();
    let items = list["items"].as_array().unwrap();
    let shown: Vec<_> = items
        .iter()
        .map(|one| (one["session_id"].clone(), one["current"].clone()))
        .collect();
    assert_eq!(
        shown,
        [
            (json!(second.session), json!(true)),
            (json!(first.session), json!(false))
        ]
    );
    assert_eq!(items[0]["client"], "Lynx/2.9");
    assert_eq!(
        (&items[0]["address"], &items[0]["proved_at"]),
        (&Value::Null, &Value::Null)
    );
    let all = list.to_string();
    assert!(!all.contains(&first.refresh) && !all.contains(&first.person.token));
}

#[tokio::test]
async fn sessions_are_ended_one_by_one_or_all_others_at_once() {
    let scene = open();
    let here = scene.newcomer("ada").await;
    let mut others = Vec::new();
    for _ in 0..3 {
        others.push(Entered::by(scene.log_in("ada", PASSWORD, None).await));
    }
    let path = format!("{SESSIONS}/{}", others[0].session);
    for _ in 0..2 {
        let reply = scene.delete(&here.person, &path).await;
        assert_eq!((reply.status.as_u16(), reply.text.as_str()), (204, ""));
    }
    is_over(&scene, &others[0]).await;
    goes_on(&scene, &others[1]).await;
    for ended in [2, 0] {
        let reply = scene.delete(&here.person, SESSIONS).await;
        assert_eq!(reply.good(), json!({"ended": ended}));
    }
    is_over(&scene, &others[1]).await;
    is_over(&scene, &others[2]).await;
    goes_on(&scene, &here).await;
    // Ending the current session is the same as logging out.
    let path = format!("{SESSIONS}/{}", here.session);
    assert_eq!(scene.delete(&here.person, &path).await.status, 204);
    is_over(&scene, &here).await;
}

#[tokio::test]
async fn the_sessions_of_others_are_not_there() {
    let scene = open();
    let ada = scene.newcomer("ada").await;
    let bob = scene.newcomer("bob").await;
    let admin = scene.person("admin", [Role::Admin]).await;
    let path = format!("{SESSIONS}/{}", ada.session);
    let nowhere = format!("{SESSIONS}/session_01jt0c7kq5e8tvb1y9m3x4z6wa");
    for person in [&bob.person, &admin] {
        for path in [&path, &nowhere] {
            let reply = scene.delete(person, path).await;
            reply.is_problem(404, "SESSION_NOT_FOUND");
        }
        scene.delete(person, SESSIONS).await.good();
    }
    goes_on(&scene, &ada).await;
}

#[tokio::test]
async fn a_token_without_a_session_has_none_to_end() {
    let scene = open();
    let carol = scene.person("carol", [Role::Customer]).await;
    let reply = scene.post(&carol, "/api/auth/logout", Value::Null).await;
    reply.is_problem(401, "SESSION_OVER");
}

/// Roles are current, whatever the access token says.
#[tokio::test]
async fn changed_roles_count_at_once_for_tokens_that_are_out() {
    let scene = open();
    let ada = scene.newcomer("ada").await.person;
    let see = async || scene.get(&ada, "/api/p2p/exchangers/frozen").await;
    see().await.is_problem(403, "ROLE_REQUIRED");
    scene.clock.advance(Duration::from_secs(5));
    scene.appoint(&ada, [Role::Moderator]).await;
    see().await.good();
    scene.clock.advance(Duration::from_secs(5));
    scene.appoint(&ada, [Role::Customer]).await;
    see().await.is_problem(403, "ROLE_REQUIRED");
}

#[tokio::test]
async fn who_guesses_waits_longer_and_longer_and_a_good_password_makes_good() {
    let scene = open();
    scene.register("ada").await.good();
    let guess = async || scene.log_in("ada", "not the password", None).await;
    for _ in 0..3 {
        guess().await.is_problem(401, "BAD_CREDENTIALS");
    }
    for wait in [1, 2, 4, 8] {
        let closed = guess().await;
        closed.is_problem(429, "TOO_MANY_ATTEMPTS");
        assert_eq!(closed.headers["retry-after"], wait.to_string());
        // The right password is refused as well until the delay has passed.
        scene
            .clock
            .advance(Duration::from_millis(wait * 1_000 - 999));
        let closed = scene.log_in("ada", PASSWORD, None).await;
        closed.is_problem(429, "TOO_MANY_ATTEMPTS");
        assert_eq!(closed.headers["retry-after"], "1");
        scene.clock.advance(Duration::from_millis(999));
        guess().await.is_problem(401, "BAD_CREDENTIALS");
    }
    scene.clock.advance(Duration::from_secs(16));
    Entered::by(scene.log_in("ada", PASSWORD, None).await);
    for _ in 0..3 {
        guess().await.is_problem(401, "BAD_CREDENTIALS");
    }
}

#[tokio::test]
async fn a_locked_door_has_a_way_out_for_the_owner() {
    let rules = AccessRules {
        lock_after: 5,
        ..AccessRules::default()
    };
    let policy = Policy {
        access: rules,
        ..Policy::default()
    };
    let scene = Scene::under(HttpSettings::default(), policy);
    let ada = scene.newcomer("ada").await;
    for _ in 0..5 {
        let reply = scene.log_in("ada", "not the password", None).await;
        reply.is_problem(401, "BAD_CREDENTIALS");
        scene.clock.advance(Duration::from_secs(10));
    }
    let locked = scene.log_in("ada", PASSWORD, None).await;
    locked.is_problem(429, "TOO_MANY_ATTEMPTS");
    let day = rules.lock_lasts.as_secs();
    assert_eq!(locked.headers["retry-after"], (day - 10).to_string());
    // Open sessions continue, and the mail has a link to reset the password.
    goes_on(&scene, &ada).await;
    let letter = scene.letter("ada", 2).await;
    assert!(
        letter.starts_with("Your account is locked for a while"),
        "{letter}"
    );
    let token = scene.link("ada", 2).await;
    let body = json!({"token": token, "new_password": "another long password"});
    scene.ask("/api/auth/password/reset", body).await.good();
    Entered::by(scene.log_in("ada", "another long password", None).await);
    is_over(&scene, &ada).await;
    // Other accounts are not locked, and no mail goes to an address without an account.
    for _ in 0..6 {
        scene.log_in("eve", "not the password", None).await;
        scene.clock.advance(Duration::from_secs(10));
    }
    let locked = scene.log_in("eve", "not the password", None).await;
    locked.is_problem(429, "TOO_MANY_ATTEMPTS");
    assert_eq!(scene.letters_to("eve"), 0);
    Entered::by(scene.log_in("ada", "another long password", None).await);
}

#[tokio::test]
async fn nothing_of_a_log_in_is_kept_for_a_repeat() {
    let scene = open();
    scene.register("ada").await.good();
    let enter = async || {
        let request = Request::builder()
            .method(Method::POST)
            .uri("/api/auth/login")
            .header("idempotency-key", "1");
        let body = json!({"email": address("ada"), "password": PASSWORD});
        let reply = scene.authored(request, None, body).await;
        assert!(!reply.is_replayed());
        Entered::by(reply)
    };
    let (first, second) = (enter().await, enter().await);
    assert_ne!(first.session, second.session);
    assert!(scene.memory.tables().replies.is_empty());
}
