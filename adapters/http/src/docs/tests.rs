use serde_json::Value;

use crate::policy::{Declared, Idempotency};
use crate::problem::catalogue;

fn document() -> Value {
    serde_json::from_str(&crate::openapi_json()).unwrap()
}

/// Method, path and description of every operation.
fn all() -> Vec<(String, String, Value)> {
    let document = document();
    let paths = document["paths"].as_object().unwrap().clone();
    paths
        .into_iter()
        .flat_map(|(path, item)| {
            let operations = item.as_object().unwrap().clone();
            operations
                .into_iter()
                .map(move |(method, operation)| (method, path.clone(), operation))
        })
        .collect()
}

fn is_open(path: &str) -> bool {
    !path.starts_with("/api/")
        || matches!(
            path,
            "/api/auth/register"
                | "/api/auth/login"
                | "/api/auth/refresh"
                | "/api/auth/verify-email"
                | "/api/auth/verify-email/resend"
                | "/api/auth/password/forgot"
                | "/api/auth/password/reset"
                | "/api/callbacks/payments"
                | "/api/ws"
        )
}

#[test]
fn the_text_is_the_same_every_time_and_ends_with_a_newline() {
    let text = crate::openapi_json();
    assert_eq!(text, crate::openapi_json());
    assert!(text.ends_with("}\n") && !text.ends_with("\n\n"));
}

#[test]
fn operations_are_named_once_described_and_tagged() {
    let mut names: Vec<String> = Vec::new();
    let tags = document()["tags"].clone();
    for (method, path, operation) in all() {
        let name = operation["operationId"].as_str().unwrap().to_owned();
        assert!(!names.contains(&name), "{name} twice");
        names.push(name);
        for text in ["summary", "description"] {
            let text = operation[text].as_str().unwrap_or_default();
            assert!(!text.is_empty(), "{method} {path}");
        }
        let tag = &operation["tags"][0];
        let known = tags
            .as_array()
            .unwrap()
            .iter()
            .any(|known| known["name"] == *tag);
        assert!(known, "{method} {path}: {tag}");
    }
    assert!(names.len() > 30, "{names:?}");
}

#[test]
fn operations_need_a_token_unless_they_are_open() {
    for (method, path, operation) in all() {
        let wanted = if is_open(&path) {
            serde_json::json!([{}])
        } else {
            serde_json::json!([{"bearer": []}])
        };
        assert_eq!(operation["security"], wanted, "{method} {path}");
    }
    let scheme = &document()["components"]["securitySchemes"]["bearer"];
    assert_eq!(
        (&scheme["type"], &scheme["scheme"]),
        (&"http".into(), &"bearer".into())
    );
}

#[test]
fn every_operation_declares_its_policy() {
    for (method, path, operation) in all() {
        let read: utoipa::openapi::path::Operation =
            serde_json::from_value(operation.clone()).unwrap();
        let policy = Declared::of(&read);
        let policy = policy.unwrap_or_else(|| panic!("{method} {path} declares no policy"));
        assert_eq!(policy.public, is_open(&path), "{method} {path}");
        let is_safe = policy.idempotency == Idempotency::Safe;
        assert_eq!(is_safe, method == "get", "{method} {path}");
        assert_eq!(
            policy.class.is_none(),
            operation["tags"][0] == "Operations",
            "{method} {path}"
        );
    }
}

#[test]
fn operations_take_the_key_that_their_policy_declares() {
    let document = document();
    let mut required = Vec::new();
    for (method, path, operation) in all() {
        let name = operation["operationId"].as_str().unwrap().to_owned();
        let declared = operation["x-policy"]["idempotency"].as_str().unwrap();
        let parameters = operation["parameters"].as_array();
        let key = parameters
            .into_iter()
            .flatten()
            .find(|one| one["name"] == "Idempotency-Key");
        let takes_key = ["key", "key_required", "key_is_name"].contains(&declared);
        assert_eq!(key.is_some(), takes_key, "{method} {path}");
        let Some(key) = key else {
            continue;
        };
        assert_eq!(key["in"], "header", "{method} {path}");
        assert_eq!(
            key["required"] == true,
            declared != "key",
            "{method} {path}"
        );
        // A repeat is answered with 200.
        let keeps_itself = declared == "key_is_name";
        if key["required"] == true {
            required.push(name);
        }
        let responses = operation["responses"].as_object().unwrap();
        for (status, response) in responses {
            let is_good = status.starts_with('2');
            let is_marked = response["headers"]["Idempotency-Replayed"].is_object();
            if keeps_itself {
                assert_eq!(is_marked, status == "200", "{method} {path} {status}");
            } else {
                assert!(is_marked || !is_good, "{method} {path} {status}");
            }
        }
        for (status, code) in [
            ("400", "IDEMPOTENCY_KEY_INVALID"),
            ("422", "IDEMPOTENCY_KEY_REUSED"),
        ] {
            let response = resolved(&document, &responses[status]);
            let description = response["description"].as_str().unwrap();
            assert!(
                codes(description).contains(&code),
                "{method} {path}: {code}"
            );
        }
    }
    required.sort_unstable();
    let moves_money = [
        "authorize_payment",
        "create_order",
        "deposit",
        "request_withdrawal",
    ];
    assert_eq!(required, moves_money);
}

/// What a reference stands for.
fn resolved<'a>(document: &'a Value, value: &'a Value) -> &'a Value {
    match value["$ref"].as_str() {
        Some(reference) => document
            .pointer(reference.trim_start_matches('#'))
            .unwrap_or(&Value::Null),
        None => value,
    }
}

/// The codes that a description names.
fn codes(description: &str) -> Vec<&str> {
    let quoted = description.split('`').skip(1).step_by(2);
    quoted
        .filter(|text| text.bytes().all(|b| b == b'_' || b.is_ascii_uppercase()))
        .collect()
}

#[test]
fn errors_are_documented_as_problems() {
    let document = document();
    for (method, path, operation) in all() {
        let responses = operation["responses"].as_object().unwrap();
        let errors: Vec<_> = responses
            .iter()
            .filter(|(status, _)| *status >= &"4".to_owned())
            .collect();
        for (status, error) in &errors {
            let error = resolved(&document, error);
            let content = &error["content"]["application/problem+json"];
            assert_eq!(
                content["schema"]["$ref"], "#/components/schemas/Problem",
                "{method} {path} {status}"
            );
            assert!(
                content["example"]["code"].is_string(),
                "{method} {path} {status}"
            );
            assert_eq!(
                content["example"]["status"].to_string(),
                **status,
                "{method} {path}"
            );
            for code in codes(error["description"].as_str().unwrap_or_default()) {
                let known = catalogue().iter().any(|problem| problem.code() == code);
                assert!(known, "{method} {path} {status} names {code}");
            }
        }
        let mut wanted = Vec::new();
        if path.starts_with("/api/") {
            wanted.extend(["500", "503", "504"]);
        }
        if !is_open(&path) {
            wanted.push("401");
        }
        if path.contains('{') {
            wanted.extend(["400", "404"]);
        }
        if operation["requestBody"].is_object() {
            wanted.extend(["400", "408", "413", "415", "422"]);
        }
        for status in wanted {
            assert!(
                responses.contains_key(status),
                "{method} {path}: no {status}"
            );
        }
    }
}

#[test]
fn what_may_be_left_out_is_no_null() {
    let mut seen = 0;
    for (method, path, operation) in all() {
        for parameter in operation["parameters"].as_array().into_iter().flatten() {
            let schema = &parameter["schema"];
            let types = schema["type"].as_array().into_iter().flatten();
            let is_null = types.chain([&schema["type"]]).any(|one| one == "null");
            assert!(!is_null, "{method} {path}: {}", parameter["name"]);
            seen += 1;
        }
        let body = &operation["requestBody"];
        let optional = path.ends_with("/confirm-receipt");
        assert_eq!(
            body["required"] == true,
            body.is_object() && !optional,
            "{method} {path}"
        );
    }
    assert!(seen > 50, "{seen}");
}

#[test]
fn bodies_and_answers_have_examples() {
    for (method, path, operation) in all() {
        let has_body = operation["requestBody"].is_object();
        let takes_body = matches!(method.as_str(), "post" | "put" | "patch");
        let bare = [
            "/unfreeze",
            "_id}/read",
            "/refund",
            "/logout",
            "/recovery-codes",
        ];
        let is_bare = bare.iter().any(|end| path.ends_with(end));
        assert_eq!(has_body, takes_body && !is_bare, "{method} {path}");
        if has_body {
            let content = &operation["requestBody"]["content"]["application/json"];
            let example = &content["example"];
            assert!(example.is_object(), "{method} {path}");
            assert!(content["schema"]["$ref"].is_string(), "{method} {path}");
        }
        let responses = operation["responses"].as_object().unwrap();
        let (status, good) = responses
            .iter()
            .find(|(status, _)| status.starts_with(['1', '2']))
            .unwrap();
        let contents = good["content"].as_object().cloned().unwrap_or_default();
        let is_empty = matches!(status.as_str(), "101" | "202" | "204");
        assert_eq!(contents.is_empty(), is_empty, "{method} {path}");
        for content in contents.values() {
            let text = content["example"].to_string();
            assert!(!content["example"].is_null(), "{method} {path}");
            assert!(
                !text.contains('…') || path.starts_with("/api/auth/"),
                "{method} {path}: {text}"
            );
        }
    }
}

#[test]
fn every_reference_leads_somewhere() {
    fn references<'a>(value: &'a Value, found: &mut Vec<&'a str>) {
        match value {
            Value::Object(members) => {
                found.extend(members.get("$ref").and_then(Value::as_str));
                members.values().for_each(|value| references(value, found));
            }
            Value::Array(values) => values.iter().for_each(|value| references(value, found)),
            _ => {}
        }
    }
    let document = document();
    let mut found = Vec::new();
    references(&document, &mut found);
    assert!(found.len() > 100);
    for reference in found {
        let pointer = reference.strip_prefix('#').unwrap();
        assert!(document.pointer(pointer).is_some(), "{reference}");
    }
}

#[test]
fn what_is_limited_says_so_in_every_answer() {
    let document = document();
    for (method, path, operation) in all() {
        let limited = operation["tags"][0] != "Operations";
        let responses = operation["responses"].as_object().unwrap();
        for (status, response) in responses {
            let headers = &resolved(&document, response)["headers"];
            for name in ["RateLimit", "RateLimit-Policy"] {
                let told = resolved(&document, &headers[name]);
                let described = told["description"].is_string();
                assert_eq!(described, limited, "{method} {path} {status}: {name}");
            }
        }
        let Some(refused) = responses.get("429") else {
            assert!(!limited, "{method} {path}");
            continue;
        };
        let refused = resolved(&document, refused);
        let description = refused["description"].as_str().unwrap();
        assert!(codes(description).contains(&"RATE_LIMITED"), "{path}");
        assert!(refused["headers"]["Retry-After"].is_object(), "{path}");
    }
}
