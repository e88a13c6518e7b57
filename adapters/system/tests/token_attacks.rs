//! Tokens that an attacker without the key has altered: against the port, with signatures made by hand, and
//! not by the library that checks them. The tests beside the tokens cover rejections despite a valid key.
#![allow(
    clippy::unwrap_used,
    reason = "helpers of tests fail by panicking, as the tests do"
)]

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use p2p_application::ports::{Bearer, TokenError, Tokens};
use p2p_domain::user::Caller;
use p2p_domain::{Role, Roles, SessionId, Timestamp, TypedId, UserId};
use p2p_system::{JwtSettings, JwtTokens, TokenKey};
use proptest::prelude::*;
use serde_json::{Value, json};
use sha2::{Sha256, Sha384, Sha512};

const SECRET: &str = "0123456789abcdef0123456789abcdef";
const OTHER_SECRET: &str = "fedcba9876543210fedcba9876543210";
const NOW: Timestamp = Timestamp::from_micros(1_750_000_000_000_000);
const LIFETIME: Duration = Duration::from_secs(900);

/// The tokens under test.
fn tokens(secret: &str) -> impl Tokens {
    let settings = JwtSettings {
        key: TokenKey {
            id: "1".to_owned(),
            secret: secret.to_owned(),
        },
        old_keys: Vec::new(),
        lifetime: LIFETIME,
    };
    JwtTokens::new(&settings).unwrap()
}

fn caller(user: u128, roles: Roles) -> Caller {
    Caller {
        session: Some(SessionId::from_u128(user)),
        ..Caller::new(UserId::from_u128(user), roles)
    }
}

/// A user's token, and its claims.
fn genuine() -> (String, Bearer) {
    let access = tokens(SECRET)
        .issue(caller(7, [Role::Customer].into()), NOW)
        .unwrap();
    let bearer = tokens(SECRET).verify(&access.token, NOW).unwrap();
    (access.token, bearer)
}

/// What makes up a token.
fn parts(token: &str) -> [&str; 3] {
    let parts: Vec<_> = token.split('.').collect();
    parts.try_into().unwrap()
}

const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

fn encoded(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn decoded(text: &str) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(text).unwrap()
}

fn json_of(part: &str) -> Value {
    serde_json::from_slice(&decoded(part)).unwrap()
}

fn part_of(json: &Value) -> String {
    encoded(json.to_string().as_bytes())
}

macro_rules! tag {
    ($hash:ty, $key:expr, $text:expr) => {{
        let mut mac = Hmac::<$hash>::new_from_slice($key).unwrap();
        mac.update($text.as_bytes());
        encoded(&mac.finalize().into_bytes())
    }};
}

#[track_caller]
fn is_refused(token: &str) {
    let verdict = tokens(SECRET).verify(token, NOW);
    assert_eq!(verdict, Err(TokenError::Invalid), "{token}");
}

/// The claims of the genuine token, saying something better.
fn better_claims(token: &str) -> Value {
    let mut claims = json_of(parts(token)[1]);
    claims["roles"] = json!(["ADMIN"]);
    claims
}

#[test]
fn nothing_can_be_added_or_left_out() {
    let (token, _) = genuine();
    for place in 0..token.len() {
        is_refused(&token[..place]);
        is_refused(&token[place + 1..]);
        is_refused(&format!("{}{}", &token[..place], &token[place + 1..]));
        for more in ["A", ".", "=", " ", "\0", "é"] {
            is_refused(&format!("{}{more}{}", &token[..place], &token[place..]));
        }
    }
    for more in ["A", ".", "=", "==", " ", "\n", "\0", "..", ".e30", "é"] {
        is_refused(&format!("{token}{more}"));
    }
    is_refused(&format!("{token}{token}"));
    is_refused(&format!("{token}.{token}"));
    is_refused(&token.to_uppercase());
    is_refused(&token.to_lowercase());
}

#[test]
fn parts_of_two_tokens_make_no_third() {
    let (mine, _) = genuine();
    let admins = caller(8, [Role::Admin].into());
    let admins = tokens(SECRET).issue(admins, NOW).unwrap().token;
    let ([header, claims, tag], [_, better, other_tag]) = (parts(&mine), parts(&admins));
    for forged in [
        format!("{header}.{better}.{tag}"),
        format!("{header}.{claims}.{other_tag}"),
        format!("{claims}.{better}.{tag}"),
        format!("{header}.{header}.{tag}"),
        format!("{header}.{better}"),
        format!("{header}.{better}."),
        format!("..{tag}"),
        format!(".{better}.{tag}"),
    ] {
        is_refused(&forged);
    }
}

/// Headers that name another way to check, each signed in every way that is possible without the secret.
#[test]
fn no_header_makes_a_forged_token_genuine() {
    let (token, _) = genuine();
    let claims = part_of(&better_claims(&token));
    let kid = json_of(parts(&token)[0])["kid"].clone();
    // The header as it is: only the key is missing.
    let genuine_header = parts(&token)[0].to_owned();
    let algorithms = [
        "none", "None", "NONE", "nOnE", "", "HS256", "hs256", "HS384", "HS512", "RS256", "RS512",
        "PS256", "ES256", "ES384", "EdDSA", "HS1", "A128KW", "dir",
    ];
    let key = json!({"kty": "oct", "k": encoded(b"mine"), "alg": "HS256", "kid": "mine"});
    let mut headers: Vec<Value> = Vec::new();
    for algorithm in algorithms {
        headers.push(json!({"alg": algorithm, "typ": "at+jwt"}));
        headers.push(json!({"alg": algorithm, "typ": "at+jwt", "kid": kid}));
    }
    for (name, value) in [
        ("kid", json!("")),
        ("kid", json!("mine")),
        ("kid", json!("../../../../dev/null")),
        ("kid", json!("/proc/sys/kernel/randomize_va_space")),
        ("kid", json!("' UNION SELECT 'mine' --")),
        ("kid", json!("| true")),
        ("kid", json!("\0")),
        ("kid", json!(0)),
        ("kid", json!(["mine"])),
        ("kid", json!("k".repeat(10_000))),
        ("jwk", key.clone()),
        ("jku", json!("https://example.org/keys.json")),
        ("x5u", json!("https://example.org/cert.pem")),
        ("x5c", json!(["MIIB"])),
        ("crit", json!(["exp"])),
        ("b64", json!(false)),
        ("zip", json!("DEF")),
        ("enc", json!("A128GCM")),
        ("cty", json!("JWT")),
        ("alg", json!(null)),
        ("alg", json!(["HS256", "none"])),
        ("alg", json!({"HS256": "none"})),
    ] {
        let mut header = json!({"alg": "HS256", "typ": "at+jwt", "kid": kid});
        header[name] = value;
        headers.push(header);
    }
    let header = part_of(&json!({"typ": "JWT"}));
    is_refused(&format!("{header}.{claims}."));
    let keys: [&[u8]; 9] = [
        b"",
        b"\0",
        b"mine",
        b"secret",
        b"p2p-market",
        b"null",
        OTHER_SECRET.as_bytes(),
        token.as_bytes(),
        parts(&token)[2].as_bytes(),
    ];
    let mut headers: Vec<_> = headers.iter().map(part_of).collect();
    headers.push(genuine_header);
    for header in headers {
        let signed = format!("{header}.{claims}");
        is_refused(&format!("{signed}."));
        is_refused(&signed);
        is_refused(&format!("{signed}.{}", parts(&token)[2]));
        for key in keys {
            is_refused(&format!("{signed}.{}", tag!(Sha256, key, &signed)));
            is_refused(&format!("{signed}.{}", tag!(Sha384, key, &signed)));
            is_refused(&format!("{signed}.{}", tag!(Sha512, key, &signed)));
        }
    }
}

/// The right secret, used in another way than is agreed, is no better than a wrong one.
#[test]
fn the_right_secret_is_for_one_algorithm() {
    let (token, _) = genuine();
    let header = String::from_utf8(decoded(parts(&token)[0])).unwrap();
    let with = |algorithm: &str| {
        let header = header.replace("HS256", algorithm);
        encoded(header.as_bytes())
    };
    let claims = part_of(&better_claims(&token));
    let secret = SECRET.as_bytes();
    for algorithm in ["none", "HS384", "HS512", "RS256", "ES256", "EdDSA", "PS256"] {
        let signed = format!("{}.{claims}", with(algorithm));
        for tag in [
            tag!(Sha256, secret, &signed),
            tag!(Sha384, secret, &signed),
            tag!(Sha512, secret, &signed),
        ] {
            is_refused(&format!("{signed}.{tag}"));
        }
    }
    let signed = format!("{}.{claims}", with("HS256"));
    is_refused(&format!("{signed}.{}", tag!(Sha512, secret, &signed)));
    // And this is what all that has come to: with the secret it is a token.
    let made = format!("{signed}.{}", tag!(Sha256, secret, &signed));
    let bearer = tokens(SECRET).verify(&made, NOW).unwrap();
    assert_eq!(bearer.caller, caller(7, [Role::Admin].into()));
    assert_eq!(
        bearer,
        Bearer {
            caller: bearer.caller,
            ..genuine().1
        }
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn a_token_says_exactly_what_was_said(user: u128, bits in 0u8..16, at in 0i64..4_000_000_000, proved: bool) {
        let caller = caller(user, Roles::from_bits(bits).unwrap());
        let now = Timestamp::from_micros(at * 1_000_000);
        let caller = if proved { caller.proved(now) } else { caller };
        let access = tokens(SECRET).issue(caller, now).unwrap();
        let expires_at = access.expires_at;
        let bearer = tokens(SECRET).verify(&access.token, now).unwrap();
        prop_assert_eq!((bearer.caller, bearer.expires_at), (caller, expires_at));
        // A token of another secret is rejected, whatever its claims.
        let other = tokens(OTHER_SECRET).verify(&access.token, now);
        prop_assert_eq!(other, Err(TokenError::Invalid));
    }

    /// A token is good from half a minute before it was made, by clocks that differ, until it expires: neither before nor
    /// from then on.
    #[test]
    fn a_token_is_good_for_its_time(micros in -2_000_000_000i64..2_000_000_000) {
        let (token, bearer) = genuine();
        let then = Timestamp::from_micros(NOW.as_micros() + micros);
        let verdict = tokens(SECRET).verify(&token, then);
        if then < NOW.before(Duration::from_secs(30)) {
            prop_assert_eq!(verdict, Err(TokenError::Invalid));
        } else if then < bearer.expires_at {
            prop_assert_eq!(verdict, Ok(bearer));
        } else {
            prop_assert_eq!(verdict, Err(TokenError::Expired));
        }
        prop_assert_eq!(bearer.expires_at, NOW.after(LIFETIME));
    }

    /// Several letters at once, bits flipped, pieces moved.
    #[test]
    fn a_worked_on_token_is_none(
        changes in prop::collection::vec((any::<prop::sample::Index>(), prop::sample::select(LETTERS.to_vec())), 1..6),
        cut in any::<prop::sample::Index>(),
        turn: bool,
    ) {
        let (token, bearer) = genuine();
        let mut forged = token.clone().into_bytes();
        for (place, letter) in changes {
            let place = place.index(forged.len());
            forged[place] = letter;
        }
        if turn {
            let cut = cut.index(forged.len());
            forged.rotate_left(cut);
        }
        let forged = String::from_utf8(forged).unwrap();
        let verdict = tokens(SECRET).verify(&forged, NOW);
        let wanted = if forged == token { Ok(bearer) } else { Err(TokenError::Invalid) };
        prop_assert_eq!(verdict, wanted, "{}", forged);
    }
}
