//! Words that the project has given up, and sentences whose subject is an unnamed person: docs/adr/0015-vocabulary.md.
//!
//! To retire a word, add a line to [`RETIRED`].

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io::{self, Write};

use anyhow::{Result, bail};

use crate::prose::{self, Parts};
use crate::sources::{self, Source};
use crate::vocabulary::Mode::{self, Exact, Phrase, Segments};
use crate::vocabulary::Vocabulary;
use crate::workspace::Workspace;
use crate::{process, report, riddles};

const ROLE: &str = "the role: the caller, another session, a replica, the operator";

/// What is retired, and what replaces it.
#[rustfmt::skip]
const RETIRED: &[(Mode, &str, &str)] = &[
    // Unnamed persons.
    (Segments, "somebody", ROLE),
    (Segments, "someone", ROLE),
    (Segments, "nobody", ROLE),
    (Segments, "no_one", ROLE),
    (Phrase, "no one", ROLE),
    (Segments, "whoever", ROLE),
    (Segments, "whomever", ROLE),
    (Segments, "anybody", ROLE),
    (Segments, "anyone", ROLE),
    (Segments, "everybody", ROLE),
    (Segments, "everyone", ROLE),
    // Engine.
    (Segments, "desk", "UnitOfWork, unit of work"),
    (Exact, "Needs", "ReadSet"),
    (Exact, "needs", "read_set"),
    (Exact, "Loaded", "IdentityMap"),
    (Segments, "sheet", "WriteSet, write set"),
    (Segments, "scratch", "WriteSet, write set"),
    (Exact, "Saved", "Versioned"),
    (Segments, "loaded_version", "expected_version"),
    (Exact, "Changes", "ChangeSet"),
    (Segments, "glance", "SnapshotQuery, snapshot"),
    (Exact, "Seen", "Snapshot"),
    (Exact, "Look", "Snapshot, Scan"),
    (Exact, "look", "read_snapshot, read, get"),
    (Exact, "looks", "reads_snapshot, reads"),
    (Segments, "look_at", "read, check"),
    (Segments, "it_looks", "reads_snapshots"),
    (Exact, "Trust", "OptimisticGate"),
    (Exact, "Tools", "Context"),
    (Segments, "persevere", "commit_with_retry"),
    (Segments, "spread_word", "after_commit"),
    (Exact, "guarded", "catch_panics"),
    (Segments, "patience", "timeout"),
    (Segments, "in_time", "with_timeout"),
    (Segments, "around_offer", "OfferRelations"),
    // Storage ports.
    (Segments, "taken_in", "processed"),
    (Segments, "take_in", "mark_processed"),
    (Phrase, "taken in", "processed"),
    (Exact, "Appendix", "AuditAppend"),
    (Segments, "offer_head", "OfferSummary"),
    (Exact, "Standing", "OfferPreconditions"),
    (Exact, "Standings", "OfferPreconditions"),
    (Segments, "tally", "QuotaKind, count"),
    (Segments, "tallies", "QuotaKind, counts"),
    // Outbox.
    (Segments, "parcel", "Lease, lease"),
    (Exact, "Hands", "LeaseTable"),
    (Segments, "in_hand", "leased"),
    (Phrase, "in hand", "leased, unacknowledged"),
    (Exact, "Places", "ScanCursor"),
    (Segments, "bury", "store a dead letter"),
    (Segments, "buried", "StoredDeadLetter, stored as a dead letter"),
    (Segments, "burial", "storing a dead letter"),
    (Segments, "grave", "DeadLetters, dead letter"),
    (Segments, "revive", "requeue"),
    (Segments, "revived", "requeued"),
    (Segments, "revival", "requeueing"),
    // Broker.
    (Segments, "shout", "broadcast"),
    (Segments, "shouted", "broadcast"),
    (Segments, "shouting", "broadcasting"),
    (Exact, "Spread", "Broadcaster"),
    (Segments, "hear", "receive"),
    (Segments, "heard", "received"),
    (Exact, "Letter", "Publication, MailTemplate"),
    (Segments, "obituary", "dead_letter_properties"),
    (Segments, "trouble", "error, failure"),
    (Exact, "Late", "TimedOut"),
    (Segments, "farewell", "on_drop"),
    (Segments, "good_bye", "close frame, CLOSE_TIMEOUT"),
    // Notifications and mail.
    (Segments, "tell_people", "Notify"),
    (Exact, "tell", "notify"),
    (Exact, "Told", "Delivered"),
    (Exact, "News", "NotificationContent"),
    (Segments, "post_office", "MailQueue"),
    (Exact, "leave", "enqueue"),
    (Segments, "stationery", "MessageBuilder"),
    (Segments, "for_the_asking", "unsolicited"),
    (Phrase, "for the asking", "unsolicited"),
    // Sessions.
    (Exact, "Fate", "AuthOutcome"),
    (Segments, "forgive", "reset_failures, reset"),
    (Segments, "forgiven", "reset"),
    (Segments, "turn_away", "deny"),
    (Segments, "turned_away", "denied, rejected"),
    (Phrase, "turn away", "deny, reject"),
    (Phrase, "turned away", "denied, rejected"),
    (Exact, "Shown", "PresentedCode"),
    (Exact, "Attempts", "FailedAttempts"),
    (Segments, "spotless", "new"),
    // Domain.
    (Exact, "Moved", "Transition"),
    (Exact, "Opening", "NewOffer"),
    (Exact, "Noun", "Resource"),
    (Segments, "billing", "payment"),
    (Segments, "trail", "audit_log, audit log"),
    (Exact, "Answer", "offer, Response, Reply"),
    (Exact, "Answers", "offers, responses, replies"),
    (Exact, "Answered", "Reply, Outcome"),
    // Errors.
    (Exact, "Meaning", "ErrorKind"),
    (Exact, "Unreadable", "DecodeError"),
    (Exact, "Unusable", "Failure::Permanent"),
    (Exact, "Broken", "Failure::Failed"),
    (Segments, "not_now", "Failure::Transient"),
    (Segments, "in_words", "describe"),
    (Exact, "blame", "attribute_shortfall"),
    (Exact, "agrees", "check_claimed_side"),
    (Exact, "Withdrawing", "WithdrawalRef"),
    (Exact, "Inspector", "ChainVerifier"),
    (Exact, "STRIDE", "PAGE"),
    (Exact, "Round", "SweepOutcome"),
    // Persistence.
    (Exact, "Room", "StatementLimit"),
    (Exact, "Whole", "StatementLimit::Unlimited"),
    (Exact, "Together", "Writer::SingleStatement"),
    (Exact, "Apart", "Writer::PerTable"),
    (Exact, "Warm", "CachedConnection"),
    (Exact, "Newest", "NewestFirst"),
    (Exact, "Reading", "RowContext"),
    (Exact, "ways", "access_paths"),
    (Phrase, "way to the database", "round trip"),
    (Phrase, "ways to the database", "round trips"),
    (Phrase, "way and back", "round trip"),
    // Web kit.
    (Exact, "Live", "ServerState"),
    (Exact, "Shield", "SecurityHeaders"),
    (Exact, "Place", "Permit, Backend"),
    (Exact, "seat", "acquire"),
    (Exact, "Socket", "WriteTimeout"),
    (Segments, "to_the_end", "run_to_completion"),
    (Exact, "Bearing", "BearerAuth"),
    (Segments, "asked_from", "ClientOrigin"),
    (Exact, "Change", "Idempotent"),
    (Segments, "bare_change", "Idempotent"),
    (Segments, "keyed_change", "Idempotent"),
    (Exact, "Meter", "RateLimitState"),
    (Exact, "Asked", "Decision"),
    // gRPC, Redis, system.
    (Exact, "Around", "EdgeState"),
    (Exact, "Underway", "CallGuard"),
    (Exact, "Ending", "CancellableBody"),
    (Segments, "is_worth_asking", "CircuitBreaker::allows"),
    (Exact, "ill", "CircuitBreaker::failure"),
    (Exact, "Workers", "BlockingPool"),
    (Exact, "Seal", "SigningKey"),
    // Migration and tests.
    (Exact, "Kit", "SchemaBuilder"),
    (Segments, "recheck", "AlterCheck"),
    (Segments, "let_go", "delete_permanent"),
    (Segments, "scene", "Fixture, fixture"),
    (Exact, "World", "Fixture"),
    (Segments, "held_to_it", "faults"),
    // Constants and libraries.
    (Exact, "MOST", "MAX_…"),
    (Exact, "FEW", "MAX_…"),
    (Exact, "LONGEST", "MAX_…, …_TIMEOUT"),
    (Exact, "EVERY", "…_INTERVAL"),
    (Exact, "RARELY", "…_INTERVAL"),
    (Exact, "PAUSE", "…_INTERVAL"),
    (Exact, "ROOM", "…_CAPACITY"),
    (Exact, "SILENCE", "…_TIMEOUT"),
    (Exact, "http_api", "p2p_http"),
    (Exact, "redis_limits", "p2p_redis"),
];

/// Public or common names in which a retired word may stand.
const ALLOWED: &[(&str, &str)] = &[
    ("billing", "/billing"),
    ("billing", "\"billing\""),
    ("billing", "billing/withdrawals"),
    ("patience", "patience_seconds"),
    ("scratch", "from scratch"),
    ("sheet", "style sheet"),
    ("trail", "audit_trail"),
    ("turned_away", "connections_turned_away"),
];

/// Files whose bytes are public or generated, or that list what is retired.
const EXEMPT: &[&str] = &[
    "bin/xtask/src/riddles.rs",
    "bin/xtask/src/words.rs",
    "docs/adr/0015-vocabulary.md",
    "openapi/asyncapi.yaml",
    "openapi/proto/",
    "tests/postman/package-lock.json",
];

const EXTENSIONS: &[&str] = &["rs", "md", "toml", "yml", "yaml", "sql", "proto", "json"];

/// Folders that still hold violations, with their number. It may fall, and not rise; elsewhere there is none.
const CEILINGS: &[(&str, usize)] = &[
    ("adapters/grpc/src/", 12),
    ("adapters/grpc/tests/", 410),
    ("adapters/http/src/", 87),
    ("adapters/memory/", 76),
    ("adapters/persistence/src/", 102),
    ("application/", 20),
    ("bin/p2p-market/", 7),
    ("domain/", 49),
    ("openapi/", 18),
    ("tests/", 816),
];

/// Fails on any violation outside of the folders with a ceiling, and on more than the ceiling there.
pub(crate) fn check(workspace: &Workspace) -> Result<()> {
    process::header("words", "retired words and unnamed persons");
    let sources = sources::tracked(workspace.root(), &[], is_read)?;
    report::conclude("words", &excess(&violations(&sources), CEILINGS))
}

/// The violations outside of these folders, and the folders that are above their ceilings.
fn excess(found: &BTreeSet<Violation>, ceilings: &[(&str, usize)]) -> Vec<String> {
    let ceiling_of = |path: &str| ceilings.iter().find(|(folder, _)| path.starts_with(folder));
    let mut excess = Vec::new();
    let mut by_folder = BTreeMap::<&str, usize>::new();
    for violation in found {
        match ceiling_of(&violation.path) {
            Some((folder, _)) => *by_folder.entry(folder).or_default() += 1,
            None => excess.push(violation.to_string()),
        }
    }
    for (folder, ceiling) in ceilings {
        let count = by_folder.get(folder).copied().unwrap_or_default();
        if count > *ceiling {
            excess.push(format!(
                "{folder}: {count} violations, at most {ceiling} are allowed: `cargo xtask words {folder}` lists them"
            ));
        }
    }
    excess
}

/// Prints every violation at these paths, and how many there are by file.
pub(crate) fn list(workspace: &Workspace, paths: &[String]) -> Result<()> {
    process::header("words", "retired words and unnamed persons");
    let sources = sources::tracked(workspace.root(), paths, is_read)?;
    let violations = violations(&sources);
    let mut by_file = BTreeMap::<&str, usize>::new();
    let mut out = io::stdout().lock();
    for violation in &violations {
        writeln!(out, "{violation}")?;
        *by_file.entry(&violation.path).or_default() += 1;
    }
    for (path, count) in &by_file {
        writeln!(out, "{count:6} {path}")?;
    }
    if !violations.is_empty() {
        let (total, files) = (violations.len(), by_file.len());
        bail!("{total} violations in {files} files");
    }
    Ok(())
}

fn is_read(path: &str) -> bool {
    let extension = path.rsplit_once('.').map(|(_, extension)| extension);
    extension.is_some_and(|extension| EXTENSIONS.contains(&extension))
        && !EXEMPT.iter().any(|exempt| path.starts_with(exempt))
        && !path.split('/').any(|folder| folder == "snapshots")
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Violation {
    path: String,
    line: usize,
    what: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.path, self.line, self.what)
    }
}

fn violations(sources: &[Source]) -> BTreeSet<Violation> {
    let vocabulary = Vocabulary::new(RETIRED, ALLOWED);
    let mut violations = BTreeSet::new();
    for source in sources {
        let mut found = Vec::new();
        vocabulary.segments_of(&source.path.replace('/', " "), 1, &mut found);
        for (line, text) in (1..).zip(source.text.lines()) {
            vocabulary.segments_of(text, line, &mut found);
        }
        let Parts { names, prose } = prose::parts(&source.path, &source.text);
        for (line, name) in names {
            vocabulary.exact_of(name, line, &mut found);
        }
        for prose in &prose {
            for (line, code) in prose.code_spans() {
                let names = code.split(|c: char| !c.is_alphanumeric() && c != '_');
                names.for_each(|name| vocabulary.exact_of(name, line, &mut found));
            }
            vocabulary.phrases_of(prose, &mut found);
            riddles::find(prose, &mut found);
        }
        let path = &source.path;
        violations.extend(found.into_iter().map(|(line, what)| Violation {
            path: path.clone(),
            line,
            what,
        }));
    }
    violations
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is found in a file of one text, without its path.
    fn found(path: &str, text: &str) -> Vec<String> {
        let (path, text) = (path.to_owned(), text.to_owned());
        let violations = violations(&[Source { path, text }]).into_iter();
        violations
            .map(|violation| format!("{}: {}", violation.line, violation.what))
            .collect()
    }

    fn retired(path: &str, text: &str) -> Vec<String> {
        let found = found(path, text).into_iter();
        found
            .map(|what| {
                what.split(" is retired")
                    .next()
                    .unwrap_or_default()
                    .to_owned()
            })
            .collect()
    }

    const NONE: [&str; 0] = [];

    /// A planted word fails outside of the folders with a ceiling, and above a ceiling.
    #[test]
    fn violations_may_not_become_more() {
        let sources = ["done/a.rs", "begun/a.rs", "begun/b.rs"].map(|path| Source {
            path: path.to_owned(),
            text: "// Nobody waits.".to_owned(),
        });
        let all = violations(&sources);
        assert_eq!(excess(&all, &[("begun/", 2), ("done/", 1)]), NONE);
        let outside = excess(&all, &[("begun/", 2)]);
        assert!(
            outside.len() == 1 && outside[0].starts_with("done/a.rs:1:"),
            "{outside:?}"
        );
        let above = excess(&all, &[("begun/", 1), ("done/", 1)]);
        assert!(
            above.len() == 1 && above[0].starts_with("begun/: 2 violations"),
            "{above:?}"
        );
    }

    #[test]
    fn segments_are_found_in_every_spelling_and_everywhere() {
        for (path, text) in [
            ("a.rs", "struct Desk;"),
            ("a.rs", "fn save_desk() {}"),
            ("a.rs", "const DESK_SIZE: u8 = 1;"),
            ("a.rs", "/// Two desks."),
            ("a.rs", "log(\"the\\ndesk\")"),
            ("a.md", "The desk."),
            ("a.sql", "select desk from t"),
            ("a.toml", "x = 1 # a desk"),
            ("a.yml", "desk: 1"),
            ("a.json", "{\"desk\": 1}"),
        ] {
            assert_eq!(retired(path, text), ["1: \"desk\""], "{text}");
        }
        assert_eq!(retired("a/desk.rs", ""), ["1: \"desk\""]);
        assert_eq!(retired("a.rs", "fn desktop() {} struct Deskside;"), NONE);
        assert_eq!(retired("a.rs", "fn was_taken_in() {}"), ["1: \"taken_in\""]);
        assert_eq!(retired("a.rs", "fn taken_into() {}"), NONE);
    }

    #[test]
    fn the_replacement_is_named() {
        assert_eq!(
            found("a.rs", "\nfn save_desk() {}"),
            ["2: \"desk\" is retired: use \"UnitOfWork, unit of work\" (in save_desk)"]
        );
    }

    #[test]
    fn exact_names_are_found_in_code_only() {
        assert_eq!(retired("a.rs", "use x::Seen;"), ["1: \"Seen\""]);
        assert_eq!(retired("a.rs", "// a\n// `Seen::x`"), ["2: \"Seen\""]);
        assert_eq!(retired("a.md", "```\nlet x: Seen;\n```"), ["2: \"Seen\""]);
        let good = "// Seen from here. Told so.\nlet seen = Unseen::SEEN;\nlog(\"Seen\")";
        assert_eq!(retired("a.rs", good), NONE);
        assert_eq!(retired("a.md", "```\nrun # or leave it\n```"), NONE);
    }

    #[test]
    fn phrases_are_found_over_lines_of_prose() {
        let text = "// a\n// message in\n// hand";
        assert_eq!(retired("a.rs", text), ["2: \"in hand\""]);
        assert_eq!(retired("a.rs", "log(\"In hand: 1\")"), ["1: \"in hand\""]);
        assert_eq!(retired("a.rs", "// in, hand; in-hand in handy"), NONE);
    }

    #[test]
    fn unnamed_persons_are_found() {
        assert_eq!(retired("a.rs", "// Somebody's"), ["1: \"somebody\""]);
        assert_eq!(retired("a.rs", "fn nobody_asks() {}"), ["1: \"nobody\""]);
        assert_eq!(retired("a.sql", "-- whoever"), ["1: \"whoever\""]);
        assert_eq!(retired("a.rs", "// no one asks"), ["1: \"no one\""]);
        assert_eq!(retired("a.rs", "// no one-time code"), NONE);
    }

    #[test]
    fn names_that_are_public_may_stay() {
        assert_eq!(retired("a.rs", "get(\"/billing/x\")"), NONE);
        assert_eq!(
            retired("a.rs", "get(\"/a/x\", billing)"),
            ["1: \"billing\""]
        );
        assert_eq!(retired("a.sql", "from audit_trail"), NONE);
        assert_eq!(retired("a.sql", "from trail"), ["1: \"trail\""]);
    }

    #[test]
    fn files_are_chosen_by_kind_and_owner() {
        for (path, expected) in [
            ("domain/src/lib.rs", true),
            (".github/workflows/ci.yml", true),
            ("openapi/openapi.json", true),
            ("openapi/asyncapi.yaml", false),
            ("openapi/proto/a.proto", false),
            ("Cargo.lock", false),
            ("LICENSE-MIT", false),
            ("a/snapshots/b.json", false),
        ] {
            assert_eq!(is_read(path), expected, "{path}");
        }
    }

    #[test]
    fn no_word_is_retired_twice() {
        let mut words: Vec<_> = RETIRED.iter().map(|(_, word, _)| word).collect();
        words.sort_unstable();
        let all = words.len();
        words.dedup();
        assert_eq!(words.len(), all);
    }
}
