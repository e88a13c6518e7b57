//! Malicious bodies and query strings: too large, too deep, too many, too long.

use serde_json::Value;

use crate::access_fixture::{AccessFixture, PROVIDER};
use crate::call::{Call, Reply, Twist, build_call, send, send_bytes};
use crate::matrix::allowed;
use crate::operations::{self, Operation};

/// The limit of a refusal: input must not come back multiplied.
const MAX_REFUSAL_BYTES: usize = 16 * 1024;

/// Bodies by their description.
type Bodies = Vec<(String, Vec<u8>)>;

/// Bodies that are invalid for every operation.
fn always_invalid() -> Bodies {
    let mut bodies: Vec<(&str, Vec<u8>)> = vec![
        ("too many brackets", vec![b'['; 100_000]),
        ("60,000 brackets", vec![b'['; 60_000]),
        ("10,000 objects in each other", br#"{"a":"#.repeat(10_000)),
        ("closed as well", [vec![b'['; 30_000], vec![b']'; 30_000]].concat()),
        ("a NUL", vec![0]),
        ("a NUL within", b"{\"a\":\"\0\"}".to_vec()),
        ("not UTF-8", b"{\"a\":\"\xff\xfe\"}".to_vec()),
        ("UTF-16", "{}".encode_utf16().flat_map(u16::to_le_bytes).collect()),
        ("a byte order mark", b"\xef\xbb\xbf{}".to_vec()),
        ("a lone surrogate as a name", br#"{"\ud800":1}"#.to_vec()),
        ("spaces", vec![b' '; 60_000]),
        ("half an object", br#"{"a":"#.to_vec()),
        ("two objects", b"{}{}".to_vec()),
        ("a comment", b"{/* */}".to_vec()),
        ("single quotes", b"{'a':1}".to_vec()),
        ("no number", br#"{"a":NaN}"#.to_vec()),
        ("hexadecimal", br#"{"a":0x10}"#.to_vec()),
        ("a leading zero", br#"{"a":01}"#.to_vec()),
        ("a tab in a text", b"{\"a\":\"\t\"}".to_vec()),
        ("a form", b"amount=1&roles=ADMIN".to_vec()),
        ("XML", b"<?xml version=\"1.0\"?><!DOCTYPE a [<!ENTITY b SYSTEM \"file:///etc/passwd\">]><a>&b;</a>".to_vec()),
    ];
    for not_an_object in [
        "null", "true", "1", "1e400", "-0", "\"text\"", "[]", "[{}]", "[[]]",
    ] {
        bodies.push((not_an_object, not_an_object.as_bytes().to_vec()));
    }
    let named = bodies
        .into_iter()
        .map(|(name, body)| (name.to_owned(), body));
    named.collect()
}

/// Unknown members, many or long. Signed bodies are exempt, since payment providers may add members of their own.
fn with_unknown_members(good: &Value) -> Bodies {
    let with = |more: String| {
        let good = good.to_string();
        let inside = good.trim_start_matches('{');
        let comma = if inside == "}" { "" } else { "," };
        format!("{{{more}{comma}{inside}").into_bytes()
    };
    let many: Vec<_> = (0..6_000)
        .map(|number| format!("\"{number:x}\":0"))
        .collect();
    let same = vec!["\"a\":0"; 9_000].join(",");
    vec![
        ("6,000 strangers".to_owned(), with(many.join(","))),
        ("one stranger 9,000 times".to_owned(), with(same)),
        ("20 long names".to_owned(), with(many_of(20, 2_000))),
        (
            "a long name".to_owned(),
            with(format!("\"{}\":0", "n".repeat(60_000))),
        ),
        (
            "a long name of other letters".to_owned(),
            with(format!("\"{}\":0", "ж".repeat(30_000))),
        ),
    ]
}

fn many_of(count: usize, length: usize) -> String {
    let members = (0..count).map(|number| format!("\"{number:0>length$}\":0"));
    members.collect::<Vec<_>>().join(",")
}

/// The good body with one member made bad.
fn with_one_bad(good: &Value, fields: &[String]) -> Bodies {
    let deep = |open: &str, close: &str| [open.repeat(5_000), close.repeat(5_000)].concat();
    let values = [
        ("deep lists", deep("[", "]")),
        ("deep objects", deep("{\"a\":", "}").replace(":}", ":1}")),
        ("a huge number", "1e400".to_owned()),
        ("a huge negative number", "-1e999999999".to_owned()),
        ("a tiny number", "1e-999999999".to_owned()),
        ("a long number", "9".repeat(20_000)),
        ("a long fraction", format!("0.{}1", "0".repeat(20_000))),
        (
            "a long number as a text",
            format!("\"{}\"", "9".repeat(20_000)),
        ),
        ("a long text", format!("\"{}\"", "x".repeat(60_000))),
        ("a NUL", "\"a\\u0000b\"".to_owned()),
        ("a lone surrogate", "\"a\\ud800b\"".to_owned()),
        (
            "surrogates in the wrong order",
            "\"\\udc00\\ud800\"".to_owned(),
        ),
        ("many values", format!("[{}]", vec!["1"; 20_000].join(","))),
    ];
    let mut bodies = Vec::new();
    for field in fields {
        for (name, value) in &values {
            // Concatenated, since a `Value` can't represent these numbers and texts.
            let mut good = good.clone();
            good.as_object_mut().unwrap().remove(field);
            let rest = good.to_string();
            let inside = rest.trim_start_matches('{');
            let comma = if inside == "}" { "" } else { "," };
            let body = format!("{{\"{field}\":{value}{comma}{inside}");
            bodies.push((format!("{name} as {field}"), body.into_bytes()));
        }
        let twice = format!("{{\"{field}\":1,\"{field}\":1}}");
        bodies.push((format!("{field} twice"), twice.into_bytes()));
    }
    bodies
}

/// Signs the body where the operation requires it; `None` if it can't be signed.
fn signed(
    fixture: &AccessFixture,
    operation: &Operation,
    call: &Call,
    body: &[u8],
) -> Option<Call> {
    if operation.name != "receive_payment_report" {
        return Some(call.clone());
    }
    let text = std::str::from_utf8(body).ok()?;
    let signature = fixture.signature(text);
    let headers = vec![
        ("x-provider", PROVIDER.to_owned()),
        ("x-signature", signature),
    ];
    Some(Call {
        headers,
        ..call.clone()
    })
}

#[track_caller]
fn is_a_short_refusal(reply: &Reply, statuses: &[u16], of: &str) {
    let shown: String = reply.text.chars().take(300).collect();
    let status = reply.status.as_u16();
    assert!(statuses.contains(&status), "{of}: {status} {shown}");
    assert_eq!(
        reply.headers["content-type"], "application/problem+json",
        "{of}"
    );
    assert!(reply.body["request_id"].is_string(), "{of}: {shown}");
    let length = reply.text.len();
    assert!(length <= MAX_REFUSAL_BYTES, "{of}: {length} bytes, {shown}");
}

#[tokio::test]
async fn bad_bodies_are_refused_briefly_and_change_nothing() {
    let fixture = AccessFixture::open().await;
    for operation in operations::all().iter().filter(|one| one.example.is_some()) {
        fixture.reset().await;
        let (who, ownership) = allowed(operation);
        let call = build_call(&fixture, operation, &Twist::None, ownership).await;
        let person = fixture.sign_in_as(who).await;
        let good = call.body.clone().unwrap();
        let mut bodies = always_invalid();
        if operation.takes_body {
            bodies.extend(with_unknown_members(&good));
            bodies.extend(with_one_bad(&good, &operation.fields));
        }
        let before = fixture.base.memory.tables();
        for (number, (name, body)) in bodies.into_iter().enumerate() {
            let Some(mut call) = signed(&fixture, operation, &call, &body) else {
                continue;
            };
            for (header, value) in &mut call.headers {
                if *header == "idempotency-key" {
                    *value = format!("bad-{number}");
                }
            }
            let of = format!("{}, {name}", operation.name);
            let too_large = body.len() > 64 * 1024;
            let reply = send_bytes(&fixture, person.as_ref(), &call, Some(body)).await;
            let statuses: &[u16] = if too_large { &[413] } else { &[400, 422] };
            is_a_short_refusal(&reply, statuses, &of);
        }
        let mut after = fixture.base.memory.tables();
        // A refusal by the market's rules is stored under its key.
        after.replies.clone_from(&before.replies);
        assert!(after == before, "{}", operation.name);
        let reply = send(&fixture, person.as_ref(), &call).await;
        assert!(
            reply.status.is_success(),
            "{}: {}",
            operation.name,
            reply.text
        );
    }
}

#[tokio::test]
async fn bad_query_strings_are_refused_briefly() {
    let fixture = AccessFixture::open().await;
    let many: Vec<_> = (0..6_000).map(|number| format!("{number:x}=1")).collect();
    let queries = [
        many.join("&"),
        vec!["limit=1"; 7_000].join("&"),
        format!("limit={}", "9".repeat(50_000)),
        format!("{}=1", "n".repeat(50_000)),
        "%00=1".to_owned(),
        "limit=%ff%fe".to_owned(),
        "limit=%0d%0aset-cookie:%20a=b".to_owned(),
        "limit[]=1&limit[$gt]=1".to_owned(),
        "&".repeat(50_000) + "a=1",
    ];
    let mut refused = 0;
    for operation in operations::all().iter().filter(|one| !one.query.is_empty()) {
        fixture.reset().await;
        let (who, ownership) = allowed(operation);
        let call = build_call(&fixture, operation, &Twist::None, ownership).await;
        let person = fixture.sign_in_as(who).await;
        for query in &queries {
            let bad = Call {
                path: format!("{}?{query}", call.path),
                ..call.clone()
            };
            let reply = send(&fixture, person.as_ref(), &bad).await;
            let of = format!("{}?{:.60}", operation.name, query);
            let statuses: &[u16] = if operation.name == "open_web_socket" {
                &[400, 426]
            } else {
                &[400]
            };
            is_a_short_refusal(&reply, statuses, &of);
            refused += 1;
        }
    }
    assert!(refused > 50, "{refused}");
}

/// Paths are matched as sent, without normalisation.
#[tokio::test]
async fn bad_paths_are_not_found() {
    let fixture = AccessFixture::open().await;
    for path in [
        "//api/wallet",
        "/api//wallet",
        "/api/./wallet",
        "/api/nothing/../wallet",
        "/api/%2e%2e/metrics",
        "/api/wallet/",
        "/API/WALLET",
        "/api/wallet%00",
        "/api/wallet;a=b",
        "/api/wallet%2fentries",
        "/swagger-ui/../../etc/passwd",
        "/swagger-ui/..%2f..%2f..%2fetc%2fpasswd",
        "/swagger-ui/%2e%2e/%2e%2e/etc/passwd",
    ] {
        let call = Call {
            method: axum::http::Method::GET,
            path: path.to_owned(),
            headers: Vec::new(),
            body: None,
        };
        let reply = send(&fixture, Some(&fixture.asker), &call).await;
        assert_eq!(reply.status, 404, "{path}: {}", reply.text);
        assert!(!reply.text.contains("root:"), "{path}");
    }
}
