//! What tells one request from another: a digest of its method, its path and what its body says, however that is spelt.

use axum::http::Method;
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

use super::scope::first_half;
use crate::extract::Members;

/// Members of a body that go into no digest: a fast hash of a password must not be kept.
const SECRET: [&str; 1] = ["password"];

/// A digest of a request. The body has been read before: it is JSON, and no deeper than what is asked for.
pub(super) fn fingerprint(method: &Method, path: &str, body: &[u8]) -> u128 {
    let mut digest = Sha256::new();
    digest.update(method.as_str());
    digest.update(b"\n");
    digest.update(path);
    digest.update(b"\n");
    digest.update(canonical(body));
    first_half(digest.finalize())
}

/// The body without what does not matter. No body at all says as much as an empty object.
fn canonical(body: &[u8]) -> String {
    let mut text = String::with_capacity(body.len());
    match serde_json::from_slice::<&RawValue>(body) {
        Ok(raw) => write(&mut text, raw, &SECRET),
        Err(_) => text.push_str("{}"),
    }
    text
}

/// Members in the order of their names, no white space, texts without needless escapes, numbers as they stand.
fn write(text: &mut String, raw: &RawValue, left_out: &[&str]) {
    let json = raw.get();
    match json.as_bytes().first() {
        Some(b'{') => match serde_json::from_str::<Members<'_>>(json) {
            Ok(Members(members)) => write_object(text, members, left_out),
            Err(_) => text.push_str(json),
        },
        Some(b'[') => match serde_json::from_str::<Vec<&RawValue>>(json) {
            Ok(values) => write_list(text, '[', ']', values, |text, value| {
                write(text, value, &[]);
            }),
            Err(_) => text.push_str(json),
        },
        Some(b'"') => match serde_json::from_str::<String>(json) {
            Ok(string) => write_string(text, &string),
            Err(_) => text.push_str(json),
        },
        _ => text.push_str(json),
    }
}

fn write_object(text: &mut String, mut members: Vec<(String, &RawValue)>, left_out: &[&str]) {
    members.retain(|(name, _)| !left_out.contains(&name.as_str()));
    members.sort_by(|(one, _), (other, _)| one.cmp(other));
    write_list(text, '{', '}', members, |text, (name, value)| {
        write_string(text, &name);
        text.push(':');
        write(text, value, &[]);
    });
}

fn write_list<T>(
    text: &mut String,
    open: char,
    close: char,
    items: Vec<T>,
    write_item: impl Fn(&mut String, T),
) {
    text.push(open);
    for (position, item) in items.into_iter().enumerate() {
        if position > 0 {
            text.push(',');
        }
        write_item(text, item);
    }
    text.push(close);
}

fn write_string(text: &mut String, string: &str) {
    text.push_str(&serde_json::Value::from(string).to_string());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_means_the_same_is_the_same() {
        let one = r#"{"b": [1, {"y": "\u0416", "x": null}], "a": 1.50 }"#;
        let other = "{\"a\":1.50,\n\"b\":[1,{\"x\":null,\"y\":\"Ж\"}]}";
        assert_eq!(
            canonical(one.as_bytes()),
            r#"{"a":1.50,"b":[1,{"x":null,"y":"Ж"}]}"#
        );
        assert_eq!(canonical(one.as_bytes()), canonical(other.as_bytes()));
        assert_eq!(canonical(b""), canonical(b" { } "));
    }

    #[test]
    fn what_differs_differs() {
        let bodies = [
            r"{}",
            r#"{"a":1}"#,
            r#"{"a":1.0}"#,
            r#"{"a":"1"}"#,
            r#"{"a":[1]}"#,
            r#"{"a":{"b":1}}"#,
            r#"{"a":null}"#,
            r#"{"a":"1\",\"b\":\"2"}"#,
            r#"{"a":"1","b":"2"}"#,
            r#"{"a":["1","2"]}"#,
            r#"{"a":["1,2"]}"#,
        ];
        let mut digests: Vec<_> = bodies
            .iter()
            .map(|body| fingerprint(&Method::POST, "/a", body.as_bytes()))
            .collect();
        digests.push(fingerprint(&Method::PUT, "/a", b"{}"));
        digests.push(fingerprint(&Method::POST, "/b", b"{}"));
        let all = digests.len();
        digests.sort_unstable();
        digests.dedup();
        assert_eq!(digests.len(), all);
    }

    #[test]
    fn no_trace_of_a_password_is_kept() {
        let of = |password: &str| {
            let body = format!(r#"{{"name":"Ada","password":"{password}"}}"#);
            canonical(body.as_bytes())
        };
        assert_eq!(of("a good long password"), r#"{"name":"Ada"}"#);
        assert_eq!(of("one"), of("another"));
        // Escapes don't hide it.
        let escaped = r#"{"\u0070assword":"secret"}"#;
        assert_eq!(canonical(escaped.as_bytes()), "{}");
    }
}
