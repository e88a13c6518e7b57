//! Secrets: they are in the response that they are meant for, and in no other output.

#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests fail by panicking, as the tests do; not all of them are used in each"
)]

mod fixture;

use std::io::Write;

use axum::http::{Method, Request, Response};
use axum::middleware::map_response;
use fixture::Fixture;
use fixture::captured::Captured;
use fixture::login::{LoggedIn, PASSWORD, address};
use p2p_domain::Role;
use p2p_http::HttpSettings;
use serde_json::{Value, json};

const NEW_PASSWORD: &str = "another long password";

/// A market that records the headers of all responses.
fn watched(headers: &Captured) -> Fixture {
    let mut fixture = Fixture::open(HttpSettings::default());
    let headers = headers.clone();
    let keep = move |response: Response<axum::body::Body>| {
        let mut headers = headers.clone();
        async move {
            writeln!(headers, "{:?}", response.headers()).unwrap();
            response
        }
    };
    fixture.api = fixture.api.layer(map_response(keep));
    fixture
}

/// Uses all features of an account, correctly and incorrectly; returns all secrets that occurred.
async fn use_account(fixture: &Fixture) -> Vec<String> {
    let mut secrets = vec![PASSWORD.to_owned(), NEW_PASSWORD.to_owned()];
    let with_key = async |path: &str, body: Value| {
        let request = Request::builder().method(Method::POST).uri(path);
        let request = request.header("idempotency-key", "a-key");
        fixture.authored(request, None, body).await
    };
    let body = json!({"email": address("ada"), "name": "ada", "password": PASSWORD});
    with_key("/api/auth/register", body).await.good();
    let verify = fixture.link("ada", 1).await;
    let body = json!({"token": verify});
    with_key("/api/auth/verify-email", body).await.good();
    let body = json!({"email": address("ada"), "password": PASSWORD});
    let first = LoggedIn::from_reply(with_key("/api/auth/login", body).await);
    let body = json!({"refresh_token": first.refresh});
    let second = LoggedIn::from_reply(with_key("/api/auth/refresh", body.clone()).await);
    with_key("/api/auth/refresh", body).await;
    let third = LoggedIn::from_reply(fixture.log_in("ada", PASSWORD, None).await);
    let begun = fixture.enrol(&third.person).await.good();
    let (proved, recovery) = fixture.enrolled(&third).await;
    fixture.log_in("ada", PASSWORD, Some(&recovery[0])).await;
    fixture.log_in("ada", PASSWORD, Some(&recovery[0])).await;
    fixture.log_in("ada", NEW_PASSWORD, None).await;
    let path = "/api/auth/2fa/recovery-codes";
    fixture.post(&proved.person, path, Value::Null).await.good();
    let body = json!({"current_password": PASSWORD, "new_password": NEW_PASSWORD});
    let path = "/api/auth/password";
    fixture
        .post(&proved.person, path, body.clone())
        .await
        .good();
    fixture.post(&proved.person, path, body).await;
    let body = json!({"email": address("ada")});
    with_key("/api/auth/password/forgot", body).await.good();
    let reset = fixture.link("ada", 6).await;
    for _ in 0..2 {
        let body = json!({"token": reset, "new_password": PASSWORD});
        with_key("/api/auth/password/reset", body).await;
    }
    for session in [first, second, third, proved] {
        secrets.extend([session.person.token, session.refresh]);
    }
    secrets.extend(recovery);
    secrets.extend([verify, reset]);
    for member in ["secret", "uri", "qr_svg"] {
        secrets.push(begun[member].as_str().unwrap().to_owned());
    }
    secrets
}

#[tokio::test]
async fn no_secret_is_in_logs_headers_stored_replies_or_the_audit_log() {
    let (log, headers) = (Captured::default(), Captured::default());
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing_subscriber::filter::LevelFilter::TRACE)
        .with_writer(log.clone())
        .finish();
    let fixture = watched(&headers);
    let secrets = {
        let _guard = tracing_subscriber::util::SubscriberInitExt::set_default(subscriber);
        use_account(&fixture).await
    };
    let moderator = fixture.person("mod", [Role::Moderator]).await;
    let audit_log = fixture.get(&moderator, "/api/audit?limit=100").await;
    let tables = fixture.memory.tables();
    let places = [
        ("the log", log.text()),
        ("headers", headers.text()),
        ("replies", format!("{:?}", tables.replies)),
        ("outbox", format!("{:?}", tables.outbox)),
        ("audit log", audit_log.good().to_string()),
    ];
    // The captures are not empty.
    assert!(places[0].1.contains("answered") && places[0].1.contains("2fa/confirm"));
    assert!(places[1].1.contains("x-request-id"));
    assert!(places[2].1.contains("/api/auth/register"));
    assert!(places[4].1.contains("RECOVERY_CODE_USED"));
    assert!(secrets.len() > 20);
    for (place, text) in &places {
        for secret in &secrets {
            assert!(!text.contains(secret.as_str()), "{place}: {secret}");
        }
    }
    // Only the reply of the registration is stored.
    assert_eq!(tables.replies.len(), 1);
}

/// Problems describe an error without the content of the request.
#[tokio::test]
async fn problems_repeat_no_personal_data() {
    let fixture = Fixture::open(HttpSettings::default());
    let ada = fixture.newcomer("ada").await;
    for reply in [
        fixture.register("ada").await,
        fixture.log_in("ada", NEW_PASSWORD, None).await,
        fixture.log_in("unknown", NEW_PASSWORD, None).await,
        fixture.refresh(&ada.person.token).await,
        fixture.show(&ada.person, "123456").await,
        fixture.get(&ada.person, "/api/audit").await,
        fixture
            .post_anonymously("/api/auth/verify-email", json!({"token": ada.refresh}))
            .await,
        fixture
            .post_anonymously(
                "/api/auth/password/forgot",
                json!({"email": "ada at example.org"}),
            )
            .await,
    ] {
        assert!(!reply.status.is_success(), "{}", reply.text);
        for personal in ["ada", "example.org", "unknown@", NEW_PASSWORD, "123456"] {
            assert!(!reply.text.contains(personal), "{personal}: {}", reply.text);
        }
        for token in [&ada.person.token, &ada.refresh] {
            assert!(!reply.text.contains(token.as_str()), "{}", reply.text);
        }
    }
}
