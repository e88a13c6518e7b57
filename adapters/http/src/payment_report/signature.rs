//! Who has sent a report: HMAC-SHA256 with the provider's secret over the time of sending and the body as it came.

use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, HeaderName};
use hmac::{Hmac, KeyInit, Mac};
use p2p_domain::Timestamp;
use sha2::Sha256;

use crate::app::App;
use crate::problem::{Problem, SignatureError};
use p2p_edge::json::{read, require_json};

const X_PROVIDER: HeaderName = HeaderName::from_static("x-provider");
const X_SIGNATURE: HeaderName = HeaderName::from_static("x-signature");

/// While a provider changes its secret it signs with both.
const MOST_SIGNATURES: usize = 4;

/// A body that a known provider has signed a moment ago.
pub(super) struct Signed {
    pub(super) provider: String,
    pub(super) body: Bytes,
}

impl FromRequest<App> for Signed {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &App) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        let provider = the_one(&parts.headers, &X_PROVIDER)?;
        let signature = the_one(&parts.headers, &X_SIGNATURE)?;
        let body = read(body).await?;
        let callbacks = &app.settings().callbacks;
        let secret = callbacks.secrets.get(provider);
        // An unknown provider takes as long as a known one, and never passes.
        let key = secret.map_or(&b"nobody"[..], |secret| secret.expose().as_bytes());
        let checked = check(
            key,
            signature,
            &body,
            app.market().now(),
            callbacks.tolerance,
        );
        secret
            .ok_or(SignatureError::Invalid)
            .and(checked)
            .map_err(Problem::bad_signature)?;
        let provider = provider.to_owned();
        require_json(&parts.headers)?;
        Ok(Self { provider, body })
    }
}

/// The value of a header that comes once.
fn the_one<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<&'a str, Problem> {
    let mut values = headers.get_all(name).iter();
    let value = values
        .next()
        .ok_or_else(|| Problem::bad_signature(SignatureError::Missing))?;
    let only = values.next().is_none();
    value
        .to_str()
        .ok()
        .filter(|_| only)
        .ok_or_else(|| Problem::bad_signature(SignatureError::Invalid))
}

/// Whether one of the signatures is right, and of this moment.
fn check(
    key: &[u8],
    header: &str,
    body: &[u8],
    now: Timestamp,
    tolerance: Duration,
) -> Result<(), SignatureError> {
    let (sent, tags) = parse(header).ok_or(SignatureError::Invalid)?;
    let mut mac = Hmac::<Sha256>::new_from_slice(key).map_err(|_| SignatureError::Invalid)?;
    mac.update(sent.to_string().as_bytes());
    mac.update(b".");
    mac.update(body);
    // `verify_slice` takes as long for a near miss as for nonsense.
    if !tags.iter().any(|tag| mac.clone().verify_slice(tag).is_ok()) {
        return Err(SignatureError::Invalid);
    }
    let sent = Timestamp::from_micros(sent.saturating_mul(1_000_000));
    if now.since(sent) > tolerance || sent.since(now) > tolerance {
        return Err(SignatureError::Expired);
    }
    Ok(())
}

/// The time and the signatures of a header; what else is in it is for others.
fn parse(header: &str) -> Option<(i64, Vec<[u8; 32]>)> {
    let mut sent = None;
    let mut tags = Vec::new();
    for part in header.split(',') {
        match part.trim().split_once('=')? {
            ("t", text) if sent.is_none() && text.bytes().all(|byte| byte.is_ascii_digit()) => {
                // Signed as it is written: a time with leading zeros is none of ours.
                sent = Some(
                    text.parse()
                        .ok()
                        .filter(|time: &i64| time.to_string() == text)?,
                );
            }
            ("t", _) => return None,
            ("v1", text) => tags.push(unhex(text)?),
            _ => {}
        }
    }
    if tags.is_empty() || tags.len() > MOST_SIGNATURES {
        return None;
    }
    Some((sent?, tags))
}

fn unhex(text: &str) -> Option<[u8; 32]> {
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    if pairs.len() != 32 || !rest.is_empty() {
        return None;
    }
    let mut bytes = [0; 32];
    for (byte, pair) in bytes.iter_mut().zip(pairs) {
        let digit = |at: usize| char::from(pair[at]).to_digit(16);
        *byte = u8::try_from(digit(0)? * 16 + digit(1)?).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const KEY: &[u8] = b"a secret";
    const NOW: Timestamp = Timestamp::from_micros(1_744_988_400_000_000);
    /// Of `1744988400.{"a":1}` under this key, by another implementation.
    const TAG: &str = "bbf92b0ca26f93c44420813adad22cae0c2d31876549e46cd9f6c40523b32469";

    fn checked(header: &str, body: &[u8], now: Timestamp) -> Result<(), SignatureError> {
        check(KEY, header, body, now, Duration::from_secs(300))
    }

    #[test]
    fn the_right_signature_is_accepted_within_the_window() {
        let header = format!("t=1744988400,v1={TAG}");
        let body = br#"{"a":1}"#;
        let window = Duration::from_secs(300);
        let more = Duration::from_secs(301);
        assert_eq!(checked(&header, body, NOW), Ok(()));
        assert_eq!(checked(&header, body, NOW.after(window)), Ok(()));
        assert_eq!(checked(&header, body, NOW.before(window)), Ok(()));
        let expired = Err(SignatureError::Expired);
        assert_eq!(checked(&header, body, NOW.after(more)), expired);
        assert_eq!(checked(&header, body, NOW.before(more)), expired);
        let upper = format!("t=1744988400,v1={}", TAG.to_uppercase());
        assert_eq!(checked(&upper, body, NOW), Ok(()));
        let rotated = format!("t=1744988400,v1={},v0=x,v1={TAG}", "0".repeat(64));
        assert_eq!(checked(&rotated, body, NOW), Ok(()));
    }

    #[test]
    fn everything_else_is_not() {
        let invalid = Err(SignatureError::Invalid);
        let right = format!("t=1744988400,v1={TAG}");
        assert_eq!(checked(&right, br#"{"a":2}"#, NOW), invalid);
        for header in [
            String::new(),
            "t=1744988400".to_owned(),
            format!("v1={TAG}"),
            format!("t=1744988401,v1={TAG}"),
            format!("t=01744988400,v1={TAG}"),
            format!("t=-1744988400,v1={TAG}"),
            format!("t=1744988400,t=1744988400,v1={TAG}"),
            format!("t=1744988400,v0={TAG}"),
            format!("t=1744988400,v1={}", &TAG[2..]),
            format!("t=1744988400,v1={TAG}0"),
            format!("t=1744988400,v1=zz{}", &TAG[2..]),
            format!("t=99999999999999999999,v1={TAG}"),
            format!("t=1744988400{}", format!(",v1={TAG}").repeat(5)),
        ] {
            assert_eq!(checked(&header, br#"{"a":1}"#, NOW), invalid, "{header}");
        }
        let far = format!("t={},v1={TAG}", i64::MAX);
        assert_eq!(checked(&far, br#"{"a":1}"#, NOW), invalid);
    }

    /// The header of a body that was sent then.
    fn header(sent: i64, key: &[u8], body: &[u8]) -> String {
        let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
        mac.update(format!("{sent}.").as_bytes());
        mac.update(body);
        let tag = mac.finalize().into_bytes();
        let tag: String = tag.iter().map(|byte| format!("{byte:02x}")).collect();
        format!("t={sent},v1={tag}")
    }

    const SENT: i64 = 1_744_988_400;

    proptest! {
        #[test]
        fn what_is_signed_is_accepted(body in prop::collection::vec(any::<u8>(), 0..200), late in -300i64..=300) {
            let header = header(SENT + late, KEY, &body);
            prop_assert_eq!(checked(&header, &body, NOW), Ok(()));
        }

        #[test]
        fn no_other_body_has_the_signature(
            body in prop::collection::vec(any::<u8>(), 0..200),
            place: prop::sample::Index,
            byte: u8,
            way in 0..4,
        ) {
            let mut other = body.clone();
            let place = place.index(body.len() + 1);
            match way {
                0 => other.insert(place, byte),
                1 => other.truncate(place),
                2 if place < other.len() => other[place] ^= byte,
                _ => other.reverse(),
            }
            let verdict = checked(&header(SENT, KEY, &body), &other, NOW);
            prop_assert_eq!(verdict.is_ok(), other == body);
        }

        /// The time is signed as well, and so is where it ends and the body begins.
        #[test]
        fn no_other_time_has_the_signature(moved in -300i64..=300, digits in "[0-9]{1,3}") {
            let body = br#"{"a":1}"#;
            let signed = header(SENT, KEY, body);
            let (_, tag) = signed.split_once(',').unwrap();
            let verdict = checked(&format!("t={},{tag}", SENT + moved), body, NOW);
            prop_assert_eq!(verdict.is_ok(), moved == 0);
            let shifted = checked(&format!("t={SENT}{digits},{tag}"), body, NOW);
            prop_assert!(shifted.is_err());
            let shifted = checked(&signed, &[digits.as_bytes(), b".", body].concat(), NOW);
            prop_assert!(shifted.is_err());
        }

        #[test]
        fn no_other_key_signs(key in prop::collection::vec(any::<u8>(), 0..80)) {
            let body = br#"{"a":1}"#;
            // Keys are filled up with zeros: that is how this code is defined.
            let same = key.len() <= 64 && key.starts_with(KEY) && key[KEY.len()..].iter().all(|byte| *byte == 0);
            let verdict = checked(&header(SENT, &key, body), body, NOW);
            prop_assert_eq!(verdict.is_ok(), same);
        }

        /// Every letter counts, but for the case of the tag's digits.
        #[test]
        fn no_other_header_is_accepted(place in 0usize..80, letter in "\\PC") {
            let body = br#"{"a":1}"#;
            let right = header(SENT, KEY, body);
            prop_assert_eq!(right.len(), 80);
            let other = format!("{}{letter}{}", &right[..place], &right[place + 1..]);
            let verdict = checked(&other, body, NOW);
            prop_assert_eq!(verdict.is_ok(), other.to_lowercase() == right && other.starts_with("t=1744988400,v1="));
        }

        #[test]
        fn no_header_panics(header in prop_oneof!["\\PC{0,200}", "t=[0-9]{0,25}(,v[01]=[0-9a-fA-F]{0,66}){0,6}"]) {
            let verdict = checked(&header, b"{}", NOW);
            prop_assert!(verdict.is_err());
        }
    }
}
