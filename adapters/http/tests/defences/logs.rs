//! The log at its most verbose level has no secrets and no personal data, and one line for each event, whatever a client
//! sends.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use p2p_application::ports::StorageError;
use p2p_memory::Point;
use serde_json::{Value, json};
use tracing::level_filters::LevelFilter;
use tracing::subscriber::DefaultGuard;
use tracing::{Event, Subscriber};
use tracing_subscriber::fmt;
use tracing_subscriber::layer::Context;
use tracing_subscriber::prelude::*;

use crate::access_fixture::AccessFixture;
use crate::call::{Call, Reply, Twist, build_call, send};
use crate::fixture::Person;
use crate::fixture::captured::Captured;
use crate::matrix::allowed;
use crate::operations::{self, Operation};

/// Everything that is logged, in both formats of the program.
#[derive(Clone, Default)]
struct Log {
    json: Captured,
    pretty: Captured,
    events: Arc<AtomicUsize>,
}

struct Counted(Arc<AtomicUsize>);

impl<S: Subscriber> tracing_subscriber::Layer<S> for Counted {
    fn on_event(&self, _: &Event<'_>, _: Context<'_, S>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

impl Log {
    /// Captures the log of this thread, on which all tasks of a test run.
    fn listen() -> (Self, DefaultGuard) {
        let log = Self::default();
        let json = fmt::layer().with_writer(log.json.clone()).json();
        let pretty = fmt::layer().with_writer(log.pretty.clone());
        let listening = tracing_subscriber::registry()
            .with(LevelFilter::TRACE)
            .with(json.flatten_event(true))
            .with(pretty.with_ansi(false))
            .with(Counted(Arc::clone(&log.events)))
            .set_default();
        (log, listening)
    }

    /// Asserts that each event is one line, and that none of these words occurs.
    #[track_caller]
    fn is_discreet(&self, words: &[String], at_least: usize) {
        let events = self.events.load(Ordering::SeqCst);
        assert!(events >= at_least, "{events}");
        let (json, pretty) = (self.json.text(), self.pretty.text());
        for line in json.lines() {
            serde_json::from_str::<Value>(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        }
        for line in pretty.lines() {
            let begins = line.get(..2).unwrap_or_default();
            assert!(begins == "20" && line.contains('Z'), "{line}");
        }
        for text in [&json, &pretty] {
            assert_eq!(text.lines().count(), events);
            let raw = |letter: char| letter.is_control() && letter != '\n';
            assert!(!text.contains(raw));
            for word in words {
                let line = text.lines().find(|line| line.contains(word.as_str()));
                assert!(line.is_none(), "`{word}` in {line:?}");
            }
        }
    }
}

/// Text that imitates a line of the log and controls a terminal.
const INJECTION: &str = "x\r\n2025-04-18T15:00:00.000000Z ERROR forged: \u{1b}[2J\u{1b}[31mred\u{7}\u{9b}31m\u{85}\u{2028} {\"level\":\"ERROR\"}";

/// The words of a body that are about people or money: all but ids, names of constants, and short texts.
fn private(value: &Value, words: &mut Vec<String>) {
    match value {
        Value::String(text) => {
            let upper_case = |letter: char| {
                letter.is_ascii_uppercase() || letter.is_ascii_digit() || "_.-".contains(letter)
            };
            let public = text.chars().all(upper_case) || text.len() < 5 || text.contains("_0");
            if !public {
                words.push(text.clone());
            }
        }
        Value::Array(values) => values.iter().for_each(|value| private(value, words)),
        Value::Object(members) => members.values().for_each(|value| private(value, words)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

async fn prepared(fixture: &AccessFixture, operation: &Operation) -> (Call, Option<Person>) {
    fixture.reset().await;
    let (who, ownership) = allowed(operation);
    let call = build_call(fixture, operation, &Twist::None, ownership).await;
    let person = fixture.sign_in_as(who).await;
    (call, person)
}

/// Calls every operation, correctly and incorrectly; returns the number of replies.
async fn call_everything(fixture: &AccessFixture, words: &mut Vec<String>) -> usize {
    let mut replies = 0;
    for operation in operations::all() {
        let (call, person) = prepared(fixture, operation).await;
        words.extend(person.iter().map(|person| person.token.clone()));
        call.body.iter().for_each(|body| private(body, words));
        words.extend(secrets(&call));
        let secret = |(name, _): &&(&str, String)| name.starts_with("x-signature");
        words.extend(
            call.headers
                .iter()
                .filter(secret)
                .map(|(_, value)| value.clone()),
        );
        let mut wrong = call.clone();
        if let Some(body) = wrong.body.as_mut() {
            body["surprise"] = json!("a surprising word");
        }
        let stranger = Person {
            id: fixture.asker.id,
            token: "a-forged-token".to_owned(),
        };
        for (call, person) in [
            (&call, None),
            (&call, Some(&stranger)),
            (&wrong, person.as_ref()),
            (&call, person.as_ref()),
            (&call, person.as_ref()),
        ] {
            let reply = send(fixture, person, call).await;
            is_discreet(&reply, person, call);
            words.extend(credentials_in(&reply.body));
            replies += 1;
        }
    }
    words.extend(["a surprising word", "a-forged-token"].map(str::to_owned));
    replies
}

/// The credentials in a body. Codes are left out: they are so short that the same digits occur elsewhere.
fn secrets(call: &Call) -> Vec<String> {
    let names = [
        "password",
        "current_password",
        "new_password",
        "refresh_token",
        "token",
    ];
    let found = call.body.iter().flat_map(|body| {
        let found = names.iter().filter_map(|name| body[name].as_str());
        found.map(str::to_owned)
    });
    found.collect()
}

/// The credentials that a reply issues.
fn credentials_in(body: &Value) -> Vec<String> {
    let names = ["access_token", "refresh_token", "secret"];
    let codes = body["recovery_codes"].as_array().into_iter().flatten();
    let found = names.iter().map(|name| &body[*name]).chain(codes);
    let found = found.filter_map(Value::as_str);
    found.map(str::to_owned).collect()
}

/// Asserts that a problem repeats no secret of its sender.
#[track_caller]
fn is_discreet(reply: &Reply, person: Option<&Person>, call: &Call) {
    if reply.status.is_success() {
        return;
    }
    let mut words: Vec<_> = person.iter().map(|person| person.token.clone()).collect();
    words.extend(secrets(call));
    let email = call.body.as_ref().and_then(|body| body["email"].as_str());
    words.extend(email.map(str::to_owned));
    for word in words {
        assert!(!reply.text.contains(&word), "{word}: {}", reply.text);
    }
}

#[tokio::test]
async fn the_log_has_no_personal_data_and_no_secrets() {
    let (log, _listening) = Log::listen();
    let fixture = AccessFixture::open().await;
    let people = [
        &fixture.admin,
        &fixture.asker,
        &fixture.other,
        &fixture.third,
    ];
    let mut words: Vec<_> = people.map(|person| person.token.clone()).to_vec();
    let names = ["admin", "asker", "other", "third"];
    words.extend(names.map(|name| format!("{name}@example.org")));
    words.extend(
        [
            "what acme-pay signs with",
            "@example.",
            "Bearer ",
            "insecure:",
        ]
        .map(str::to_owned),
    );
    let replies = call_everything(&fixture, &mut words).await;
    words.sort_unstable();
    words.dedup();
    log.is_discreet(&words, replies);
}

#[tokio::test]
async fn input_never_breaks_a_line_of_the_log() {
    let (log, _listening) = Log::listen();
    let fixture = AccessFixture::open().await;
    let mut replies = 0;
    for operation in operations::all() {
        let (call, person) = prepared(&fixture, operation).await;
        let fields = call
            .body
            .iter()
            .flat_map(|body| body.as_object().unwrap().keys());
        let mut bodies: Vec<_> = fields
            .map(|field| (field.clone(), json!(INJECTION)))
            .collect();
        bodies.push((INJECTION.to_owned(), json!(INJECTION)));
        for (field, value) in bodies {
            let mut injected = call.clone();
            if let Some(body) = injected.body.as_mut() {
                body[field] = value;
            }
            let agent = "a\tb\u{e9}".to_owned();
            injected.headers.push(("user-agent", agent.clone()));
            injected.headers.push(("x-request-id", agent));
            send(&fixture, person.as_ref(), &injected).await;
            replies += 1;
        }
        let name = "%0d%0a2025-04-18T15:00:00Z%20ERROR%20forged%1b%5b31m";
        for path in [
            format!("{}{name}", call.path),
            format!("{}?{name}={name}", call.path),
        ] {
            let injected = Call {
                path,
                ..call.clone()
            };
            send(&fixture, person.as_ref(), &injected).await;
            replies += 1;
        }
    }
    log.is_discreet(&["forged".to_owned()], replies);
}

/// When storage fails, the log says so without the content of the request.
#[tokio::test]
async fn internal_failures_are_logged_without_the_request() {
    let (log, _listening) = Log::listen();
    let fixture = AccessFixture::open().await;
    let mut words = Vec::new();
    let mut failed = 0;
    for operation in operations::all() {
        for point in [Point::Begin, Point::Load, Point::Commit, Point::Query] {
            let (call, person) = prepared(&fixture, operation).await;
            call.body.iter().for_each(|body| private(body, &mut words));
            words.extend(person.iter().map(|person| person.token.clone()));
            let fault = StorageError::Corrupt {
                table: "offers",
                id: "planned".into(),
                reason: "planned".into(),
            };
            fixture.base.memory.faults().fail(point, fault);
            let reply = send(&fixture, person.as_ref(), &call).await;
            fixture.base.memory.faults().clear();
            failed += usize::from(reply.status.is_server_error());
            if reply.status == 500 {
                assert_eq!(reply.code(), "INTERNAL");
                assert!(!reply.text.contains("planned"), "{}", reply.text);
            }
        }
    }
    assert!(failed > 50, "{failed}");
    log.is_discreet(&words, failed);
}
