//! Checks of every documented operation against its documentation.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests fail by panicking, as the tests do"
)]

mod support;

use axum::Router;
use axum::body::Body;
use axum::http::{Method, Request};
use p2p_http::HttpSettings;
use serde_json::{Value, json};
use support::{Reply, api, send};

/// An operation as documented, with an id in its path.
struct Operation {
    name: String,
    method: Method,
    path: String,
    open: bool,
    /// The documentation's own tests list which do.
    takes_key: bool,
    needs_key: bool,
    example: Option<Value>,
}

fn operations() -> Vec<Operation> {
    let document: Value = serde_json::from_str(&p2p_http::openapi_json()).unwrap();
    let mut operations = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let parameters = operation["parameters"]
                .as_array()
                .cloned()
                .unwrap_or_default();
            let path = parameters
                .iter()
                .filter(|parameter| parameter["in"] == "path")
                .fold(path.clone(), |path, parameter| {
                    let name = parameter["name"].as_str().unwrap();
                    let example = parameter["schema"]["examples"][0].as_str().unwrap();
                    path.replace(&format!("{{{name}}}"), example)
                });
            assert!(!path.contains('{'), "{path}");
            operations.push(Operation {
                name: operation["operationId"].as_str().unwrap().to_owned(),
                method: method.to_uppercase().parse().unwrap(),
                path,
                open: operation["security"] == json!([{}]),
                takes_key: parameters
                    .iter()
                    .any(|parameter| parameter["name"] == "Idempotency-Key"),
                needs_key: parameters.iter().any(|parameter| {
                    parameter["name"] == "Idempotency-Key" && parameter["required"] == true
                }),
                example: operation["requestBody"]["content"]["application/json"]
                    .get("example")
                    .cloned(),
            });
        }
    }
    operations
}

/// Its signature covers the raw body, and is checked before the body is read.
const SIGNED: &str = "receive_payment_report";

/// All operations under `/api/`.
fn of_the_api() -> impl Iterator<Item = Operation> {
    operations()
        .into_iter()
        .filter(|operation| operation.path.starts_with("/api/"))
}

impl Operation {
    /// The example of a body that is read before any other check.
    fn read_example(&self) -> Option<&Value> {
        self.example.as_ref().filter(|_| self.name != SIGNED)
    }

    async fn call(&self, api: &Router, token: Option<&str>, body: Option<&Value>) -> Reply {
        let mut request = Request::builder()
            .method(self.method.clone())
            .uri(&self.path);
        if let Some(token) = token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        if self.needs_key {
            request = request.header("idempotency-key", "a-key");
        }
        let body = match body {
            None => Body::empty(),
            Some(body) => {
                request = request.header("content-type", "application/json");
                Body::from(body.to_string())
            }
        };
        send(api, request.body(body).unwrap()).await
    }
}

#[tokio::test]
async fn most_operations_need_a_token() {
    let api = api(HttpSettings::default(), true);
    let mut open = Vec::new();
    for operation in of_the_api() {
        if operation.open {
            open.push(operation.name);
            continue;
        }
        let body = operation.example.as_ref();
        let reply = operation.call(&api, None, body).await;
        reply.is_problem(401, "UNAUTHENTICATED");
        assert_eq!(reply.header("www-authenticate"), "Bearer");
        let reply = operation.call(&api, Some("forged"), body).await;
        reply.is_problem(401, "INVALID_TOKEN");
        assert!(reply.header("www-authenticate").contains("invalid_token"));
        let reply = operation.call(&api, Some("expired"), body).await;
        reply.is_problem(401, "TOKEN_EXPIRED");
    }
    open.sort_unstable();
    // Some of them require credentials of another kind.
    let expected = [
        "forgot_password",
        "log_in",
        "open_web_socket",
        "receive_payment_report",
        "refresh",
        "register",
        "resend_verification",
        "reset_password",
        "verify_email",
    ];
    assert_eq!(open, expected);
}

/// The handlers accept the examples: each request gets as far as storage, which is unavailable.
#[tokio::test]
async fn every_example_is_accepted() {
    let api = api(HttpSettings::default(), true);
    for operation in of_the_api() {
        let reply = operation
            .call(&api, Some("all"), operation.example.as_ref())
            .await;
        match operation.name.as_str() {
            "list_frozen_exchangers" => reply.is_problem(500, "INTERNAL"),
            "open_web_socket" => {
                reply.is_problem(426, "UPGRADE_REQUIRED");
                assert_eq!(reply.header("upgrade"), "websocket");
            }
            SIGNED => reply.is_problem(401, "SIGNATURE_MISSING"),
            _ => reply.is_problem(503, "UNAVAILABLE"),
        }
    }
}

#[tokio::test]
async fn a_body_must_be_json_in_utf8() {
    let api = api(HttpSettings::default(), true);
    let plain = ("content-type", "application/json");
    let bad: [&[(&str, &str)]; 11] = [
        &[],
        &[("content-type", "text/plain")],
        &[("content-type", "text/json")],
        &[("content-type", "application/xml")],
        &[("content-type", "application/problem+json")],
        &[("content-type", "application/x-www-form-urlencoded")],
        &[("content-type", "multipart/form-data; boundary=x")],
        &[("content-type", "application/json; charset=utf-16")],
        &[plain, plain],
        &[plain, ("content-encoding", "gzip")],
        &[plain, ("content-type", "text/plain")],
    ];
    for operation in of_the_api() {
        let send = async |headers: &[(&str, &str)], body: String| {
            let mut request = Request::builder()
                .method(operation.method.clone())
                .uri(&operation.path)
                .header("authorization", "Bearer all")
                .header("idempotency-key", "a-key");
            for (name, value) in headers {
                request = request.header(*name, *value);
            }
            send(&api, request.body(Body::from(body)).unwrap()).await
        };
        let bare = operation.call(&api, Some("all"), None).await;
        for headers in bad {
            if let Some(example) = operation.read_example() {
                let reply = send(headers, example.to_string()).await;
                reply.is_problem(415, "UNSUPPORTED_MEDIA_TYPE");
            } else {
                // Operations without a body ignore one.
                let reply = send(headers, "<!-- no JSON -->".to_owned()).await;
                let name = &operation.name;
                assert_eq!(reply.body["code"], bare.body["code"], "{name}");
            }
        }
    }
}

#[tokio::test]
async fn no_body_takes_a_field_that_it_does_not_know_or_one_of_the_wrong_type() {
    let api = api(HttpSettings::default(), true);
    for operation in of_the_api() {
        let Some(example) = operation.read_example() else {
            continue;
        };
        let mut body = example.clone();
        body["surprise"] = json!(1);
        let reply = operation.call(&api, Some("all"), Some(&body)).await;
        reply.is_problem(422, "UNKNOWN_FIELD");
        assert_eq!(reply.body["errors"][0]["field"], "surprise");
        for field in example.as_object().unwrap().keys() {
            let mut body = example.clone();
            body[field] = json!({"an": "object"});
            let reply = operation.call(&api, Some("all"), Some(&body)).await;
            reply.is_problem(422, "WRONG_TYPE");
            assert_eq!(reply.body["errors"][0]["field"], field.as_str());
        }
    }
}

#[tokio::test]
async fn every_text_is_bounded_and_free_of_nul() {
    let api = api(HttpSettings::default(), true);
    for operation in of_the_api() {
        let Some(example) = operation.read_example() else {
            continue;
        };
        for (field, value) in example.as_object().unwrap() {
            if !value.is_string() {
                continue;
            }
            for text in ["\0", "a\0b", &"x".repeat(5_000)] {
                let mut body = example.clone();
                body[field] = json!(text);
                let reply = operation.call(&api, Some("all"), Some(&body)).await;
                assert_eq!(
                    reply.status, 422,
                    "{} {field}: {}",
                    operation.name, reply.text
                );
                assert_eq!(reply.body["errors"][0]["field"], field.as_str());
            }
        }
    }
}

#[tokio::test]
async fn every_change_reads_its_key() {
    let api = api(HttpSettings::default(), true);
    let changes = of_the_api().filter(|operation| operation.takes_key);
    for operation in changes {
        let call = async |keys: &[&str]| {
            let mut request = Request::builder()
                .method(operation.method.clone())
                .uri(&operation.path)
                .header("authorization", "Bearer all")
                .header("content-type", "application/json");
            for key in keys {
                request = request.header("idempotency-key", *key);
            }
            let body = operation.example.as_ref().map(ToString::to_string);
            let body = body.map_or_else(Body::empty, Body::from);
            send(&api, request.body(body).unwrap()).await
        };
        for keys in [
            &["two words"][..],
            &[""],
            &["\"\""],
            &["one", "two"],
            &["\"open"],
            &["\u{e9}"],
            &[&"x".repeat(129)],
        ] {
            let reply = call(keys).await;
            reply.is_problem(400, "IDEMPOTENCY_KEY_INVALID");
        }
        for key in ["a-key", "\"a-key\"", &"x".repeat(128)] {
            call(&[key]).await.is_problem(503, "UNAVAILABLE");
        }
        let without = call(&[]).await;
        if operation.needs_key {
            without.is_problem(400, "IDEMPOTENCY_KEY_REQUIRED");
        } else {
            without.is_problem(503, "UNAVAILABLE");
        }
    }
}

#[tokio::test]
async fn every_id_in_a_path_is_checked() {
    let api = api(HttpSettings::default(), true);
    for operation in of_the_api() {
        let Some((before, after)) = operation.path.split_once("_01jt0c7kq5e8tvb1y9m3x4z6wa") else {
            continue;
        };
        let kept = before.rsplit_once('/').unwrap().0;
        for (id, code) in [
            ("nonsense", "MALFORMED_ID"),
            ("%00", "MALFORMED_ID"),
            ("%ff", "MALFORMED_ID"),
            ("comment_01jt0c7kq5e8tvb1y9m3x4z6wa", "WRONG_ID_KIND"),
        ] {
            let path = format!("{kept}/{id}{after}");
            let bad = Operation {
                name: operation.name.clone(),
                method: operation.method.clone(),
                path,
                open: false,
                takes_key: operation.takes_key,
                needs_key: operation.needs_key,
                example: None,
            };
            let reply = bad
                .call(&api, Some("all"), operation.example.as_ref())
                .await;
            reply.is_problem(400, code);
        }
    }
}

#[tokio::test]
async fn the_author_of_a_body_is_the_caller() {
    let api = api(HttpSettings::default(), true);
    let other_user = "user_00000000000000000000000000";
    let mut checked = Vec::new();
    for operation in of_the_api() {
        let Some(example) = operation.read_example() else {
            continue;
        };
        let all = ["customer_id", "exchanger_id", "admin_id", "user_id"];
        for field in all.into_iter().filter(|_| operation.name != "deposit") {
            if example.get(field).is_none() {
                continue;
            }
            let mut body = example.clone();
            body[field] = json!(other_user);
            let reply = operation.call(&api, Some("all"), Some(&body)).await;
            reply.is_problem(403, "IDENTITY_MISMATCH");
            body.as_object_mut().unwrap().remove(field);
            let reply = operation.call(&api, Some("all"), Some(&body)).await;
            reply.is_problem(503, "UNAVAILABLE");
            checked.push(operation.name.clone());
        }
    }
    checked.sort_unstable();
    let authored = [
        "confirm_payment",
        "confirm_receipt",
        "create_offer",
        "create_order",
        "resolve_dispute",
        "respond_to_offer",
    ];
    assert_eq!(checked, authored);
}

#[tokio::test]
async fn a_confirmation_of_receipt_needs_no_body() {
    let api = api(HttpSettings::default(), true);
    let confirm = of_the_api().find(|operation| operation.name == "confirm_receipt");
    let reply = confirm.unwrap().call(&api, Some("all"), None).await;
    reply.is_problem(503, "UNAVAILABLE");
}

#[tokio::test]
async fn administrators_alone_open_accounts_for_others() {
    let api = api(HttpSettings::default(), true);
    let create = of_the_api().find(|operation| operation.name == "create_user");
    let create = create.unwrap();
    let reply = create
        .call(&api, Some("customer"), create.example.as_ref())
        .await;
    reply.is_problem(403, "ROLE_REQUIRED");
    let seed = json!({"name": "Test User", "email": "test@example.com"});
    let reply = create.call(&api, Some("all"), Some(&seed)).await;
    reply.is_problem(503, "UNAVAILABLE");
}
