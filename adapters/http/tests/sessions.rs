//! Sessions: the validity of their tokens, their list, how they end, and the throttling of guessed passwords.

#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests fail by panicking, as the tests do; not all of them are used in each"
)]

mod fixture;

use std::time::Duration;

use axum::http::{Method, Request};
use fixture::login::{LoggedIn, PASSWORD, address};
use fixture::{Fixture, TOKEN_LIFETIME};
use p2p_domain::policy::AccessRules;
use p2p_domain::session::SessionEnd;
use p2p_domain::{Policy, Role};
use p2p_http::HttpSettings;
use serde_json::{Value, json};

const SESSIONS: &str = "/api/auth/sessions";

fn open() -> Fixture {
    Fixture::open(HttpSettings::default())
}

async fn is_over(fixture: &Fixture, session: &LoggedIn) {
    let reply = fixture.get(&session.person, "/api/wallet").await;
    reply.is_problem(401, "SESSION_OVER");
    let reply = fixture.refresh(&session.refresh).await;
    reply.is_problem(401, "SESSION_OVER");
}

async fn goes_on(fixture: &Fixture, session: &LoggedIn) {
    fixture.get(&session.person, "/api/wallet").await.good();
}

#[tokio::test]
async fn a_log_in_returns_all_that_a_client_needs() {
    let fixture = open();
    fixture.register("ada").await.good();
    let reply = fixture.log_in("ADA", PASSWORD, None).await;
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
    let expires_at = fixture.market.now().after(TOKEN_LIFETIME).to_string();
    assert_eq!(body["expires_at"], expires_at);
}

#[tokio::test]
async fn a_refresh_token_lasts_longer_than_an_access_token() {
    let fixture = open();
    let ada = fixture.newcomer("ada").await;
    fixture.clock.advance(TOKEN_LIFETIME);
    let late = fixture.get(&ada.person, "/api/wallet").await;
    late.is_problem(401, "TOKEN_EXPIRED");
    let next = LoggedIn::from_reply(fixture.refresh(&ada.refresh).await);
    goes_on(&fixture, &next).await;
    assert_eq!(next.session, ada.session);
    assert_ne!(next.refresh, ada.refresh);
    // Idle for a week.
    fixture.clock.advance(AccessRules::default().session_idle);
    let reply = fixture.refresh(&next.refresh).await;
    reply.is_problem(401, "SESSION_OVER");
    for text in ["", "nonsense", &next.person.token] {
        let status = fixture.refresh(text).await.status;
        assert_eq!(status, if text.is_empty() { 422 } else { 401 }, "{text}");
    }
}

#[tokio::test]
async fn reuse_of_a_refresh_token_ends_its_session_only() {
    let fixture = open();
    let stolen = fixture.newcomer("ada").await;
    let other = LoggedIn::from_reply(fixture.log_in("ada", PASSWORD, None).await);
    // The owner and the thief both use the token: the second use reveals the copy.
    let next = LoggedIn::from_reply(fixture.refresh(&stolen.refresh).await);
    fixture
        .refresh(&stolen.refresh)
        .await
        .is_problem(401, "SESSION_OVER");
    is_over(&fixture, &next).await;
    goes_on(&fixture, &other).await;
    let sessions = fixture.memory.tables().sessions;
    let ended: Vec<_> = sessions.values().filter_map(|one| one.ended).collect();
    assert_eq!(ended.len(), 1);
    assert_eq!(ended[0].1, SessionEnd::Reused);
}

#[tokio::test]
async fn sessions_are_listed_with_where_they_were_begun() {
    let fixture = open();
    let first = fixture.newcomer("ada").await;
    let request = Request::post("/api/auth/login").header("user-agent", "Lynx/2.9");
    let body = json!({"email": address("ada"), "password": PASSWORD});
    let second = LoggedIn::from_reply(fixture.authored(request, None, body).await);
    fixture.newcomer("bob").await;
    let list = fixture.get(&second.person, SESSIONS).await.good();
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
    let fixture = open();
    let here = fixture.newcomer("ada").await;
    let mut others = Vec::new();
    for _ in 0..3 {
        others.push(LoggedIn::from_reply(
            fixture.log_in("ada", PASSWORD, None).await,
        ));
    }
    let path = format!("{SESSIONS}/{}", others[0].session);
    for _ in 0..2 {
        let reply = fixture.delete(&here.person, &path).await;
        assert_eq!((reply.status.as_u16(), reply.text.as_str()), (204, ""));
    }
    is_over(&fixture, &others[0]).await;
    goes_on(&fixture, &others[1]).await;
    for ended in [2, 0] {
        let reply = fixture.delete(&here.person, SESSIONS).await;
        assert_eq!(reply.good(), json!({"ended": ended}));
    }
    is_over(&fixture, &others[1]).await;
    is_over(&fixture, &others[2]).await;
    goes_on(&fixture, &here).await;
    // Ending the current session is the same as logging out.
    let path = format!("{SESSIONS}/{}", here.session);
    assert_eq!(fixture.delete(&here.person, &path).await.status, 204);
    is_over(&fixture, &here).await;
}

#[tokio::test]
async fn sessions_of_other_users_are_not_found() {
    let fixture = open();
    let ada = fixture.newcomer("ada").await;
    let bob = fixture.newcomer("bob").await;
    let admin = fixture.person("admin", [Role::Admin]).await;
    let path = format!("{SESSIONS}/{}", ada.session);
    let nowhere = format!("{SESSIONS}/session_01jt0c7kq5e8tvb1y9m3x4z6wa");
    for person in [&bob.person, &admin] {
        for path in [&path, &nowhere] {
            let reply = fixture.delete(person, path).await;
            reply.is_problem(404, "SESSION_NOT_FOUND");
        }
        fixture.delete(person, SESSIONS).await.good();
    }
    goes_on(&fixture, &ada).await;
}

#[tokio::test]
async fn a_token_without_a_session_has_none_to_end() {
    let fixture = open();
    let carol = fixture.person("carol", [Role::Customer]).await;
    let reply = fixture.post(&carol, "/api/auth/logout", Value::Null).await;
    reply.is_problem(401, "SESSION_OVER");
}

/// Roles are current, whatever the access token says.
#[tokio::test]
async fn changed_roles_apply_at_once_to_issued_tokens() {
    let fixture = open();
    let ada = fixture.newcomer("ada").await.person;
    let see = async || fixture.get(&ada, "/api/p2p/exchangers/frozen").await;
    see().await.is_problem(403, "ROLE_REQUIRED");
    fixture.clock.advance(Duration::from_secs(5));
    fixture.appoint(&ada, [Role::Moderator]).await;
    see().await.good();
    fixture.clock.advance(Duration::from_secs(5));
    fixture.appoint(&ada, [Role::Customer]).await;
    see().await.is_problem(403, "ROLE_REQUIRED");
}

#[tokio::test]
async fn guesses_are_delayed_ever_longer_until_a_good_password() {
    let fixture = open();
    fixture.register("ada").await.good();
    let guess = async || fixture.log_in("ada", "not the password", None).await;
    for _ in 0..3 {
        guess().await.is_problem(401, "BAD_CREDENTIALS");
    }
    for wait in [1, 2, 4, 8] {
        let closed = guess().await;
        closed.is_problem(429, "TOO_MANY_ATTEMPTS");
        assert_eq!(closed.headers["retry-after"], wait.to_string());
        // The right password is refused as well until the delay has passed.
        fixture
            .clock
            .advance(Duration::from_millis(wait * 1_000 - 999));
        let closed = fixture.log_in("ada", PASSWORD, None).await;
        closed.is_problem(429, "TOO_MANY_ATTEMPTS");
        assert_eq!(closed.headers["retry-after"], "1");
        fixture.clock.advance(Duration::from_millis(999));
        guess().await.is_problem(401, "BAD_CREDENTIALS");
    }
    fixture.clock.advance(Duration::from_secs(16));
    LoggedIn::from_reply(fixture.log_in("ada", PASSWORD, None).await);
    for _ in 0..3 {
        guess().await.is_problem(401, "BAD_CREDENTIALS");
    }
}

#[tokio::test]
async fn a_locked_account_can_be_recovered_by_its_owner() {
    let rules = AccessRules {
        lock_after: 5,
        ..AccessRules::default()
    };
    let policy = Policy {
        access: rules,
        ..Policy::default()
    };
    let fixture = Fixture::under(HttpSettings::default(), policy);
    let ada = fixture.newcomer("ada").await;
    for _ in 0..5 {
        let reply = fixture.log_in("ada", "not the password", None).await;
        reply.is_problem(401, "BAD_CREDENTIALS");
        fixture.clock.advance(Duration::from_secs(10));
    }
    let locked = fixture.log_in("ada", PASSWORD, None).await;
    locked.is_problem(429, "TOO_MANY_ATTEMPTS");
    let day = rules.lock_lasts.as_secs();
    assert_eq!(locked.headers["retry-after"], (day - 10).to_string());
    // Open sessions continue, and the mail has a link to reset the password.
    goes_on(&fixture, &ada).await;
    let mail = fixture.mail("ada", 2).await;
    assert!(
        mail.starts_with("Your account is locked for a while"),
        "{mail}"
    );
    let token = fixture.link("ada", 2).await;
    let body = json!({"token": token, "new_password": "another long password"});
    fixture
        .post_anonymously("/api/auth/password/reset", body)
        .await
        .good();
    LoggedIn::from_reply(fixture.log_in("ada", "another long password", None).await);
    is_over(&fixture, &ada).await;
    // Other accounts are not locked, and no mail goes to an address without an account.
    for _ in 0..6 {
        fixture.log_in("eve", "not the password", None).await;
        fixture.clock.advance(Duration::from_secs(10));
    }
    let locked = fixture.log_in("eve", "not the password", None).await;
    locked.is_problem(429, "TOO_MANY_ATTEMPTS");
    assert_eq!(fixture.mails_to("eve"), 0);
    LoggedIn::from_reply(fixture.log_in("ada", "another long password", None).await);
}

#[tokio::test]
async fn a_log_in_stores_no_reply() {
    let fixture = open();
    fixture.register("ada").await.good();
    let enter = async || {
        let request = Request::builder()
            .method(Method::POST)
            .uri("/api/auth/login")
            .header("idempotency-key", "1");
        let body = json!({"email": address("ada"), "password": PASSWORD});
        let reply = fixture.authored(request, None, body).await;
        assert!(!reply.is_replayed());
        LoggedIn::from_reply(reply)
    };
    let (first, second) = (enter().await, enter().await);
    assert_ne!(first.session, second.session);
    assert!(fixture.memory.tables().replies.is_empty());
}
