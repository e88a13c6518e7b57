//! The life of an account, from its registration to the reset of a forgotten password.

#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests fail by panicking, as the tests do; not all of them are used in each"
)]

mod fixture;

use std::time::Duration;

use axum::http::Method;
use fixture::login::{LoggedIn, PASSWORD, address};
use fixture::{Fixture, Person, Reply};
use p2p_domain::Role;
use p2p_http::HttpSettings;
use serde_json::{Value, json};

const DEPOSIT: &str = "/api/billing/deposit";

/// An administrator's deposit into the wallet of `to`.
async fn deposit(fixture: &Fixture, admin: &Person, to: &Person, key: &str) -> Reply {
    let body = json!({"user_id": to.id.to_string(), "amount": "5", "asset": "RUB"});
    fixture.keyed(admin, DEPOSIT, key, body).await
}

/// Asserts that the token no longer works.
async fn is_over(fixture: &Fixture, person: &Person) {
    let reply = fixture.get(person, "/api/users/me").await;
    reply.is_problem(401, "SESSION_OVER");
    let challenge = &reply.headers["www-authenticate"];
    assert_eq!(challenge, "Bearer error=\"invalid_token\"");
}

#[tokio::test]
async fn from_registration_to_a_new_password() {
    let fixture = Fixture::open(HttpSettings::default());

    // Registered, and the address verified.
    assert_eq!(fixture.register("ada").await.status, 201);
    let token = fixture.link("ada", 1).await;
    let first = LoggedIn::from_reply(fixture.log_in("ada", PASSWORD, None).await);
    let me = async |person: &Person| fixture.get(person, "/api/users/me").await.good();
    assert_eq!(me(&first.person).await["email_verified"], false);
    let verify = async || {
        let body = json!({"token": token});
        fixture
            .post_anonymously("/api/auth/verify-email", body)
            .await
            .status
    };
    assert_eq!(verify().await, 204);
    assert_eq!(verify().await, 204, "a repeat succeeds without effect");
    let seen = me(&first.person).await;
    assert_eq!(
        (&seen["email_verified"], &seen["second_factor"]),
        (&json!(true), &json!(false))
    );

    // A refresh token works once: its second use ends the session with all its tokens.
    let second = LoggedIn::from_reply(fixture.refresh(&first.refresh).await);
    assert_eq!(second.session, first.session);
    me(&second.person).await;
    let copied = fixture.refresh(&first.refresh).await;
    copied.is_problem(401, "SESSION_OVER");
    is_over(&fixture, &first.person).await;
    is_over(&fixture, &second.person).await;
    let next = fixture.refresh(&second.refresh).await;
    next.is_problem(401, "SESSION_OVER");

    // A second factor.
    let plain = LoggedIn::from_reply(fixture.log_in("ada", PASSWORD, None).await);
    let begun = fixture.enrol(&plain.person).await.good();
    for member in ["secret", "uri", "qr_svg"] {
        assert_ne!(begun[member].as_str().unwrap(), "", "{member}");
    }
    assert_eq!(me(&plain.person).await["second_factor"], false);
    let (proved, recovery) = fixture.enrolled(&plain).await;
    assert_eq!(recovery.len(), 10);
    assert_eq!(me(&proved.person).await["second_factor"], true);

    // After the log-out a log-in needs a code, and each code works once.
    let path = "/api/auth/logout";
    assert_eq!(
        fixture.post(&proved.person, path, Value::Null).await.status,
        204
    );
    is_over(&fixture, &proved.person).await;
    fixture
        .log_in("ada", PASSWORD, None)
        .await
        .is_problem(401, "SECOND_FACTOR_REQUIRED");
    let code = fixture.next_code();
    let entered = LoggedIn::from_reply(fixture.log_in("ada", PASSWORD, Some(&code)).await);
    fixture
        .log_in("ada", PASSWORD, Some(&code))
        .await
        .is_problem(401, "SECOND_FACTOR_WRONG");
    let by_recovery =
        LoggedIn::from_reply(fixture.log_in("ada", PASSWORD, Some(&recovery[3])).await);
    fixture
        .log_in("ada", PASSWORD, Some(&recovery[3]))
        .await
        .is_problem(401, "SECOND_FACTOR_WRONG");

    // As an administrator: the second factor counts for ten minutes.
    fixture.appoint(&entered.person, [Role::Admin]).await;
    let other = fixture.person("other", [Role::Customer]).await;
    assert_eq!(
        deposit(&fixture, &entered.person, &other, "1").await.status,
        201
    );
    fixture.clock.advance(Duration::from_secs(10 * 60));
    let late = deposit(&fixture, &entered.person, &other, "2").await;
    late.is_problem(401, "SECOND_FACTOR_REQUIRED");
    assert_eq!(
        late.headers["www-authenticate"],
        "Bearer error=\"insufficient_user_authentication\", max_age=600"
    );
    let again = entered.with(fixture.show(&entered.person, &fixture.code()).await);
    assert_eq!(again.session, entered.session);
    let done = deposit(&fixture, &again.person, &other, "2").await;
    assert_eq!((done.status.as_u16(), done.is_replayed()), (201, false));
    assert_eq!(
        deposit(&fixture, &entered.person, &other, "3").await.status,
        401,
        "the proof belongs to the token"
    );

    // A changed password ends all other sessions.
    let words = "another long password";
    let body = json!({"current_password": PASSWORD, "new_password": words});
    let path = "/api/auth/password";
    assert_eq!(fixture.post(&again.person, path, body).await.status, 204);
    me(&again.person).await;
    is_over(&fixture, &by_recovery.person).await;
    let code = fixture.next_code();
    let with_old = fixture.log_in("ada", PASSWORD, Some(&code)).await;
    with_old.is_problem(401, "BAD_CREDENTIALS");

    // A forgotten password is reset by a link that works once.
    let body = json!({"email": address("ada")});
    let forgot = fixture
        .post_anonymously("/api/auth/password/forgot", body)
        .await;
    assert_eq!((forgot.status.as_u16(), forgot.text.as_str()), (202, ""));
    // After four mails: verification, second factor, recovery code, changed password.
    let token = fixture.link("ada", 5).await;
    let reset = async |words: &str| {
        let body = json!({"token": token, "new_password": words});
        fixture
            .post_anonymously("/api/auth/password/reset", body)
            .await
    };
    assert_eq!(reset("a third long password").await.status, 204);
    reset("a fourth long password")
        .await
        .is_problem(422, "LINK_SPENT");
    is_over(&fixture, &again.person).await;
    let code = fixture.next_code();
    let last = fixture.log_in("ada", "a third long password", Some(&code));
    let last = LoggedIn::from_reply(last.await);
    let open = fixture
        .call(
            Some(&last.person),
            Method::GET,
            "/api/auth/sessions",
            Value::Null,
        )
        .await;
    assert_eq!(open.good()["items"].as_array().unwrap().len(), 1);
}
