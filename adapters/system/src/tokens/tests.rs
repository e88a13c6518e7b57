use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use p2p_domain::{Role, SessionId, TypedId, UserId};
use proptest::prelude::*;
use sha2::{Sha256, Sha512};

use super::*;

const SECRET: &str = "0123456789abcdef0123456789abcdef";
const OTHER: &str = "fedcba9876543210fedcba9876543210";
const NOW: Timestamp = Timestamp::from_micros(1_750_000_000_700_000);
const LIFETIME: Duration = Duration::from_secs(600);

fn key(id: &str, secret: &str) -> TokenKey {
    TokenKey {
        id: id.into(),
        secret: secret.into(),
    }
}

fn with_keys(key: TokenKey, old_keys: Vec<TokenKey>) -> JwtTokens {
    let settings = JwtSettings {
        key,
        old_keys,
        lifetime: LIFETIME,
    };
    JwtTokens::new(&settings).unwrap()
}

fn tokens() -> JwtTokens {
    with_keys(key("1", SECRET), vec![])
}

fn caller() -> Caller {
    Caller {
        session: Some(SessionId::from_u128(5)),
        ..Caller::new(
            UserId::from_u128(7),
            [Role::Customer, Role::Moderator].into(),
        )
        .proved(NOW.before(Duration::from_secs(60)))
    }
}

fn refresh() -> Refresh {
    Refresh {
        session: SessionId::from_u128(5),
        user: UserId::from_u128(7),
        generation: 3,
    }
}

fn link(purpose: LinkPurpose) -> Link {
    Link {
        purpose,
        user: UserId::from_u128(7),
        password_set_at: NOW.before(Duration::from_micros(1)),
    }
}

fn mac(secret: &str, message: &str) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(message.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

/// A token made with knowledge of the secret.
fn forge(header: &str, claims: &str, secret: &str) -> String {
    let encode = |text| URL_SAFE_NO_PAD.encode(text);
    let signed = format!("{}.{}", encode(header), encode(claims));
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(mac(secret, &signed)))
}

const HEADER: &str = r#"{"typ":"at+jwt","alg":"HS256","kid":"1"}"#;

/// The claims of a good token, with one of them replaced.
fn claims(name: &str, value: &str) -> String {
    let user = format!("{:?}", caller().user.to_string());
    let mut claims = String::from("{");
    for (claim, good) in [
        ("iss", r#""p2p-market""#),
        ("aud", r#""p2p-market""#),
        ("sub", &user),
        ("iat", "1750000000"),
        ("nbf", "1750000000"),
        ("exp", "1750000600"),
        ("roles", r#"["CUSTOMER"]"#),
    ] {
        let value = if claim == name { value } else { good };
        if !value.is_empty() {
            claims += &format!(r#""{claim}":{value},"#);
        }
    }
    claims.pop();
    claims + "}"
}

fn verify(token: &str) -> Result<Bearer, TokenError> {
    tokens().verify(token, NOW)
}

#[test]
fn a_token_says_who_its_bearer_is_until_it_expires() {
    let access = tokens().issue(caller(), NOW).unwrap();
    let bearer = verify(&access.token).unwrap();
    let second = Timestamp::from_micros(1_750_000_000_000_000);
    assert_eq!(bearer.issued_at, second, "a whole second, and no later one");
    assert_eq!(bearer.expires_at, second.after(LIFETIME));
    assert_eq!(bearer.expires_at, access.expires_at);
    let proved_at = Some(second.before(Duration::from_secs(60)));
    let same = Caller {
        proved_at,
        ..caller()
    };
    assert_eq!(bearer.caller, same);
    let last = access.expires_at.before(Duration::from_micros(1));
    assert_eq!(tokens().verify(&access.token, last), Ok(bearer));
    let over = tokens().verify(&access.token, access.expires_at);
    assert_eq!(over, Err(TokenError::Expired));
    assert!(!format!("{access:?}").contains(&access.token));
}

#[test]
fn a_user_without_a_session_gets_a_token_too() {
    let caller = Caller::new(UserId::from_u128(1), [].into());
    let access = tokens().issue(caller, NOW).unwrap();
    assert_eq!(verify(&access.token).unwrap().caller, caller);
}

#[test]
fn refresh_tokens_and_links_say_what_they_were_given() {
    let until = NOW.after(Duration::from_secs(3_600));
    let token = tokens().issue_refresh(refresh(), NOW, until).unwrap();
    assert_eq!(tokens().verify_refresh(&token, NOW), Ok(refresh()));
    let over = tokens().verify_refresh(&token, until);
    assert_eq!(over, Err(TokenError::Expired));
    for purpose in [LinkPurpose::VerifyEmail, LinkPurpose::ResetPassword] {
        let token = tokens().issue_link(link(purpose), NOW, until).unwrap();
        assert_eq!(tokens().verify_link(&token, NOW), Ok(link(purpose)));
        let over = tokens().verify_link(&token, until);
        assert_eq!(over, Err(TokenError::Expired));
    }
}

#[test]
fn a_token_of_one_kind_is_none_of_another() {
    let until = NOW.after(LIFETIME);
    let made = [
        tokens().issue(caller(), NOW).unwrap().token,
        tokens().issue_refresh(refresh(), NOW, until).unwrap(),
        tokens()
            .issue_link(link(LinkPurpose::VerifyEmail), NOW, until)
            .unwrap(),
        tokens()
            .issue_link(link(LinkPurpose::ResetPassword), NOW, until)
            .unwrap(),
    ];
    for (made_as, token) in made.iter().enumerate() {
        let taken = [
            tokens().verify(token, NOW).is_ok(),
            tokens().verify_refresh(token, NOW).is_ok(),
            tokens()
                .verify_link(token, NOW)
                .is_ok_and(|link| link.purpose == LinkPurpose::VerifyEmail),
            tokens()
                .verify_link(token, NOW)
                .is_ok_and(|link| link.purpose == LinkPurpose::ResetPassword),
        ];
        for (kind, taken) in taken.into_iter().enumerate() {
            assert_eq!(taken, kind == made_as, "{made_as} as {kind}");
        }
    }
    // A header of another kind is rejected too, even with a valid signature.
    for kind in ["JWT", "jwt", "at+JWT", "p2p-refresh+jwt", ""] {
        let header = HEADER.replace("at+jwt", kind);
        let forged = forge(&header, &claims("", ""), SECRET);
        assert_eq!(verify(&forged), Err(TokenError::Invalid), "{kind}");
    }
}

#[test]
fn a_forged_header_is_refused() {
    let good = claims("", "");
    assert!(verify(&forge(HEADER, &good, SECRET)).is_ok());
    for header in [
        r#"{"alg":"none","kid":"1","typ":"at+jwt"}"#,
        r#"{"alg":"None","kid":"1","typ":"at+jwt"}"#,
        r#"{"alg":"RS256","kid":"1","typ":"at+jwt"}"#,
        r#"{"alg":"HS384","kid":"1","typ":"at+jwt"}"#,
        r#"{"alg":"HS512","kid":"1","typ":"at+jwt"}"#,
        r#"{"alg":"hs256","kid":"1","typ":"at+jwt"}"#,
        r#"{"kid":"1","typ":"at+jwt"}"#,
        // The key is right, its id is another, or missing.
        r#"{"alg":"HS256","kid":"2","typ":"at+jwt"}"#,
        r#"{"alg":"HS256","kid":"","typ":"at+jwt"}"#,
        r#"{"alg":"HS256","kid":1,"typ":"at+jwt"}"#,
        r#"{"alg":"HS256","kid":"../../dev/null","typ":"at+jwt"}"#,
        r#"{"alg":"HS256","typ":"at+jwt"}"#,
        // Keys that come with the token, and unknown headers.
        r#"{"alg":"HS256","jwk":{"kty":"oct","k":"AA"},"kid":"1","typ":"at+jwt"}"#,
        r#"{"alg":"HS256","jku":"http://localhost/keys","kid":"1","typ":"at+jwt"}"#,
        r#"{"alg":"HS256","b64":false,"crit":["b64"],"kid":"1","typ":"at+jwt"}"#,
        r#"{"alg":"none","alg":"HS256","kid":"1","typ":"at+jwt"}"#,
        "{}",
        "",
    ] {
        let forged = forge(header, &good, SECRET);
        assert_eq!(verify(&forged), Err(TokenError::Invalid), "{header}");
        let (signed, _) = forged.rsplit_once('.').unwrap();
        let unsigned = format!("{signed}.");
        assert_eq!(verify(&unsigned), Err(TokenError::Invalid), "{header}");
    }
}

#[test]
fn another_signature_is_refused() {
    let genuine = forge(HEADER, &claims("", ""), SECRET);
    let (signed, signature) = genuine.rsplit_once('.').unwrap();
    let other_key = forge(HEADER, &claims("", ""), OTHER);
    let mut longer_mac = Hmac::<Sha512>::new_from_slice(SECRET.as_bytes()).unwrap();
    longer_mac.update(signed.as_bytes());
    let longer_mac = URL_SAFE_NO_PAD.encode(longer_mac.finalize().into_bytes());
    let (header, payload) = signed.split_once('.').unwrap();
    for forged in [
        other_key,
        format!("{signed}.{longer_mac}"),
        format!("{signed}."),
        signed.to_owned(),
        format!("{signed}.{}", &signature[..40]),
        format!("{signed}.{signature}="),
        format!("{signed}.{signature}A"),
        format!("{genuine}.{signature}"),
        format!("{genuine}."),
        format!("{genuine} "),
        format!(" {genuine}"),
        format!("{genuine}\n"),
        format!("{header}..{signature}"),
        format!("{header}.{payload}{payload}.{signature}"),
        format!("{payload}.{header}.{signature}"),
    ] {
        assert_eq!(verify(&forged), Err(TokenError::Invalid), "{forged}");
    }
}

#[test]
fn what_is_no_token_is_refused() {
    let (dots, much) = (".".repeat(1_000), "A".repeat(2_000_000));
    let long = format!("{}.{much}.{}", "e30", "A".repeat(43));
    for text in [
        "", ".", "..", "...", "a.b.c", "null", "{}", "é.ü.ö", "\0", &dots, &much, &long,
    ] {
        assert_eq!(verify(text), Err(TokenError::Invalid));
        assert!(tokens().verify_refresh(text, NOW).is_err());
        assert!(tokens().verify_link(text, NOW).is_err());
    }
    // Too long is too long, however well it is signed.
    let padded = claims("aud", &format!("\"{}\"", "a".repeat(1_000)));
    let forged = forge(HEADER, &padded, SECRET);
    assert_eq!(verify(&forged), Err(TokenError::Invalid));
}

#[test]
fn wrong_claims_are_refused_even_if_signed_correctly() {
    for (claim, value, expected) in [
        ("iss", r#""p2p-other""#, TokenError::Invalid),
        ("iss", r#"["p2p-market"]"#, TokenError::Invalid),
        ("iss", "", TokenError::Invalid),
        ("aud", r#""p2p-other""#, TokenError::Invalid),
        ("aud", r#"["p2p-market","p2p-other"]"#, TokenError::Invalid),
        ("aud", "", TokenError::Invalid),
        ("sub", r#""root""#, TokenError::Invalid),
        (
            "sub",
            r#""listing_00000000000000000000000007""#,
            TokenError::Invalid,
        ),
        ("sub", "", TokenError::Invalid),
        ("roles", r#"["GOD"]"#, TokenError::Invalid),
        ("roles", r#""ADMIN""#, TokenError::Invalid),
        ("roles", "8", TokenError::Invalid),
        ("roles", "", TokenError::Invalid),
        ("exp", "", TokenError::Invalid),
        ("exp", "1e99", TokenError::Invalid),
        ("exp", "1750000600.5", TokenError::Invalid),
        ("exp", r#""1750000600""#, TokenError::Invalid),
        ("exp", "9223372036854775808", TokenError::Invalid),
        ("exp", "1750000000", TokenError::Expired),
        ("exp", "-9223372036854775808", TokenError::Expired),
        ("nbf", "1750000031", TokenError::Invalid),
        ("nbf", "9223372036854775807", TokenError::Invalid),
        ("nbf", "", TokenError::Invalid),
        ("iat", "", TokenError::Invalid),
        // Longer ago than a lifetime, however late it is said to expire.
        ("iat", "1749999400", TokenError::Expired),
        ("iat", "-9223372036854775808", TokenError::Expired),
    ] {
        let forged = forge(HEADER, &claims(claim, value), SECRET);
        assert_eq!(verify(&forged), Err(expected), "{claim}: {value}");
    }
}

#[test]
fn clocks_may_differ_by_a_little() {
    let ahead = forge(HEADER, &claims("nbf", "1750000030"), SECRET);
    assert!(verify(&ahead).is_ok());
    let late = forge(HEADER, &claims("exp", "9223372036854775807"), SECRET);
    let expires_at = verify(&late).unwrap().expires_at;
    assert_eq!(expires_at, Timestamp::from_micros(1_750_000_600_000_000));
}

#[test]
fn a_claim_that_comes_twice_is_refused() {
    for twice in [
        r#""sub":"user_00000000000000000000000001""#,
        r#""roles":["ADMIN"]"#,
        r#""exp":9999999999"#,
        r#""iss":"p2p-market""#,
    ] {
        for claims in [
            claims("", "").replacen('{', &format!("{{{twice},"), 1),
            claims("", "").replace('}', &format!(",{twice}}}")),
        ] {
            let forged = forge(HEADER, &claims, SECRET);
            assert_eq!(verify(&forged), Err(TokenError::Invalid), "{claims}");
        }
    }
}

#[test]
fn what_stands_behind_the_claims_is_refused() {
    for tail in ["{}", "x", ",", "\0", r#"{"roles":["ADMIN"]}"#] {
        let forged = forge(HEADER, &(claims("", "") + tail), SECRET);
        assert_eq!(verify(&forged), Err(TokenError::Invalid), "{tail}");
    }
}

#[test]
fn a_new_key_signs_and_the_old_one_is_believed_until_it_is_dropped() {
    let before = tokens().issue(caller(), NOW).unwrap().token;
    let changed = with_keys(key("2", OTHER), vec![key("1", SECRET)]);
    assert!(changed.verify(&before, NOW).is_ok());
    let after = changed.issue(caller(), NOW).unwrap().token;
    assert_eq!(verify(&after), Err(TokenError::Invalid), "not known there");
    let done = with_keys(key("2", OTHER), vec![]);
    assert!(done.verify(&after, NOW).is_ok());
    assert_eq!(done.verify(&before, NOW), Err(TokenError::Invalid));
    // The old key's signature under the new key's id, and the other way round.
    for (id, secret) in [("2", SECRET), ("1", OTHER)] {
        let header = HEADER.replace(r#""1""#, &format!("{id:?}"));
        let forged = forge(&header, &claims("", ""), secret);
        let refused = changed.verify(&forged, NOW);
        assert_eq!(refused, Err(TokenError::Invalid), "{id}");
    }
}

#[test]
fn keys_that_are_none_are_refused_and_never_shown() {
    let new = |key: TokenKey, old_keys| {
        let settings = JwtSettings {
            key,
            old_keys,
            lifetime: LIFETIME,
        };
        assert!(!format!("{settings:?}").contains("0123"));
        JwtTokens::new(&settings).map(|_| ()).unwrap_err()
    };
    let short = KeyError::Short { id: "1".into() };
    assert_eq!(new(key("1", &SECRET[..31]), vec![]), short);
    let old = new(key("2", SECRET), vec![key("1", "0123")]);
    assert_eq!(old, short, "an old one is as good as a new one");
    assert!(!old.to_string().contains("0123"));
    let twice = new(key("1", SECRET), vec![key("1", OTHER)]);
    assert_eq!(twice, KeyError::Twice { id: "1".into() });
    for id in ["", "a b", "a\"b", "é", &"x".repeat(33)] {
        let refused = new(key(id, SECRET), vec![]);
        assert_eq!(refused, KeyError::BadId { id: id.into() });
    }
}

/// The example of jwt.io: signatures follow the standard.
#[test]
fn signatures_are_those_of_the_standard() {
    let signed = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.\
                  eyJzdWIiOiIxMjM0NTY3ODkwIiwibmFtZSI6IkpvaG4gRG9lIiwiaWF0IjoxNTE2MjM5MDIyfQ";
    let signature = URL_SAFE_NO_PAD.encode(mac("your-256-bit-secret", signed));
    assert_eq!(signature, "SflKxwRJSMeKKF2QT4fwpMeJf36POk6yJV_adQssw5c");
    let header = URL_SAFE_NO_PAD.encode(HEADER);
    let token = tokens().issue(caller(), NOW).unwrap().token;
    assert!(token.starts_with(&header), "{token}");
    let (signed, signature) = token.rsplit_once('.').unwrap();
    assert_eq!(signature, URL_SAFE_NO_PAD.encode(mac(SECRET, signed)));
}

proptest! {
    #[test]
    fn no_text_but_a_token_is_one(text in ".{0,300}") {
        prop_assert_eq!(verify(&text), Err(TokenError::Invalid));
    }

    #[test]
    fn no_claims_but_good_ones_are_taken(claims in ".{0,120}", member in "[a-z]{0,5}", value in ".{0,20}") {
        prop_assert!(verify(&forge(HEADER, &claims, SECRET)).is_err());
        let more = self::claims("", "").replace('}', &format!(",{member:?}:{value:?}}}"));
        // Anything may be said besides; that the rest is as it was is all that counts.
        if let Ok(bearer) = verify(&forge(HEADER, &more, SECRET)) {
            prop_assert_eq!(bearer.caller.user, caller().user);
            prop_assert_eq!(bearer.caller.roles, [Role::Customer].into());
        }
    }

    #[test]
    fn one_other_character_spoils_a_token(place in any::<prop::sample::Index>(), other in "[A-Za-z0-9._=+/ -]") {
        let genuine = forge(HEADER, &claims("", ""), SECRET);
        let place = place.index(genuine.len());
        let mut altered = genuine.clone();
        altered.replace_range(place..=place, &other);
        prop_assume!(altered != genuine);
        prop_assert_eq!(verify(&altered), Err(TokenError::Invalid));
    }
}
