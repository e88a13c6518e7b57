//! The market's values in JSON bodies, as the web kit reads them.

use crate::wire::{Amount, ExchangeType, UserId};
use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{Request as HttpRequest, StatusCode, header};
use axum::routing::post;
use p2p_edge::json::parse;
use p2p_edge::{JsonBody, ProblemDetails};
use proptest::prelude::*;
use serde::Deserialize;
use tower::ServiceExt;
use utoipa::ToSchema;
use validator::Validate;

#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[allow(dead_code, reason = "only reading is tested")]
struct Order {
    #[serde(alias = "userId")]
    user_id: UserId,
    amount: Amount,
    exchange_type: Option<ExchangeType>,
    #[validate(length(min = 1, max = 5))]
    note: Option<String>,
    #[serde(default)]
    #[validate(length(max = 2))]
    tags: Vec<String>,
}

const USER: &str = "user_01jt0c7kq5e8tvb1y9m3x4z6wa";

fn read_text(text: &str) -> Result<Order, ProblemDetails> {
    parse(text.as_bytes())
}

/// Code and fields with codes of the problem that a body leads to.
fn wrong(text: &str) -> (String, Vec<(String, String)>) {
    let problem = read_text(text).expect_err(text);
    let errors = problem.errors().iter();
    let errors = errors.map(|error| (error.field.clone(), error.code.to_string()));
    (problem.code().to_owned(), errors.collect())
}

fn entries(of: &[(&str, &str)]) -> Vec<(String, String)> {
    of.iter()
        .map(|(field, code)| ((*field).to_owned(), (*code).to_owned()))
        .collect()
}

#[test]
fn a_good_body_is_read_exactly() {
    let body =
        format!(r#" {{"user_id":"{USER}","amount":12345678901234567890.1,"note":"\u0416"}} "#);
    let order = read_text(&body).unwrap();
    assert_eq!(order.amount.0, "12345678901234567890.1".parse().unwrap());
    assert_eq!(order.note.as_deref(), Some("Ж"));
    assert!(read_text(&format!(r#"{{"userId":"{USER}","amount":"1e-7"}}"#)).is_ok());
    // An escaped backslash before `u0000` is six harmless characters.
    assert!(
        read_text(&format!(
            r#"{{"user_id":"{USER}","amount":1,"tags":["\\u0000"]}}"#
        ))
        .is_ok()
    );
}

#[test]
fn all_bad_fields_are_named_at_once() {
    let body = r#"{"user_id":"offer_01jt0c7kq5e8tvb1y9m3x4z6wa","amount":true,"note":5,"colour":1,
        "exchange_type":"UP","tags":["a",7]}"#;
    assert_eq!(
        wrong(body),
        (
            "VALIDATION_FAILED".into(),
            entries(&[
                ("user_id", "WRONG_ID_KIND"),
                ("amount", "WRONG_TYPE"),
                ("note", "WRONG_TYPE"),
                ("colour", "UNKNOWN_FIELD"),
                ("exchange_type", "UNKNOWN_VALUE"),
                ("tags[1]", "WRONG_TYPE"),
            ])
        )
    );
    let beside = r#"{"user_id":1,"amount":1e400}"#;
    let one = entries(&[("user_id", "WRONG_TYPE")]);
    assert_eq!(wrong(beside), ("WRONG_TYPE".into(), one));
    let both = entries(&[("user_id", "MISSING_FIELD"), ("amount", "MISSING_FIELD")]);
    assert_eq!(wrong("{}"), ("MISSING_FIELD".into(), both));
    let body = format!(r#"{{"user_id":"{USER}","amount":1,"note":"","tags":["a","b","c"]}}"#);
    let lengths = entries(&[("note", "INVALID_LENGTH"), ("tags", "INVALID_LENGTH")]);
    assert_eq!(wrong(&body), ("VALIDATION_FAILED".into(), lengths));
}

#[test]
fn errors_of_one_kind_give_the_problem_its_code() {
    for (member, field, code) in [
        (r#""colour":1"#, "colour", "UNKNOWN_FIELD"),
        (r#""note":1"#, "note", "WRONG_TYPE"),
        (r#""amount":1"#, "amount", "DUPLICATE_FIELD"),
    ] {
        let body = format!(r#"{{"user_id":"{USER}","amount":1,{member}}}"#);
        assert_eq!(wrong(&body), (code.into(), entries(&[(field, code)])));
    }
    let both_names = format!(r#"{{"user_id":"{USER}","userId":"{USER}","amount":1}}"#);
    let twice = entries(&[("userId", "DUPLICATE_FIELD")]);
    assert_eq!(wrong(&both_names), ("DUPLICATE_FIELD".into(), twice));
}

#[test]
fn strings_that_cannot_be_stored_are_refused() {
    for (member, field, code) in [
        (r#""note":"a\u0000""#, "note", "INVALID_CHARACTER"),
        (r#""tags":["\u0000"]"#, "tags", "INVALID_CHARACTER"),
        (r#""note":"\ud800""#, "note", "INVALID_TEXT"),
        (
            r#""exchange_type":"\u0000""#,
            "exchange_type",
            "INVALID_CHARACTER",
        ),
    ] {
        let body = format!(r#"{{"user_id":"{USER}","amount":1,{member}}}"#);
        assert_eq!(
            wrong(&body),
            ("VALIDATION_FAILED".into(), entries(&[(field, code)]))
        );
    }
}

#[test]
fn a_body_that_is_not_one_json_object_is_refused() {
    for body in [
        "",
        " ",
        "{",
        "{}x",
        "{}{}",
        "{'a':1}",
        "{\"a\":01}",
        "nul",
        "{\"a\":\"\t\"}",
    ] {
        assert_eq!(wrong(body), ("MALFORMED_JSON".into(), vec![]), "{body}");
    }
    for body in [
        "[]",
        "null",
        "5",
        "\"{}\"",
        &format!("[\"{USER}\",1,null,null,[]]"),
    ] {
        assert_eq!(
            wrong(body),
            ("WRONG_TYPE".into(), entries(&[("", "WRONG_TYPE")])),
            "{body}"
        );
    }
    let not_utf8 = parse::<Order>(b"{\"note\":\"\xff\"}").unwrap_err();
    assert_eq!(not_utf8.code(), "MALFORMED_JSON");
    let deep = format!("{{\"note\":{}1{}}}", "[".repeat(20_000), "]".repeat(20_000));
    assert!(read_text(&deep).is_err());
    assert!(read_text(&"[".repeat(60_000)).is_err());
}

proptest! {
    #[test]
    fn no_bytes_panic_and_none_are_a_server_error(bytes: Vec<u8>) {
        if let Err(problem) = parse::<Order>(&bytes) {
            prop_assert!(problem.status().is_client_error());
        }
    }

    #[test]
    fn an_object_is_read_or_explained(
        members in proptest::collection::vec((
            "(user_id|userId|amount|exchange_type|note|tags|colour|\\\\u0000)",
            "(null|true|-?(0|[1-9][0-9]{0,30})(\\.[0-9]{1,9})?([eE]-?[0-9]{1,3})?|\"[a-zA-Z0-9_ .]{0,12}\"|\"\\\\u0000\"|\\[\"x\",1\\]|\\{\"a\":\\{\\}\\}|\"CRYPTO2FIAT\"|\"user_01jt0c7kq5e8tvb1y9m3x4z6wa\")",
        ), 0..6)
    ) {
        let members: Vec<_> = members.iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
        let body = format!("{{{}}}", members.join(","));
        if let Err(problem) = read_text(&body) {
            prop_assert_eq!(problem.status().as_u16(), 422, "{}", body);
            prop_assert!(!problem.errors().is_empty(), "{}: {}", body, problem.code());
        }
    }
}

fn service() -> Router {
    async fn take(JsonBody(_): JsonBody<Order>) -> &'static str {
        "taken"
    }
    Router::new().route("/", post(take))
}

async fn answer(content_type: Option<&str>, body: Body) -> StatusCode {
    let mut request = HttpRequest::post("/");
    if let Some(content_type) = content_type {
        request = request.header(header::CONTENT_TYPE, content_type);
    }
    let request = request.body(body).unwrap();
    service().oneshot(request).await.unwrap().status()
}

#[tokio::test]
async fn media_types_are_checked() {
    let body = || Body::from(format!(r#"{{"user_id":"{USER}","amount":1}}"#));
    for good in [
        "application/json",
        "application/json; charset=utf-8",
        "Application/JSON ; Charset=\"UTF-8\"",
    ] {
        assert_eq!(answer(Some(good), body()).await, StatusCode::OK, "{good}");
    }
    for bad in [
        Some("text/plain"),
        Some("application/xml"),
        Some("json"),
        Some("text/json"),
        Some("application/jsonp"),
        Some("application/merge-patch+json"),
        Some("application/problem+json"),
        Some("application/json; charset=utf-16"),
        Some("application/json; charset=iso-8859-1"),
        Some("application/json; profile=other"),
        Some("application/json, text/plain"),
        Some(""),
        None,
    ] {
        let status = answer(bad, body()).await;
        assert_eq!(status, StatusCode::UNSUPPORTED_MEDIA_TYPE, "{bad:?}");
    }
}

#[tokio::test]
async fn a_stream_without_a_length_is_cut_off_too() {
    let chunks = futures::stream::repeat(Ok::<_, std::convert::Infallible>(Bytes::from(vec![
        b' ';
        1024
    ])));
    let body = Body::from_stream(chunks);
    let status = answer(Some("application/json"), body).await;
    assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE);
}
