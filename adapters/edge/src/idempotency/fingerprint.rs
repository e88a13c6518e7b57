//! A request's fingerprint: a digest of its method, its path and the meaning of its body, however the JSON is written.

use axum::http::Method;
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

use crate::digest::first_half;
use crate::json::Members;

/// Members of a body that are left out of the digest: a fast hash of a password must not be stored.
const SECRET: [&str; 1] = ["password"];

/// The fingerprint of a request. The body has been read before: it is JSON of limited depth.
#[must_use]
pub fn fingerprint(method: &Method, path: &str, body: &[u8]) -> u128 {
    let mut digest = Sha256::new();
    digest.update(method.as_str());
    digest.update(b"\n");
    digest.update(path);
    digest.update(b"\n");
    digest.update(canonical(body));
    first_half(digest.finalize())
}

/// The body in its canonical form. An absent body equals an empty object.
fn canonical(body: &[u8]) -> String {
    let mut text = String::with_capacity(body.len());
    match serde_json::from_slice::<&RawValue>(body) {
        Ok(raw) => write(&mut text, raw, &SECRET),
        Err(_) => text.push_str("{}"),
    }
    text
}

/// Members in the order of their names, no white space, texts without needless escapes, numbers as written.
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
    fn bodies_that_mean_the_same_have_one_form() {
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
    fn different_requests_have_different_fingerprints() {
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
    fn passwords_are_left_out() {
        let of = |password: &str| {
            let body = format!(r#"{{"name":"Ada","password":"{password}"}}"#);
            canonical(body.as_bytes())
        };
        assert_eq!(of("a good long password"), r#"{"name":"Ada"}"#);
        assert_eq!(of("one"), of("another"));
        // An escaped name is left out too.
        let escaped = r#"{"\u0070assword":"secret"}"#;
        assert_eq!(canonical(escaped.as_bytes()), "{}");
    }
}
