//! The second factor: its enrolment, its lifetime, and the operations that require it.

#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests fail by panicking, as the tests do; not all of them are used in each"
)]

mod fixture;

use std::collections::BTreeSet;
use std::time::Duration;

use axum::http::{Method, Request};
use fixture::login::{LoggedIn, PASSWORD};
use fixture::{Fixture, Person};
use p2p_domain::policy::AccessRules;
use p2p_domain::{AccountKey, Asset, Policy, Role, Roles, UserId};
use p2p_http::HttpSettings;
use serde_json::{Value, json};

const CONFIRM: &str = "/api/auth/2fa/confirm";
const RECOVERY: &str = "/api/auth/2fa/recovery-codes";
const OWN_FACTOR: &str = "/api/auth/2fa";

fn open() -> Fixture {
    Fixture::open(HttpSettings::default())
}

/// Advances the clock until the second factor must be presented again.
fn later(fixture: &Fixture) {
    let lasts = AccessRules::default().proof_lasts;
    fixture.clock.advance(lasts);
}

#[tokio::test]
async fn the_first_code_activates_the_factor_and_ends_all_other_sessions() {
    let fixture = open();
    let ada = fixture.newcomer("ada").await;
    let other = LoggedIn::from_reply(fixture.log_in("ada", PASSWORD, None).await);
    let code = json!({"code": "000000"});
    fixture
        .post(&ada.person, CONFIRM, code.clone())
        .await
        .is_problem(409, "SECOND_FACTOR_NOT_ENROLLED");
    fixture
        .show(&ada.person, "000000")
        .await
        .is_problem(409, "SECOND_FACTOR_NOT_ENROLLED");
    let body = json!({"password": "not the password"});
    let wrong = fixture
        .post(&ada.person, "/api/auth/2fa/enroll", body)
        .await;
    wrong.is_problem(401, "BAD_CREDENTIALS");
    fixture.enrol(&ada.person).await.good();
    let still = LoggedIn::from_reply(fixture.log_in("ada", PASSWORD, None).await);
    fixture
        .post(&ada.person, CONFIRM, code)
        .await
        .is_problem(401, "SECOND_FACTOR_WRONG");
    let (proved, recovery) = fixture.enrolled(&ada).await;
    assert_eq!(proved.session, ada.session);
    assert_eq!(recovery.iter().collect::<BTreeSet<_>>().len(), 10);
    for ended in [&other, &still] {
        fixture
            .get(&ended.person, "/api/wallet")
            .await
            .is_problem(401, "SESSION_OVER");
    }
    fixture
        .enrol(&proved.person)
        .await
        .is_problem(409, "SECOND_FACTOR_ACTIVE");
    let again = json!({"code": fixture.next_code()});
    fixture
        .post(&proved.person, CONFIRM, again)
        .await
        .is_problem(409, "SECOND_FACTOR_ACTIVE");
}

#[tokio::test]
async fn each_code_is_accepted_once_in_all_places() {
    let fixture = open();
    let ada = fixture.newcomer("ada").await;
    fixture.enrol(&ada.person).await.good();
    let code = fixture.next_code();
    let body = json!({"code": code});
    let proved = ada.with(fixture.post(&ada.person, CONFIRM, body).await);
    // The code of the confirmation is used up, as are all before it.
    fixture
        .show(&proved.person, &code)
        .await
        .is_problem(401, "SECOND_FACTOR_WRONG");
    let code = fixture.next_code();
    proved.with(fixture.show(&proved.person, &code).await);
    fixture
        .log_in("ada", PASSWORD, Some(&code))
        .await
        .is_problem(401, "SECOND_FACTOR_WRONG");
    let code = fixture.next_code();
    LoggedIn::from_reply(fixture.log_in("ada", PASSWORD, Some(&code)).await);
    fixture
        .show(&proved.person, &code)
        .await
        .is_problem(401, "SECOND_FACTOR_WRONG");
}

#[tokio::test]
async fn the_password_is_checked_before_the_code() {
    let fixture = open();
    let ada = fixture.newcomer("ada").await;
    fixture.enrolled(&ada).await;
    let code = fixture.next_code();
    for given in [None, Some(code.as_str())] {
        let reply = fixture.log_in("ada", "not the password", given).await;
        reply.is_problem(401, "BAD_CREDENTIALS");
    }
    let missing = fixture.log_in("ada", PASSWORD, None).await;
    missing.is_problem(401, "SECOND_FACTOR_REQUIRED");
    // The refused log-ins have not used the code up.
    LoggedIn::from_reply(fixture.log_in("ada", PASSWORD, Some(&code)).await);
}

#[tokio::test]
async fn guessed_codes_are_throttled_like_guessed_passwords() {
    let fixture = open();
    let ada = fixture.newcomer("ada").await;
    let (proved, _) = fixture.enrolled(&ada).await;
    for _ in 0..2 {
        let reply = fixture.show(&proved.person, "000000").await;
        reply.is_problem(401, "SECOND_FACTOR_WRONG");
    }
    let reply = fixture.log_in("ada", PASSWORD, Some("000000")).await;
    reply.is_problem(401, "SECOND_FACTOR_WRONG");
    let code = fixture.code();
    let closed = fixture.show(&proved.person, &code).await;
    closed.is_problem(429, "TOO_MANY_ATTEMPTS");
    assert_eq!(closed.headers["retry-after"], "1");
}

#[tokio::test]
async fn recovery_codes_are_renewed_together_after_a_fresh_proof() {
    let fixture = open();
    let ada = fixture.newcomer("ada").await;
    let none = fixture.post(&ada.person, RECOVERY, Value::Null).await;
    none.is_problem(409, "SECOND_FACTOR_NOT_ENROLLED");
    let (proved, codes) = fixture.enrolled(&ada).await;
    LoggedIn::from_reply(fixture.log_in("ada", PASSWORD, Some(&codes[0])).await);
    let left = |fixture: &Fixture| {
        let tables = fixture.memory.tables();
        tables.second_factors[&ada.person.id].recovery.0.len()
    };
    assert_eq!(left(&fixture), 9);
    let mail = fixture.mail("ada", 3).await;
    assert!(mail.starts_with("A recovery code was used"), "{mail}");
    assert!(mail.contains("9 are left"), "{mail}");
    let renewed = fixture.post(&proved.person, RECOVERY, Value::Null).await;
    let renewed = renewed.good();
    assert_eq!(renewed["recovery_codes"].as_array().unwrap().len(), 10);
    assert_eq!(left(&fixture), 10);
    later(&fixture);
    let late = fixture.post(&proved.person, RECOVERY, Value::Null).await;
    late.is_problem(401, "SECOND_FACTOR_REQUIRED");
    // A recovery code is accepted as a second factor as well.
    let again = proved.with(fixture.show(&proved.person, &codes[1]).await);
    fixture
        .post(&again.person, RECOVERY, Value::Null)
        .await
        .good();
}

#[tokio::test]
async fn it_is_removed_after_a_fresh_proof() {
    let fixture = open();
    let ada = fixture.newcomer("ada").await;
    let (proved, _) = fixture.enrolled(&ada).await;
    later(&fixture);
    let late = fixture.delete(&proved.person, OWN_FACTOR).await;
    late.is_problem(401, "SECOND_FACTOR_REQUIRED");
    let code = fixture.code();
    let again = proved.with(fixture.show(&proved.person, &code).await);
    let reply = fixture.delete(&again.person, OWN_FACTOR).await;
    assert_eq!((reply.status.as_u16(), reply.text.as_str()), (204, ""));
    let twice = fixture.delete(&again.person, OWN_FACTOR).await;
    twice.is_problem(409, "SECOND_FACTOR_NOT_ENROLLED");
    LoggedIn::from_reply(fixture.log_in("ada", PASSWORD, None).await);
    let mail = fixture.mail("ada", 3).await;
    assert!(mail.contains("Two-factor authentication is off"), "{mail}");
}

#[tokio::test]
async fn an_administrator_removes_a_lost_factor_and_ends_the_sessions() {
    let fixture = open();
    let ada = fixture.newcomer("ada").await;
    let (ada, _) = fixture.enrolled(&ada).await;
    let path = format!("/api/users/{}/2fa", ada.person.id);
    let bob = fixture.newcomer("bob").await;
    fixture
        .delete(&bob.person, &path)
        .await
        .is_problem(403, "ROLE_REQUIRED");
    fixture.appoint(&bob.person, [Role::Admin]).await;
    fixture
        .delete(&bob.person, &path)
        .await
        .is_problem(401, "SECOND_FACTOR_REQUIRED");
    let admin = fixture.person("admin", [Role::Admin]).await;
    let unknown_user = "/api/users/user_01jt0c7kq5e8tvb1y9m3x4z6wa/2fa";
    fixture
        .delete(&admin, unknown_user)
        .await
        .is_problem(404, "USER_NOT_FOUND");
    assert_eq!(fixture.delete(&admin, &path).await.status, 204);
    let over = fixture.get(&ada.person, "/api/wallet").await;
    over.is_problem(401, "SESSION_OVER");
    fixture
        .delete(&admin, &path)
        .await
        .is_problem(409, "SECOND_FACTOR_NOT_ENROLLED");
    LoggedIn::from_reply(fixture.log_in("ada", PASSWORD, None).await);
}

/// A refusal for lack of a proof is not stored: the same request under the same key is granted once the proof is there.
#[tokio::test]
async fn a_request_refused_for_lack_of_a_proof_can_be_repeated() {
    let fixture = open();
    let ada = fixture.staff("ada", [Role::Admin]).await;
    let (proved, _) = fixture.enrolled(&ada).await;
    later(&fixture);
    let other = fixture.person("other", [Role::Customer]).await;
    let deposit = async |person: &Person| {
        let body = json!({"user_id": other.id.to_string(), "amount": "5", "asset": "RUB"});
        fixture
            .keyed(person, "/api/billing/deposit", "1", body)
            .await
    };
    let late = deposit(&proved.person).await;
    late.is_problem(401, "SECOND_FACTOR_REQUIRED");
    assert!(fixture.memory.tables().replies.is_empty());
    let code = fixture.code();
    let again = proved.with(fixture.show(&proved.person, &code).await);
    let done = deposit(&again.person).await;
    assert_eq!((done.status.as_u16(), done.is_replayed()), (201, false));
    later(&fixture);
    // The stored reply is replayed to the same account even without a fresh proof.
    assert!(deposit(&again.person).await.is_replayed());
    assert_eq!(fixture.balance(&other, "RUB").await.0, "5.00");
}

/// Every change, as documented, with this user's id in place of the example's.
fn changes(of: UserId, payer: &str) -> Vec<(String, Method, String, Value)> {
    let document: Value = serde_json::from_str(&p2p_http::openapi_json()).unwrap();
    let example = "01jt0c7kq5e8tvb1y9m3x4z6wa";
    let mut changes = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            if method == "get" {
                continue;
            }
            let parameters = operation["parameters"].as_array().into_iter().flatten();
            let in_path = parameters.filter(|one| one["in"] == "path");
            let path = in_path.fold(path.clone(), |path, one| {
                let value = one["schema"]["examples"][0].as_str().unwrap();
                path.replace(&format!("{{{}}}", one["name"].as_str().unwrap()), value)
            });
            let body = &operation["requestBody"]["content"]["application/json"]["example"];
            let own = |text: String| text.replace(&format!("user_{example}"), &of.to_string());
            let mut body: Value = serde_json::from_str(&own(body.to_string())).unwrap();
            let name = operation["operationId"].as_str().unwrap().to_owned();
            if name == "authorize_payment" {
                body["payer_account_id"] = json!(payer);
            }
            let method = method.to_uppercase().parse().unwrap();
            changes.push((name, method, own(path), body));
        }
    }
    changes
}

/// The operations whose documented 401 mentions the second factor.
fn documented() -> BTreeSet<String> {
    let document: Value = serde_json::from_str(&p2p_http::openapi_json()).unwrap();
    let paths = document["paths"].as_object().unwrap().values();
    let operations = paths.flat_map(|item| item.as_object().unwrap().values());
    let asks = operations.filter(|operation| {
        let response = &operation["responses"]["401"];
        let reference = response["$ref"].as_str().map(|text| &text[1..]);
        let response = reference.map_or(response, |at| document.pointer(at).unwrap());
        let description = response["description"].as_str().unwrap_or_default();
        description.contains("SECOND_FACTOR_REQUIRED")
    });
    let names = asks.map(|operation| operation["operationId"].as_str().unwrap().to_owned());
    names.collect()
}

/// Calls every change as a user with all roles whose second factor is no longer fresh.
#[tokio::test]
async fn only_documented_operations_ask_for_it() {
    let access = AccessRules {
        withdrawal_second_factor: true,
        ..AccessRules::default()
    };
    let policy = Policy {
        access,
        ..Policy::default()
    };
    let fixture = Fixture::under(HttpSettings::default(), policy);
    let bob = fixture.person("bob", [Role::Customer]).await;
    let carol = fixture.newcomer("carol").await;
    fixture.enrolled(&carol).await;
    fixture.appoint(&carol.person, Role::ALL).await;
    let roles = Roles::from(Role::ALL);
    let carol = fixture.signed_in(p2p_application::Caller::new(carol.person.id, roles));
    let of_bob = AccountKey::user(bob.id, Asset::Rub);
    let of_bob = fixture.memory.tables().accounts[&of_bob].id.to_string();
    let mut asked = BTreeSet::new();
    let changes = changes(carol.id, &of_bob);
    assert!(changes.len() > 35, "{}", changes.len());
    for (name, method, path, body) in changes {
        let request = Request::builder().method(method).uri(&path);
        let request = request.header("idempotency-key", "the-same-for-all");
        let reply = fixture.authored(request, Some(&carol), body).await;
        assert!(!reply.status.is_server_error(), "{name}: {}", reply.text);
        if reply.body["code"] == "SECOND_FACTOR_REQUIRED" {
            reply.is_problem(401, "SECOND_FACTOR_REQUIRED");
            asked.insert(name);
        }
        fixture.clock.advance(Duration::from_secs(60));
    }
    // A log-in asks for the second factor at once, not for a fresh one.
    let mut expected = documented();
    assert!(expected.remove("log_in"));
    assert_eq!(asked, expected);
}
