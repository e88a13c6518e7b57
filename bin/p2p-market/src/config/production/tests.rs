use figment::Figment;
use figment::providers::{Format, Serialized, Toml};

use super::*;

/// Settings that production accepts; each test weakens one.
const FIT: &str = r#"
mode = "production"
[auth]
token_secret = "f3b1c8a0d2e94755a6b7c8d9e0f1a2b3"
[mail]
kind = "smtp"
from = "Market <no-reply@market.test>"
links = "https://market.test"
smtp_url = "smtps://mail.test"
[http]
[passwords]
[market]
[gateway]
[database]
url = "postgres://market:Zk4-plum-orbit@db.test/market"
[broker]
url = "amqps://market:Zk4-plum-orbit@mq.test/%2f"
[redis]
"#;

fn complaint_of(text: &str) -> String {
    let figment = Figment::from(Serialized::defaults(Config::default()));
    let config = Config::from_settings(figment.merge(Toml::string(text))).unwrap();
    let fit = config.must_be_fit();
    fit.err()
        .map_or_else(String::new, |error| format!("{error:#}"))
}

/// The error if this replaces the setting of the same name in the section.
fn with(section: &str, settings: &str) -> String {
    let names: Vec<&str> = settings
        .lines()
        .filter_map(|line| line.split_once(" = "))
        .map(|(name, _)| name)
        .collect();
    let mut text = String::new();
    let mut here = false;
    for line in FIT.lines() {
        let replaced = line
            .split_once(" = ")
            .is_some_and(|(name, _)| names.contains(&name));
        if line.starts_with('[') {
            here = line == section;
        }
        if !(here && replaced) {
            text += line;
            text += "\n";
        }
        if line == section {
            text += settings;
            text += "\n";
        }
    }
    complaint_of(&text)
}

#[test]
fn what_is_fit_may_start() {
    assert_eq!(complaint_of(FIT), "");
    // Development accepts weak settings.
    assert_eq!(complaint_of(""), "");
}

#[test]
fn guessable_secrets_are_refused_and_not_shown() {
    for weak in [
        "",
        "brief",
        "f3b1c8a0d2e94755a6b7c8d9e0f1a2b",
        "ffffffffffffffffffffffffffffffff",
        "abababababababababababababababab",
        "1231231231231231231231231231231231",
        "changemechangemechangemechangeme",
        "please-CHANGE-ME-before-use-9f8e7d6c5b4a",
        "my-super-secret-jwt-key-do-not-share!",
        "0123456789abcdef0123456789abcdef",
        "your-256-bit-secret-goes-right-here",
        "a secret for tests, long enough to sign",
    ] {
        let complaint = with("[auth]", &format!("token_secret = \"{weak}\""));
        assert!(
            complaint.contains("auth.token_secret "),
            "{weak}: {complaint}"
        );
        assert!(weak.is_empty() || !complaint.contains(weak), "{complaint}");
    }
    let weak = "f3b1c8a0".repeat(4);
    for (settings, name) in [
        (format!("seal_secret = \"{weak}\""), "auth.seal_secret"),
        (
            format!("old_token_secrets = {{ old = \"{weak}\" }}"),
            "auth.old_token_secrets.old",
        ),
    ] {
        let complaint = with("[auth]", &settings);
        assert!(complaint.contains(name), "{settings}: {complaint}");
        assert!(!complaint.contains(&weak), "{complaint}");
    }
    let complaint = complaint_of(&format!("{FIT}[callbacks.secrets]\nbank = \"{weak}\"\n"));
    assert!(complaint.contains("callbacks.secrets.bank"), "{complaint}");
}

#[test]
fn secrets_by_chance_are_taken() {
    for strong in [
        // openssl rand -hex 16, -hex 32, -base64 32
        "c0ffee1122d4e5f60718293a4b5c6d7e",
        "e2a7c1f4b9d80356a1c4e7f20b5d8396c3f6a9b2e5d8014772a5c8fb1e4d7093",
        "u8Jw+3Vt0ZpQ1yXn/4sK7dR2hLm9aFgB6cEoTiWv5Hk=",
    ] {
        assert_eq!(weakness(strong), None, "{strong}");
    }
    for _ in 0..1_000 {
        let bits = p2p_system::random_bits().unwrap();
        assert_eq!(weakness(&format!("{bits:032x}")), None, "{bits:032x}");
    }
}

#[test]
fn each_thing_that_is_unfit_is_named() {
    for (section, settings, reason) in [
        ("[market]", "faucet = true", "market.faucet"),
        (
            "[auth]",
            "staff_second_factor = false",
            "auth.staff_second_factor",
        ),
        ("[passwords]", "memory_kib = 19455", "passwords.memory_kib"),
        ("[passwords]", "passes = 1", "passwords.memory_kib"),
        ("[auth]", "proof_minutes = 11", "auth.proof_minutes"),
        ("[auth]", "token_minutes = 61", "auth.token_minutes"),
        ("[auth]", "lock_after = 0", "auth.lock_after"),
        ("[auth]", "lock_after = 101", "auth.lock_after"),
        ("[http]", "cors_origins = [\"*\"]", "http.cors_origins"),
        ("[mail]", "kind = \"log\"", "mail.kind"),
        ("[mail]", "kind = \"none\"", "mail.kind"),
        ("[mail]", "links = \"http://market.test\"", "mail.links"),
        (
            "[mail]",
            "from = \"p2p-market <no-reply@p2p-market.example>\"",
            "mail.from",
        ),
        (
            "[database]",
            "url = \"postgres://postgres:postgres@db.test/market\"",
            "database.url",
        ),
        (
            "[database]",
            "url = \"postgres://market:market@10.0.0.7/market\"",
            "database.url",
        ),
        (
            "[database]",
            "url = \"postgres://market:password@[2001:db8::1]/market\"",
            "database.url",
        ),
        (
            "[database]",
            "url = \"postgres:///market?host=db.test&password=postgres\"",
            "database.url",
        ),
        (
            "[database]",
            "url = \"postgres://market@localhost/market?hostaddr=10.0.0.7&password=market\"",
            "database.url",
        ),
        (
            "[database]",
            "url = \"postgres://market:Zk4-plum-orbit@db.test/market?user=app&password=app\"",
            "database.url",
        ),
        ("[gateway]", "enabled = true", "gateway.addresses"),
        (
            "[broker]",
            "url = \"amqp://guest:guest@mq.test\"",
            "broker.url",
        ),
        ("[broker]", "url = \"amqps://mq.test\"", "broker.url"),
        ("[redis]", "url = \"rediss://cache.test/0\"", "redis.url"),
    ] {
        let complaint = with(section, settings);
        assert!(complaint.contains(reason), "{settings}: {complaint}");
        // The headline, and nothing else.
        assert_eq!(complaint.lines().count(), 2, "{settings}: {complaint}");
        assert!(
            !complaint.contains("Zk4-plum-orbit") && !complaint.contains("f3b1c8a0"),
            "{complaint}"
        );
    }
}

#[test]
fn what_is_on_this_machine_or_as_strong_is_fit() {
    for (section, settings) in [
        (
            "[database]",
            "url = \"postgres://postgres:postgres@127.0.0.1/market\"",
        ),
        (
            "[database]",
            "url = \"postgres://postgres:postgres@[::1]:5432/market\"",
        ),
        (
            "[database]",
            "url = \"postgres://postgres:postgres@localhost/market\"",
        ),
        ("[database]", "url = \"sqlite://data/market.db\""),
        (
            "[database]",
            "url = \"postgres:///market?host=db.test&user=market&password=Zk4-plum-orbit\"",
        ),
        (
            "[database]",
            "url = \"postgres://postgres:postgres@db.test/market?host=/var/run/postgresql\"",
        ),
        (
            "[database]",
            "url = \"postgres://postgres:postgres@%2Fvar%2Frun%2Fpostgresql/market\"",
        ),
        ("[gateway]", "enabled = true\naddresses = [\"192.0.2.7\"]"),
        (
            "[broker]",
            "url = \"amqp://guest:guest@localhost:5672/%2f\"",
        ),
        ("[broker]", "url = \"\""),
        ("[redis]", "url = \"redis://localhost/0\""),
        ("[redis]", "url = \"rediss://:Zk4-plum-orbit@cache.test/0\""),
        ("[passwords]", "memory_kib = 47104\npasses = 1"),
        ("[passwords]", "memory_kib = 7168\npasses = 5"),
        ("[http]", "cors_origins = [\"https://app.market.test\"]"),
        ("[mail]", "kind = \"folder\""),
        ("[auth]", "token_minutes = 60\nproof_minutes = 10"),
    ] {
        assert_eq!(with(section, settings), "", "{settings}");
    }
    let unverified = with("[auth]", "require_verified_email = false");
    assert_eq!(unverified, "");
    // Passwords are reset by mail, too.
    for kind in ["none", "log"] {
        let auth = "[auth]\nrequire_verified_email = false";
        let fit = FIT.replace("[auth]", auth);
        let complaint =
            complaint_of(&fit.replace("kind = \"smtp\"", &format!("kind = \"{kind}\"")));
        assert!(complaint.contains("mail.kind"), "{kind}: {complaint}");
    }
}

#[test]
fn all_reasons_are_told_at_once() {
    let complaint = complaint_of(
        "mode = \"production\"\n[market]\nfaucet = true\n[http]\ncors_origins = [\"*\"]",
    );
    for reason in [
        "auth.token_secret",
        "mail.kind",
        "market.faucet",
        "http.cors_origins",
    ] {
        assert!(complaint.contains(reason), "{reason}: {complaint}");
    }
    assert_eq!(complaint.lines().count(), 5, "{complaint}");
}
