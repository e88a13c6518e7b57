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

use crate::ask::{Answer, Ask, Twist, ask, send};
use crate::matrix::allowed;
use crate::operations::{self, Operation};
use crate::scene::Person;
use crate::scene::kept::Kept;
use crate::world::World;

/// Everything that is logged, in both formats of the program.
#[derive(Clone, Default)]
struct Log {
    json: Kept,
    pretty: Kept,
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
const NASTY: &str = "x\r\n2025-04-18T15:00:00.000000Z ERROR forged: \u{1b}[2J\u{1b}[31mred\u{7}\u{9b}31m\u{85}\u{2028} {\"level\":\"ERROR\"}";

/// The words of a body that are about people or money: all but ids, names of constants, and short texts.
fn private(value: &Value, words: &mut Vec<String>) {
    match value {
        Value::String(text) => {
            let shouted = |letter: char| {
                letter.is_ascii_uppercase() || letter.is_ascii_digit() || "_.-".contains(letter)
            };
            let public = text.chars().all(shouted) || text.len() < 5 || text.contains("_0");
            if !public {
                words.push(text.clone());
            }
        }
        Value::Array(values) => values.iter().for_each(|value| private(value, words)),
        Value::Object(members) => members.values().for_each(|value| private(value, words)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

async fn said(world: &World, operation: &Operation) -> (Ask, Option<Person>) {
    world.again().await;
    let (who, whose) = allowed(operation);
    let ask = ask(world, operation, &Twist::None, whose).await;
    let person = world.becomes(who).await;
    (ask, person)
}

/// Calls every operation, correctly and incorrectly; returns the number of replies.
async fn walk(world: &World, words: &mut Vec<String>) -> usize {
    let mut answers = 0;
    for operation in operations::all() {
        let (ask, person) = said(world, operation).await;
        words.extend(person.iter().map(|person| person.token.clone()));
        ask.body.iter().for_each(|body| private(body, words));
        words.extend(secrets(&ask));
        let secret = |(name, _): &&(&str, String)| name.starts_with("x-signature");
        words.extend(
            ask.headers
                .iter()
                .filter(secret)
                .map(|(_, value)| value.clone()),
        );
        let mut wrong = ask.clone();
        if let Some(body) = wrong.body.as_mut() {
            body["surprise"] = json!("a surprising word");
        }
        let stranger = Person {
            id: world.asker.id,
            token: "a-token-of-nobody".to_owned(),
        };
        for (ask, person) in [
            (&ask, None),
            (&ask, Some(&stranger)),
            (&wrong, person.as_ref()),
            (&ask, person.as_ref()),
            (&ask, person.as_ref()),
        ] {
            let answer = send(world, person, ask).await;
            is_discreet(&answer, person, ask);
            words.extend(given(&answer.body));
            answers += 1;
        }
    }
    words.extend(["a surprising word", "a-token-of-nobody"].map(str::to_owned));
    answers
}

/// The credentials in a body. Codes are left out: they are so short that the same digits occur elsewhere.
fn secrets(ask: &Ask) -> Vec<String> {
    let names = [
        "password",
        "current_password",
        "new_password",
        "refresh_token",
        "token",
    ];
    let found = ask.body.iter().flat_map(|body| {
        let found = names.iter().filter_map(|name| body[name].as_str());
        found.map(str::to_owned)
    });
    found.collect()
}

/// The credentials that a reply issues.
fn given(body: &Value) -> Vec<String> {
    let names = ["access_token", "refresh_token", "secret"];
    let codes = body["recovery_codes"].as_array().into_iter().flatten();
    let found = names.iter().map(|name| &body[*name]).chain(codes);
    let found = found.filter_map(Value::as_str);
    found.map(str::to_owned).collect()
}

/// Asserts that a problem repeats no secret of its sender.
#[track_caller]
fn is_discreet(answer: &Answer, person: Option<&Person>, ask: &Ask) {
    if answer.status.is_success() {
        return;
    }
    let mut words: Vec<_> = person.iter().map(|person| person.token.clone()).collect();
    words.extend(secrets(ask));
    let email = ask.body.as_ref().and_then(|body| body["email"].as_str());
    words.extend(email.map(str::to_owned));
    for word in words {
        assert!(!answer.text.contains(&word), "{word}: {}", answer.text);
    }
}

#[tokio::test]
async fn the_log_says_nothing_about_people_and_keeps_all_secrets() {
    let (log, _listening) = Log::listen();
    let world = World::open().await;
    let people = [&world.admin, &world.asker, &world.other, &world.third];
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
    let answers = walk(&world, &mut words).await;
    words.sort_unstable();
    words.dedup();
    log.is_discreet(&words, answers);
}

#[tokio::test]
async fn a_line_of_the_log_stays_one_line() {
    let (log, _listening) = Log::listen();
    let world = World::open().await;
    let mut answers = 0;
    for operation in operations::all() {
        let (ask, person) = said(&world, operation).await;
        let fields = ask
            .body
            .iter()
            .flat_map(|body| body.as_object().unwrap().keys());
        let mut bodies: Vec<_> = fields.map(|field| (field.clone(), json!(NASTY))).collect();
        bodies.push((NASTY.to_owned(), json!(NASTY)));
        for (field, value) in bodies {
            let mut nasty = ask.clone();
            if let Some(body) = nasty.body.as_mut() {
                body[field] = value;
            }
            let agent = "a\tb\u{e9}".to_owned();
            nasty.headers.push(("user-agent", agent.clone()));
            nasty.headers.push(("x-request-id", agent));
            send(&world, person.as_ref(), &nasty).await;
            answers += 1;
        }
        let name = "%0d%0a2025-04-18T15:00:00Z%20ERROR%20forged%1b%5b31m";
        for path in [
            format!("{}{name}", ask.path),
            format!("{}?{name}={name}", ask.path),
        ] {
            let nasty = Ask {
                path,
                ..ask.clone()
            };
            send(&world, person.as_ref(), &nasty).await;
            answers += 1;
        }
    }
    log.is_discreet(&["forged".to_owned()], answers);
}

/// When storage fails, the log says so without the content of the request.
#[tokio::test]
async fn what_fails_inside_is_told_without_what_was_sent() {
    let (log, _listening) = Log::listen();
    let world = World::open().await;
    let mut words = Vec::new();
    let mut failed = 0;
    for operation in operations::all() {
        for point in [Point::Begin, Point::Load, Point::Commit, Point::Query] {
            let (ask, person) = said(&world, operation).await;
            ask.body.iter().for_each(|body| private(body, &mut words));
            words.extend(person.iter().map(|person| person.token.clone()));
            let fault = StorageError::Corrupt {
                table: "offers",
                id: "planned".into(),
                reason: "planned".into(),
            };
            world.scene.memory.faults().fail(point, fault);
            let answer = send(&world, person.as_ref(), &ask).await;
            world.scene.memory.faults().clear();
            failed += usize::from(answer.status.is_server_error());
            if answer.status == 500 {
                assert_eq!(answer.code(), "INTERNAL");
                assert!(!answer.text.contains("planned"), "{}", answer.text);
            }
        }
    }
    assert!(failed > 50, "{failed}");
    log.is_discreet(&words, failed);
}
