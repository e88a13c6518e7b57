//! Accounts: registration, the verification of the address, and the password.

#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests fail by panicking, as the tests do; not all of them are used in each"
)]

mod fixture;

use axum::http::Request;
use fixture::login::{LoggedIn, PASSWORD, address};
use fixture::{Fixture, Reply};
use p2p_domain::policy::AccessRules;
use p2p_domain::user::Email;
use p2p_domain::{Policy, Role};
use p2p_http::HttpSettings;
use p2p_memory::{Point, WEAK_PASSWORD};
use serde_json::{Value, json};

const FORGOT: &str = "/api/auth/password/forgot";
const RESEND: &str = "/api/auth/verify-email/resend";

fn open() -> Fixture {
    Fixture::open(HttpSettings::default())
}

/// Asserts that the password in this field was refused as too weak.
#[track_caller]
fn is_weak(reply: &Reply, field: &str) {
    reply.is_problem(422, "WEAK_PASSWORD");
    assert_eq!(reply.body["errors"][0]["field"], field);
    assert!(!reply.text.contains(WEAK_PASSWORD), "{}", reply.text);
}

#[tokio::test]
async fn a_repeated_registration_sends_one_mail() {
    let fixture = open();
    let register = async || {
        let body = json!({"email": address("ada"), "name": "ada", "password": PASSWORD});
        let request = Request::post("/api/auth/register").header("idempotency-key", "1");
        fixture.authored(request, None, body).await
    };
    assert!(!register().await.is_replayed());
    assert!(register().await.is_replayed());
    fixture.register("ada").await.is_problem(409, "EMAIL_TAKEN");
    // The second mail is the one that was requested again.
    let body = json!({"email": address("ada")});
    assert_eq!(fixture.post_anonymously(RESEND, body).await.status, 202);
    let (first, second) = (fixture.mail("ada", 1).await, fixture.mail("ada", 2).await);
    assert!(first.contains("https://market.example/verify-email?token="));
    assert!(second.starts_with("Verify your e-mail address\nHello!\n"));
    assert_eq!(fixture.mails_to("ada"), 2);
    assert_eq!(
        fixture.memory.tables().users.len(),
        1,
        "{:?}",
        fixture.memory.tables().users
    );
}

#[tokio::test]
async fn a_name_must_be_one_line() {
    let fixture = open();
    let admin = fixture.person("admin", [Role::Admin]).await;
    let name = "You won.\n\nhttps://evil.example";
    let body = json!({"email": address("ada"), "name": name, "password": PASSWORD});
    let opened = fixture.post_anonymously("/api/auth/register", body).await;
    let body = json!({"email": address("ada"), "name": name});
    let given = fixture.post(&admin, "/api/users", body).await;
    for reply in [opened, given] {
        reply.is_problem(422, "VALIDATION_FAILED");
        assert_eq!(reply.body["errors"][0]["field"], "name");
        assert_eq!(reply.body["errors"][0]["code"], "INVALID_CHARACTER");
    }
    assert_eq!(fixture.mails_to("ada"), 0);
}

#[tokio::test]
async fn a_password_change_is_confirmed_by_mail_even_if_the_client_disconnects() {
    let fixture = open();
    let ada = fixture.newcomer("ada").await;
    fixture.mail("ada", 1).await;
    let gate = fixture.memory.faults().hold(Point::Commit);
    let body = json!({"current_password": PASSWORD, "new_password": "another long password"});
    let mut request = Box::pin(fixture.post(&ada.person, "/api/auth/password", body));
    // Runs the request until it waits at the commit.
    for _ in 0..1_000 {
        assert!(futures::poll!(&mut request).is_pending());
        tokio::task::yield_now().await;
    }
    drop(request);
    drop(gate);
    let mail = fixture.mail("ada", 2).await;
    assert!(mail.starts_with("Your password was changed"), "{mail}");
}

#[tokio::test]
async fn a_password_that_is_easily_guessed_opens_no_account() {
    let fixture = open();
    let admin = fixture.person("admin", [Role::Admin]).await;
    let body = json!({"email": address("ada"), "name": "Ada", "password": WEAK_PASSWORD});
    is_weak(
        &fixture
            .post_anonymously("/api/auth/register", body.clone())
            .await,
        "password",
    );
    is_weak(&fixture.post(&admin, "/api/users", body).await, "password");
    let body = json!({"email": address("ada"), "name": "Ada", "password": "short"});
    let short = fixture.post_anonymously("/api/auth/register", body).await;
    short.is_problem(422, "VALIDATION_FAILED");
    let found = fixture.memory.tables().users.into_values();
    assert!(
        found
            .map(|user| user.email)
            .all(|one| one != Email::new(&address("ada")))
    );
}

#[tokio::test]
async fn a_link_works_for_its_own_purpose_only() {
    let fixture = open();
    fixture.register("ada").await.good();
    let verify = fixture.link("ada", 1).await;
    fixture
        .post_anonymously(FORGOT, json!({"email": address("ada")}))
        .await
        .good();
    let reset = fixture.link("ada", 2).await;
    for token in [&reset, "nonsense"] {
        let body = json!({"token": token});
        let reply = fixture
            .post_anonymously("/api/auth/verify-email", body)
            .await;
        reply.is_problem(422, "LINK_SPENT");
        assert_eq!(reply.body["errors"][0]["field"], "token");
    }
    for token in [&verify, "nonsense"] {
        let body = json!({"token": token, "new_password": "another long password"});
        let reply = fixture
            .post_anonymously("/api/auth/password/reset", body)
            .await;
        reply.is_problem(422, "LINK_SPENT");
    }
    // Access and refresh tokens are not accepted as links, nor links as tokens.
    let entered = LoggedIn::from_reply(fixture.log_in("ada", PASSWORD, None).await);
    for token in [&entered.person.token, &entered.refresh] {
        let body = json!({"token": token});
        let reply = fixture
            .post_anonymously("/api/auth/verify-email", body)
            .await;
        reply.is_problem(422, "LINK_SPENT");
    }
    for token in [&verify, &reset, &entered.person.token] {
        fixture.refresh(token).await.is_problem(401, "SESSION_OVER");
    }
    let body = json!({"token": verify});
    assert_eq!(
        fixture
            .post_anonymously("/api/auth/verify-email", body)
            .await
            .status,
        204
    );
}

#[tokio::test]
async fn a_reset_proves_that_mail_arrives_and_needs_a_good_password() {
    let fixture = open();
    let ada = fixture.newcomer("ada").await;
    let body = json!({"email": address("ADA").to_uppercase()});
    fixture.post_anonymously(FORGOT, body).await.good();
    let token = fixture.link("ada", 2).await;
    let weak = json!({"token": token, "new_password": WEAK_PASSWORD});
    is_weak(
        &fixture
            .post_anonymously("/api/auth/password/reset", weak)
            .await,
        "new_password",
    );
    fixture.get(&ada.person, "/api/users/me").await.good();
    let body = json!({"token": token, "new_password": "another long password"});
    let reply = fixture
        .post_anonymously("/api/auth/password/reset", body)
        .await;
    assert_eq!((reply.status.as_u16(), reply.text.as_str()), (204, ""));
    let ada = LoggedIn::from_reply(fixture.log_in("ada", "another long password", None).await);
    let me = fixture.get(&ada.person, "/api/users/me").await.good();
    assert_eq!(me["email_verified"], true);
}

/// Replies about an address do not reveal whether it has an account.
#[tokio::test]
async fn unknown_addresses_get_the_same_replies_as_known_ones() {
    let fixture = open();
    fixture.register("ada").await.good();
    let token = fixture.link("ada", 1).await;
    fixture
        .post_anonymously("/api/auth/verify-email", json!({"token": token}))
        .await
        .good();
    fixture.register("bob").await.good();
    let send = async |path: &str, body: Value| {
        let request = Request::post(path).header("x-request-id", "the-same");
        fixture.authored(request, None, body).await
    };
    for path in [FORGOT, RESEND] {
        // Verified, not verified, and unknown.
        let [ada, bob, eve] = ["ada", "bob", "eve"].map(|name| json!({"email": address(name)}));
        let known = send(path, ada).await;
        for other in [bob, eve] {
            let other = send(path, other).await;
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
        let before = fixture.passwords.verified();
        let body = json!({"email": address(name), "password": "not the password"});
        for _ in 0..3 {
            let reply = send("/api/auth/login", body.clone()).await;
            reply.is_problem(401, "BAD_CREDENTIALS");
            answers.push((reply.status, reply.headers, reply.text));
        }
        assert_eq!(fixture.passwords.verified() - before, 3, "{name}");
        // Log-in is throttled for both.
        let closed = send("/api/auth/login", body).await;
        closed.is_problem(429, "TOO_MANY_ATTEMPTS");
        answers.push((closed.status, closed.headers, closed.text));
        assert_eq!(fixture.passwords.verified() - before, 3, "{name}");
    }
    let (known, unknown) = answers.split_at(4);
    assert_eq!(known, unknown);
}

#[tokio::test]
async fn a_password_change_needs_the_old_password() {
    let fixture = open();
    let ada = fixture.newcomer("ada").await;
    let change = async |old: &str, new: &str| {
        let body = json!({"current_password": old, "new_password": new});
        fixture.post(&ada.person, "/api/auth/password", body).await
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
    fixture.log_in("ada", PASSWORD, None).await.good();
    fixture.clock.advance(std::time::Duration::from_secs(1));
    let changed = change(PASSWORD, "another long password").await;
    assert_eq!((changed.status.as_u16(), changed.text.as_str()), (204, ""));
    assert!(
        fixture
            .mail("ada", 2)
            .await
            .starts_with("Your password was changed")
    );
}

#[tokio::test]
async fn an_operator_may_require_a_verified_address() {
    let access = AccessRules {
        verified_email: true,
        ..AccessRules::default()
    };
    let policy = Policy {
        access,
        ..Policy::default()
    };
    let fixture = Fixture::under(HttpSettings::default(), policy);
    fixture.register("ada").await.good();
    fixture
        .log_in("ada", "not the password", None)
        .await
        .is_problem(401, "BAD_CREDENTIALS");
    let reply = fixture.log_in("ada", PASSWORD, None).await;
    reply.is_problem(403, "EMAIL_NOT_VERIFIED");
    assert!(!reply.text.contains("example.org"), "{}", reply.text);
    // The refused log-in has sent a second verification mail.
    let token = fixture.link("ada", 2).await;
    fixture
        .post_anonymously("/api/auth/verify-email", json!({"token": token}))
        .await
        .good();
    LoggedIn::from_reply(fixture.log_in("ada", PASSWORD, None).await);
}

#[tokio::test]
async fn only_administrators_see_how_an_account_is_protected() {
    let fixture = open();
    let admin = fixture.person("admin", [Role::Admin]).await;
    let ada = fixture.newcomer("ada").await;
    let path = format!("/api/users/{}", ada.person.id);
    let seen = fixture.get(&admin, &path).await.good();
    assert_eq!(
        (&seen["email_verified"], &seen["second_factor"]),
        (&json!(false), &json!(false))
    );
    fixture.enrolled(&ada).await;
    assert_eq!(
        fixture.get(&admin, &path).await.good()["second_factor"],
        true
    );
    let bob = fixture.newcomer("bob").await;
    fixture
        .get(&bob.person, &path)
        .await
        .is_problem(403, "ROLE_REQUIRED");
}
