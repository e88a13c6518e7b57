//! Accounts: registration, the verification of the address, and the password.

#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests fail by panicking, as the tests do; not all of them are used in each"
)]

mod scene;

use axum::http::Request;
use p2p_domain::policy::AccessRules;
use p2p_domain::user::Email;
use p2p_domain::{Policy, Role};
use p2p_http::HttpSettings;
use p2p_memory::{Point, WEAK_PASSWORD};
use scene::entrance::{Entered, PASSWORD, address};
use scene::{Reply, Scene};
use serde_json::{Value, json};

const FORGOT: &str = "/api/auth/password/forgot";
const RESEND: &str = "/api/auth/verify-email/resend";

fn open() -> Scene {
    Scene::open(HttpSettings::default())
}

/// Asserts that the password in this field was refused as too weak.
#[track_caller]
fn is_weak(reply: &Reply, field: &str) {
    reply.is_problem(422, "WEAK_PASSWORD");
    assert_eq!(reply.body["errors"][0]["field"], field);
    assert!(!reply.text.contains(WEAK_PASSWORD), "{}", reply.text);
}

#[tokio::test]
async fn whoever_registers_gets_one_mail_however_often_it_is_sent() {
    let scene = open();
    let register = async || {
        let body = json!({"email": address("ada"), "name": "ada", "password": PASSWORD});
        let request = Request::post("/api/auth/register").header("idempotency-key", "1");
        scene.authored(request, None, body).await
    };
    assert!(!register().await.is_replayed());
    assert!(register().await.is_replayed());
    scene.register("ada").await.is_problem(409, "EMAIL_TAKEN");
    // The second mail is the one that was requested again.
    let body = json!({"email": address("ada")});
    assert_eq!(scene.ask(RESEND, body).await.status, 202);
    let (first, second) = (scene.letter("ada", 1).await, scene.letter("ada", 2).await);
    assert!(first.contains("https://market.example/verify-email?token="));
    assert!(second.starts_with("Verify your e-mail address\nHello!\n"));
    assert_eq!(scene.letters_to("ada"), 2);
    assert_eq!(
        scene.memory.tables().users.len(),
        1,
        "{:?}",
        scene.memory.tables().users
    );
}

#[tokio::test]
async fn a_name_has_one_line() {
    let scene = open();
    let admin = scene.person("admin", [Role::Admin]).await;
    let name = "You won.\n\nhttps://evil.example";
    let body = json!({"email": address("ada"), "name": name, "password": PASSWORD});
    let opened = scene.ask("/api/auth/register", body).await;
    let body = json!({"email": address("ada"), "name": name});
    let given = scene.post(&admin, "/api/users", body).await;
    for reply in [opened, given] {
        reply.is_problem(422, "VALIDATION_FAILED");
        assert_eq!(reply.body["errors"][0]["field"], "name");
        assert_eq!(reply.body["errors"][0]["code"], "INVALID_CHARACTER");
    }
    assert_eq!(scene.letters_to("ada"), 0);
}

#[tokio::test]
async fn who_hangs_up_while_a_password_is_changed_is_told_of_it_all_the_same() {
    let scene = open();
    let ada = scene.newcomer("ada").await;
    scene.letter("ada", 1).await;
    let gate = scene.memory.faults().hold(Point::Commit);
    let body = json!({"current_password": PASSWORD, "new_password": "another long password"});
    let mut request = Box::pin(scene.post(&ada.person, "/api/auth/password", body));
    // Runs the request until it waits at the commit.
    for _ in 0..1_000 {
        assert!(futures::poll!(&mut request).is_pending());
        tokio::task::yield_now().await;
    }
    drop(request);
    drop(gate);
    let letter = scene.letter("ada", 2).await;
    assert!(letter.starts_with("Your password was changed"), "{letter}");
}

#[tokio::test]
async fn a_password_that_is_easily_guessed_opens_no_account() {
    let scene = open();
    let admin = scene.person("admin", [Role::Admin]).await;
    let body = json!({"email": address("ada"), "name": "Ada", "password": WEAK_PASSWORD});
    is_weak(
        &scene.ask("/api/auth/register", body.clone()).await,
        "password",
    );
    is_weak(&scene.post(&admin, "/api/users", body).await, "password");
    let body = json!({"email": address("ada"), "name": "Ada", "password": "short"});
    let short = scene.ask("/api/auth/register", body).await;
    short.is_problem(422, "VALIDATION_FAILED");
    let found = scene.memory.tables().users.into_values();
    assert!(
        found
            .map(|user| user.email)
            .all(|one| one != Email::new(&address("ada")))
    );
}

#[tokio::test]
async fn a_link_is_good_for_what_it_was_made_for_and_for_nothing_else() {
    let scene = open();
    scene.register("ada").await.good();
    let verify = scene.link("ada", 1).await;
    scene
        .ask(FORGOT, json!({"email": address("ada")}))
        .await
        .good();
    let reset = scene.link("ada", 2).await;
    for token in [&reset, "nonsense"] {
        let body = json!({"token": token});
        let reply = scene.ask("/api/auth/verify-email", body).await;
        reply.is_problem(422, "LINK_SPENT");
        assert_eq!(reply.body["errors"][0]["field"], "token");
    }
    for token in [&verify, "nonsense"] {
        let body = json!({"token": token, "new_password": "another long password"});
        let reply = scene.ask("/api/auth/password/reset", body).await;
        reply.is_problem(422, "LINK_SPENT");
    }
    // Access and refresh tokens are not accepted as links, nor links as tokens.
    let entered = Entered::by(scene.log_in("ada", PASSWORD, None).await);
    for token in [&entered.person.token, &entered.refresh] {
        let body = json!({"token": token});
        let reply = scene.ask("/api/auth/verify-email", body).await;
        reply.is_problem(422, "LINK_SPENT");
    }
    for token in [&verify, &reset, &entered.person.token] {
        scene.refresh(token).await.is_problem(401, "SESSION_OVER");
    }
    let body = json!({"token": verify});
    assert_eq!(scene.ask("/api/auth/verify-email", body).await.status, 204);
}

#[tokio::test]
async fn a_reset_proves_that_mail_arrives_and_needs_a_good_password() {
    let scene = open();
    let ada = scene.newcomer("ada").await;
    let body = json!({"email": address("ADA").to_uppercase()});
    scene.ask(FORGOT, body).await.good();
    let token = scene.link("ada", 2).await;
    let weak = json!({"token": token, "new_password": WEAK_PASSWORD});
    is_weak(
        &scene.ask("/api/auth/password/reset", weak).await,
        "new_password",
    );
    scene.get(&ada.person, "/api/users/me").await.good();
    let body = json!({"token": token, "new_password": "another long password"});
    let reply = scene.ask("/api/auth/password/reset", body).await;
    assert_eq!((reply.status.as_u16(), reply.text.as_str()), (204, ""));
    let ada = Entered::by(scene.log_in("ada", "another long password", None).await);
    let me = scene.get(&ada.person, "/api/users/me").await.good();
    assert_eq!(me["email_verified"], true);
}

/// Replies about an address do not reveal whether it has an account.
#[tokio::test]
async fn unknown_addresses_are_answered_like_known_ones() {
    let scene = open();
    scene.register("ada").await.good();
    let token = scene.link("ada", 1).await;
    scene
        .ask("/api/auth/verify-email", json!({"token": token}))
        .await
        .good();
    scene.register("bob").await.good();
    let ask = async |path: &str, body: Value| {
        let request = Request::post(path).header("x-request-id", "the-same");
        scene.authored(request, None, body).await
    };
    for path in [FORGOT, RESEND] {
        // Verified, not verified, and unknown.
        let [ada, bob, eve] = ["ada", "bob", "eve"].map(|name| json!({"email": address(name)}));
        let known = ask(path, ada).await;
        for other in [bob, eve] {
            let other = ask(path, other).await;
            assert_eq!(known.status, 202);
            assert_eq!(
                (known.status, &known.headers, &known.text),
                (other.status, &other.headers, &other.text)
            );
        }
    }
    // A wrong password and an unknown address get the same bytes after the same work.
    let mut answers = Vec::new();
    for name in ["ada", "eve"] {
        let before = scene.passwords.verified();
        let body = json!({"email": address(name), "password": "not the password"});
        for _ in 0..3 {
            let reply = ask("/api/auth/login", body.clone()).await;
            reply.is_problem(401, "BAD_CREDENTIALS");
            answers.push((reply.status, reply.headers, reply.text));
        }
        assert_eq!(scene.passwords.verified() - before, 3, "{name}");
        // Log-in is throttled for both.
        let closed = ask("/api/auth/login", body).await;
        closed.is_problem(429, "TOO_MANY_ATTEMPTS");
        answers.push((closed.status, closed.headers, closed.text));
        assert_eq!(scene.passwords.verified() - before, 3, "{name}");
    }
    let (known, unknown) = answers.split_at(4);
    assert_eq!(known, unknown);
}

#[tokio::test]
async fn nobody_changes_a_password_without_the_old_one() {
    let scene = open();
    let ada = scene.newcomer("ada").await;
    let change = async |old: &str, new: &str| {
        let body = json!({"current_password": old, "new_password": new});
        scene.post(&ada.person, "/api/auth/password", body).await
    };
    is_weak(&change(PASSWORD, WEAK_PASSWORD).await, "new_password");
    change("not the password", "another long password")
        .await
        .is_problem(401, "BAD_CREDENTIALS");
    change(PASSWORD, "short")
        .await
        .is_problem(422, "VALIDATION_FAILED");
    // These guesses are counted separately from failed log-ins, which strangers cause too.
    for _ in 0..2 {
        change("not the password", "another long password").await;
    }
    change(PASSWORD, "another long password")
        .await
        .is_problem(429, "TOO_MANY_ATTEMPTS");
    scene.log_in("ada", PASSWORD, None).await.good();
    scene.clock.advance(std::time::Duration::from_secs(1));
    let changed = change(PASSWORD, "another long password").await;
    assert_eq!((changed.status.as_u16(), changed.text.as_str()), (204, ""));
    assert!(
        scene
            .letter("ada", 2)
            .await
            .starts_with("Your password was changed")
    );
}

#[tokio::test]
async fn an_operator_may_ask_for_a_verified_address_first() {
    let access = AccessRules {
        verified_email: true,
        ..AccessRules::default()
    };
    let policy = Policy {
        access,
        ..Policy::default()
    };
    let scene = Scene::under(HttpSettings::default(), policy);
    scene.register("ada").await.good();
    scene
        .log_in("ada", "not the password", None)
        .await
        .is_problem(401, "BAD_CREDENTIALS");
    let reply = scene.log_in("ada", PASSWORD, None).await;
    reply.is_problem(403, "EMAIL_NOT_VERIFIED");
    assert!(!reply.text.contains("example.org"), "{}", reply.text);
    // The refused log-in has sent a second verification mail.
    let token = scene.link("ada", 2).await;
    scene
        .ask("/api/auth/verify-email", json!({"token": token}))
        .await
        .good();
    Entered::by(scene.log_in("ada", PASSWORD, None).await);
}

#[tokio::test]
async fn administrators_see_what_protects_an_account_and_others_do_not() {
    let scene = open();
    let admin = scene.person("admin", [Role::Admin]).await;
    let ada = scene.newcomer("ada").await;
    let path = format!("/api/users/{}", ada.person.id);
    let seen = scene.get(&admin, &path).await.good();
    assert_eq!(
        (&seen["email_verified"], &seen["second_factor"]),
        (&json!(false), &json!(false))
    );
    scene.enrolled(&ada).await;
    assert_eq!(scene.get(&admin, &path).await.good()["second_factor"], true);
    let bob = scene.newcomer("bob").await;
    scene
        .get(&bob.person, &path)
        .await
        .is_problem(403, "ROLE_REQUIRED");
}
