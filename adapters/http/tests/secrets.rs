//! Secrets: they are in the response that they are meant for, and in no other output.

#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests fail by panicking, as the tests do; not all of them are used in each"
)]

mod scene;

use std::io::Write;

use axum::http::{Method, Request, Response};
use axum::middleware::map_response;
use p2p_domain::Role;
use p2p_http::HttpSettings;
use scene::Scene;
use scene::entrance::{Entered, PASSWORD, address};
use scene::kept::Kept;
use serde_json::{Value, json};

const WORDS: &str = "another long password";

/// A market that records the headers of all responses.
fn watched(headers: &Kept) -> Scene {
    let mut scene = Scene::open(HttpSettings::default());
    let headers = headers.clone();
    let keep = move |response: Response<axum::body::Body>| {
        let mut headers = headers.clone();
        async move {
            writeln!(headers, "{:?}", response.headers()).unwrap();
            response
        }
    };
    scene.api = scene.api.layer(map_response(keep));
    scene
}

/// Uses all features of an account, correctly and incorrectly; returns all secrets that occurred.
async fn live(scene: &Scene) -> Vec<String> {
    let mut secrets = vec![PASSWORD.to_owned(), WORDS.to_owned()];
    let with_key = async |path: &str, body: Value| {
        let request = Request::builder().method(Method::POST).uri(path);
        let request = request.header("idempotency-key", "a-key");
        scene.authored(request, None, body).await
    };
    let body = json!({"email": address("ada"), "name": "ada", "password": PASSWORD});
    with_key("/api/auth/register", body).await.good();
    let verify = scene.link("ada", 1).await;
    let body = json!({"token": verify});
    with_key("/api/auth/verify-email", body).await.good();
    let body = json!({"email": address("ada"), "password": PASSWORD});
    let first = Entered::by(with_key("/api/auth/login", body).await);
    let body = json!({"refresh_token": first.refresh});
    let second = Entered::by(with_key("/api/auth/refresh", body.clone()).await);
    with_key("/api/auth/refresh", body).await;
    let third = Entered::by(scene.log_in("ada", PASSWORD, None).await);
    let begun = scene.enrol(&third.person).await.good();
    let (proved, recovery) = scene.enrolled(&third).await;
    scene.log_in("ada", PASSWORD, Some(&recovery[0])).await;
    scene.log_in("ada", PASSWORD, Some(&recovery[0])).await;
    scene.log_in("ada", WORDS, None).await;
    let path = "/api/auth/2fa/recovery-codes";
    scene.post(&proved.person, path, Value::Null).await.good();
    let body = json!({"current_password": PASSWORD, "new_password": WORDS});
    let path = "/api/auth/password";
    scene.post(&proved.person, path, body.clone()).await.good();
    scene.post(&proved.person, path, body).await;
    let body = json!({"email": address("ada")});
    with_key("/api/auth/password/forgot", body).await.good();
    let reset = scene.link("ada", 6).await;
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
async fn no_secret_is_in_a_log_a_header_a_reply_that_is_kept_or_the_trail() {
    let (log, headers) = (Kept::default(), Kept::default());
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing_subscriber::filter::LevelFilter::TRACE)
        .with_writer(log.clone())
        .finish();
    let scene = watched(&headers);
    let secrets = {
        let _guard = tracing_subscriber::util::SubscriberInitExt::set_default(subscriber);
        live(&scene).await
    };
    let moderator = scene.person("mod", [Role::Moderator]).await;
    let trail = scene.get(&moderator, "/api/audit?limit=100").await;
    let tables = scene.memory.tables();
    let places = [
        ("the log", log.text()),
        ("headers", headers.text()),
        ("replies", format!("{:?}", tables.replies)),
        ("outbox", format!("{:?}", tables.outbox)),
        ("audit log", trail.good().to_string()),
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
async fn problems_repeat_nothing_personal() {
    let scene = Scene::open(HttpSettings::default());
    let ada = scene.newcomer("ada").await;
    for reply in [
        scene.register("ada").await,
        scene.log_in("ada", WORDS, None).await,
        scene.log_in("unknown", WORDS, None).await,
        scene.refresh(&ada.person.token).await,
        scene.show(&ada.person, "123456").await,
        scene.get(&ada.person, "/api/audit").await,
        scene
            .ask("/api/auth/verify-email", json!({"token": ada.refresh}))
            .await,
        scene
            .ask(
                "/api/auth/password/forgot",
                json!({"email": "ada at example.org"}),
            )
            .await,
    ] {
        assert!(!reply.status.is_success(), "{}", reply.text);
        for personal in ["ada", "example.org", "unknown@", WORDS, "123456"] {
            assert!(!reply.text.contains(personal), "{personal}: {}", reply.text);
        }
        for token in [&ada.person.token, &ada.refresh] {
            assert!(!reply.text.contains(token.as_str()), "{}", reply.text);
        }
    }
}
