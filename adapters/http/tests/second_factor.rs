//! The second factor: its enrolment, its lifetime, and the operations that require it.

#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests fail by panicking, as the tests do; not all of them are used in each"
)]

mod scene;

use std::collections::BTreeSet;
use std::time::Duration;

use axum::http::{Method, Request};
use p2p_domain::policy::AccessRules;
use p2p_domain::{AccountKey, Asset, Policy, Role, Roles, UserId};
use p2p_http::HttpSettings;
use scene::entrance::{Entered, PASSWORD};
use scene::{Person, Scene};
use serde_json::{Value, json};

const CONFIRM: &str = "/api/auth/2fa/confirm";
const RECOVERY: &str = "/api/auth/2fa/recovery-codes";
const OWN: &str = "/api/auth/2fa";

fn open() -> Scene {
    Scene::open(HttpSettings::default())
}

/// Advances the clock until the second factor must be presented again.
fn later(scene: &Scene) {
    let lasts = AccessRules::default().proof_lasts;
    scene.clock.advance(lasts);
}

#[tokio::test]
async fn nothing_is_asked_for_before_the_first_code_and_everywhere_else_one_is_logged_out_then() {
    let scene = open();
    let ada = scene.newcomer("ada").await;
    let other = Entered::by(scene.log_in("ada", PASSWORD, None).await);
    let code = json!({"code": "000000"});
    scene
        .post(&ada.person, CONFIRM, code.clone())
        .await
        .is_problem(409, "SECOND_FACTOR_NOT_ENROLLED");
    scene
        .show(&ada.person, "000000")
        .await
        .is_problem(409, "SECOND_FACTOR_NOT_ENROLLED");
    let body = json!({"password": "not the password"});
    let wrong = scene.post(&ada.person, "/api/auth/2fa/enroll", body).await;
    wrong.is_problem(401, "BAD_CREDENTIALS");
    scene.enrol(&ada.person).await.good();
    let still = Entered::by(scene.log_in("ada", PASSWORD, None).await);
    scene
        .post(&ada.person, CONFIRM, code)
        .await
        .is_problem(401, "SECOND_FACTOR_WRONG");
    let (proved, recovery) = scene.enrolled(&ada).await;
    assert_eq!(proved.session, ada.session);
    assert_eq!(recovery.iter().collect::<BTreeSet<_>>().len(), 10);
    for ended in [&other, &still] {
        scene
            .get(&ended.person, "/api/wallet")
            .await
            .is_problem(401, "SESSION_OVER");
    }
    scene
        .enrol(&proved.person)
        .await
        .is_problem(409, "SECOND_FACTOR_ACTIVE");
    let again = json!({"code": scene.next_code()});
    scene
        .post(&proved.person, CONFIRM, again)
        .await
        .is_problem(409, "SECOND_FACTOR_ACTIVE");
}

#[tokio::test]
async fn each_code_is_taken_once_wherever_it_is_shown() {
    let scene = open();
    let ada = scene.newcomer("ada").await;
    scene.enrol(&ada.person).await.good();
    let code = scene.next_code();
    let body = json!({"code": code});
    let proved = ada.with(scene.post(&ada.person, CONFIRM, body).await);
    // The code of the confirmation is used up, as are all before it.
    scene
        .show(&proved.person, &code)
        .await
        .is_problem(401, "SECOND_FACTOR_WRONG");
    let code = scene.next_code();
    proved.with(scene.show(&proved.person, &code).await);
    scene
        .log_in("ada", PASSWORD, Some(&code))
        .await
        .is_problem(401, "SECOND_FACTOR_WRONG");
    let code = scene.next_code();
    Entered::by(scene.log_in("ada", PASSWORD, Some(&code)).await);
    scene
        .show(&proved.person, &code)
        .await
        .is_problem(401, "SECOND_FACTOR_WRONG");
}

#[tokio::test]
async fn the_password_is_looked_at_before_the_code() {
    let scene = open();
    let ada = scene.newcomer("ada").await;
    scene.enrolled(&ada).await;
    let code = scene.next_code();
    for given in [None, Some(code.as_str())] {
        let reply = scene.log_in("ada", "not the password", given).await;
        reply.is_problem(401, "BAD_CREDENTIALS");
    }
    let missing = scene.log_in("ada", PASSWORD, None).await;
    missing.is_problem(401, "SECOND_FACTOR_REQUIRED");
    // The refused log-ins have not used the code up.
    Entered::by(scene.log_in("ada", PASSWORD, Some(&code)).await);
}

#[tokio::test]
async fn guessed_codes_close_the_door_like_guessed_passwords() {
    let scene = open();
    let ada = scene.newcomer("ada").await;
    let (proved, _) = scene.enrolled(&ada).await;
    for _ in 0..2 {
        let reply = scene.show(&proved.person, "000000").await;
        reply.is_problem(401, "SECOND_FACTOR_WRONG");
    }
    let reply = scene.log_in("ada", PASSWORD, Some("000000")).await;
    reply.is_problem(401, "SECOND_FACTOR_WRONG");
    let code = scene.code();
    let closed = scene.show(&proved.person, &code).await;
    closed.is_problem(429, "TOO_MANY_ATTEMPTS");
    assert_eq!(closed.headers["retry-after"], "1");
}

#[tokio::test]
async fn recovery_codes_are_replaced_as_a_whole_by_who_has_just_shown_one() {
    let scene = open();
    let ada = scene.newcomer("ada").await;
    let none = scene.post(&ada.person, RECOVERY, Value::Null).await;
    none.is_problem(409, "SECOND_FACTOR_NOT_ENROLLED");
    let (proved, codes) = scene.enrolled(&ada).await;
    Entered::by(scene.log_in("ada", PASSWORD, Some(&codes[0])).await);
    let left = |scene: &Scene| {
        let tables = scene.memory.tables();
        tables.second_factors[&ada.person.id].recovery.0.len()
    };
    assert_eq!(left(&scene), 9);
    let letter = scene.letter("ada", 3).await;
    assert!(letter.starts_with("A recovery code was used"), "{letter}");
    assert!(letter.contains("9 are left"), "{letter}");
    let renewed = scene.post(&proved.person, RECOVERY, Value::Null).await;
    let renewed = renewed.good();
    assert_eq!(renewed["recovery_codes"].as_array().unwrap().len(), 10);
    assert_eq!(left(&scene), 10);
    later(&scene);
    let late = scene.post(&proved.person, RECOVERY, Value::Null).await;
    late.is_problem(401, "SECOND_FACTOR_REQUIRED");
    // A recovery code is accepted as a second factor as well.
    let again = proved.with(scene.show(&proved.person, &codes[1]).await);
    scene
        .post(&again.person, RECOVERY, Value::Null)
        .await
        .good();
}

#[tokio::test]
async fn it_is_given_up_by_who_has_just_shown_it() {
    let scene = open();
    let ada = scene.newcomer("ada").await;
    let (proved, _) = scene.enrolled(&ada).await;
    later(&scene);
    let late = scene.delete(&proved.person, OWN).await;
    late.is_problem(401, "SECOND_FACTOR_REQUIRED");
    let code = scene.code();
    let again = proved.with(scene.show(&proved.person, &code).await);
    let reply = scene.delete(&again.person, OWN).await;
    assert_eq!((reply.status.as_u16(), reply.text.as_str()), (204, ""));
    let twice = scene.delete(&again.person, OWN).await;
    twice.is_problem(409, "SECOND_FACTOR_NOT_ENROLLED");
    Entered::by(scene.log_in("ada", PASSWORD, None).await);
    let letter = scene.letter("ada", 3).await;
    assert!(letter.contains("was removed"), "{letter}");
}

#[tokio::test]
async fn an_administrator_helps_who_has_lost_everything_and_logs_them_out() {
    let scene = open();
    let ada = scene.newcomer("ada").await;
    let (ada, _) = scene.enrolled(&ada).await;
    let path = format!("/api/users/{}/2fa", ada.person.id);
    let bob = scene.newcomer("bob").await;
    scene
        .delete(&bob.person, &path)
        .await
        .is_problem(403, "ROLE_REQUIRED");
    scene.appoint(&bob.person, [Role::Admin]).await;
    scene
        .delete(&bob.person, &path)
        .await
        .is_problem(401, "SECOND_FACTOR_REQUIRED");
    let admin = scene.person("admin", [Role::Admin]).await;
    let nobody = "/api/users/user_01jt0c7kq5e8tvb1y9m3x4z6wa/2fa";
    scene
        .delete(&admin, nobody)
        .await
        .is_problem(404, "USER_NOT_FOUND");
    assert_eq!(scene.delete(&admin, &path).await.status, 204);
    let over = scene.get(&ada.person, "/api/wallet").await;
    over.is_problem(401, "SESSION_OVER");
    scene
        .delete(&admin, &path)
        .await
        .is_problem(409, "SECOND_FACTOR_NOT_ENROLLED");
    Entered::by(scene.log_in("ada", PASSWORD, None).await);
}

/// A refusal for lack of a proof is not stored: the same request under the same key is granted once the proof is there.
#[tokio::test]
async fn a_request_that_lacked_a_proof_is_sent_again_with_it() {
    let scene = open();
    let ada = scene.staff("ada", [Role::Admin]).await;
    let (proved, _) = scene.enrolled(&ada).await;
    later(&scene);
    let other = scene.person("other", [Role::Customer]).await;
    let deposit = async |person: &Person| {
        let body = json!({"user_id": other.id.to_string(), "amount": "5", "asset": "RUB"});
        scene.keyed(person, "/api/billing/deposit", "1", body).await
    };
    let late = deposit(&proved.person).await;
    late.is_problem(401, "SECOND_FACTOR_REQUIRED");
    assert!(scene.memory.tables().replies.is_empty());
    let code = scene.code();
    let again = proved.with(scene.show(&proved.person, &code).await);
    let done = deposit(&again.person).await;
    assert_eq!((done.status.as_u16(), done.is_replayed()), (201, false));
    later(&scene);
    // The stored reply is replayed to the same account even without a fresh proof.
    assert!(deposit(&again.person).await.is_replayed());
    assert_eq!(scene.balance(&other, "RUB").await.0, "5.00");
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
async fn what_moves_money_or_rights_asks_for_it_and_nothing_else_does() {
    let access = AccessRules {
        withdrawal_second_factor: true,
        ..AccessRules::default()
    };
    let policy = Policy {
        access,
        ..Policy::default()
    };
    let scene = Scene::under(HttpSettings::default(), policy);
    let bob = scene.person("bob", [Role::Customer]).await;
    let carol = scene.newcomer("carol").await;
    scene.enrolled(&carol).await;
    scene.appoint(&carol.person, Role::ALL).await;
    let roles = Roles::from(Role::ALL);
    let carol = scene.signed_in(p2p_application::Caller::new(carol.person.id, roles));
    let of_bob = AccountKey::user(bob.id, Asset::Rub);
    let of_bob = scene.memory.tables().accounts[&of_bob].id.to_string();
    let mut asked = BTreeSet::new();
    let changes = changes(carol.id, &of_bob);
    assert!(changes.len() > 35, "{}", changes.len());
    for (name, method, path, body) in changes {
        let request = Request::builder().method(method).uri(&path);
        let request = request.header("idempotency-key", "the-same-for-all");
        let reply = scene.authored(request, Some(&carol), body).await;
        assert!(!reply.status.is_server_error(), "{name}: {}", reply.text);
        if reply.body["code"] == "SECOND_FACTOR_REQUIRED" {
            reply.is_problem(401, "SECOND_FACTOR_REQUIRED");
            asked.insert(name);
        }
        scene.clock.advance(Duration::from_secs(60));
    }
    // A log-in asks for the second factor at once, not for a fresh one.
    let mut expected = documented();
    assert!(expected.remove("log_in"));
    assert_eq!(asked, expected);
}
