//! Limits on the lines of files, functions and macros, and the tables that may be longer.

use std::collections::BTreeSet;

use anyhow::Result;

use crate::lexer::{self, Kind, Token};
use crate::sources::{self, Source};
use crate::test_code::{self, group_end, is};
use crate::workspace::Workspace;
use crate::{process, report};

/// How many lines there may be, in code of the program and in code of tests.
#[derive(Clone, Copy, Debug)]
struct Limits {
    file: usize,
    function: usize,
}
const PROGRAM: Limits = Limits {
    file: 500,
    function: 60,
};
const TESTS: Limits = Limits {
    file: 600,
    function: 100,
};
const MAX_MACRO: usize = 120;

/// Functions and macros that may be longer: file, name, reason.
#[rustfmt::skip]
const LONG_FUNCTIONS: &[(&str, &str, &str)] = &[
    // Tables.
    ("adapters/http/src/problem/catalogue.rs", "refusals", "One example of each refusal."),
    ("application/src/notification/texts.rs", "english", "The text of each notification."),
    ("application/src/notification/texts.rs", "russian", "The text of each notification."),
    ("migration/src/m0003_listings.rs", "listings", "A list of columns and constraints; it has run and stays."),
    ("migration/src/m0004_offers_and_history.rs", "offers", "A list of columns and constraints; it has run and stays."),
    ("migration/src/m0005_disputes.rs", "disputes", "A list of columns and constraints; it has run and stays."),
    ("migration/src/m0012_payment_reports.rs", "up", "A list of columns and constraints; it has run and stays."),
    ("migration/src/m0015_orders.rs", "up", "A list of columns and constraints; it has run and stays."),
    ("adapters/persistence/src/plans/mod.rs", "cases", "A list of queries, each with its parameters."),
    ("tests/src/laws/mod.rs", "laws", "The list of all laws, by name."),
    ("tests/tests/e2e/bad_input.rs", "bodies", "A list of bodies, each with its response."),
    ("tests/tests/e2e/bad_input.rs", "requests_that_are_none", "A list of requests, each with its response."),
    ("tests/tests/persistence/corrupt.rs", "a_row_that_cannot_be_is_corrupt", "A list of rows, each with its error."),
    ("tests/tests/persistence/ledger_check.rs", "each_broken_law_is_found", "A list of faults, each with what reports it."),
    ("tests/tests/persistence/ledger_check.rs", "each_broken_law_of_payments_is_found", "A list of faults, each with what reports it."),
    ("tests/tests/persistence/plans/mod.rs", "listings", "A list of queries, each with its number of reads."),
    ("tests/tests/usecases/listing/publish.rs", "a_listing_that_makes_no_sense_is_refused", "A list of listings, each with its refusal."),
    // One match over all operations.
    ("adapters/http/src/problem/table.rs", "refusal", "A table: the title and the field of each refusal."),
    ("tests/tests/persistence/schema/offers.rs", "refused", "A table of rows."),
    ("tests/tests/usecases/engine/batches/fixture.rs", "post", "The command of each random operation."),
    // Long stories: each step builds on the one before.
    ("adapters/http/tests/whole_life.rs", "from_registration_to_a_new_password", "One user from registration to a new password."),
    ("tests/tests/contracts/conformance/script.rs", "payments", "One run through the payment operations."),
    ("tests/tests/e2e/events.rs", "every_event_is_observed_with_its_exact_body", "One run that causes each event."),
    ("tests/tests/e2e/walkthrough.rs", "fiat_to_crypto", "One deal from the listing to its end."),
    // Still to be cut: no tables.
    ("adapters/memory/src/commit.rs", "check_references", "To be generated from the list of aggregates."),
    ("application/src/events.rs", "data", "To become an enum with its fields in the variants."),
    ("application/src/session/log_in.rs", "decide", "To be cut into the checks and the new session."),
    ("bin/p2p-market/src/admin.rs", "run", "To be cut into the checks and the new account."),
    ("bin/p2p-market/src/config/check.rs", "check", "To be cut by section of the configuration."),
    ("bin/p2p-market/src/serve.rs", "serve", "To be cut into the start of its parts."),
];

/// Files that may be longer, with the reason.
#[rustfmt::skip]
const LONG_FILES: &[(&str, &str)] = &[
];

/// Fails with everything that is too long, and with every exception that is not needed.
pub(crate) fn check(workspace: &Workspace) -> Result<()> {
    process::header("sizes", "lines of files, functions and macros");
    let sources = sources::tracked(workspace.root(), &[], |path| path.ends_with(".rs"))?;
    let found = measure(&sources);
    report::conclude("sizes", &violations(&found, LONG_FUNCTIONS, LONG_FILES))
}

/// A file, function or macro that is too long.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct TooLong {
    path: String,
    line: usize,
    what: What,
    lines: usize,
    limit: usize,
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum What {
    File,
    Function(String),
    Macro(String),
}

fn violations(
    found: &BTreeSet<TooLong>,
    functions: &[(&str, &str, &str)],
    files: &[(&str, &str)],
) -> Vec<String> {
    let is_excepted = |path: &str, name: &str| {
        let mut functions = functions.iter();
        functions.any(|(file, function, _)| *file == path && *function == name)
    };
    let mut violations = Vec::new();
    for TooLong {
        path,
        line,
        what,
        lines,
        limit,
    } in found
    {
        let (excepted, what) = match what {
            What::File => (
                files.iter().any(|(file, _)| file == path),
                "the file".to_owned(),
            ),
            What::Function(name) => (is_excepted(path, name), format!("the function {name}")),
            What::Macro(name) => (is_excepted(path, name), format!("the macro {name}")),
        };
        if !excepted {
            violations.push(format!(
                "{path}:{line}: {what} has {lines} lines, at most {limit} are allowed"
            ));
        }
    }
    let is_long = |path: &str, name: Option<&str>| {
        found.iter().any(|long| match (&long.what, name) {
            (What::Function(long_name) | What::Macro(long_name), Some(name)) => {
                long.path == path && long_name == name
            }
            (What::File, None) => long.path == path,
            _ => false,
        })
    };
    for (path, name, _) in functions {
        if !is_long(path, Some(name)) {
            violations.push(format!("{path}: {name} needs no exception any more"));
        }
    }
    for (path, _) in files {
        if !is_long(path, None) {
            violations.push(format!("{path}: the file needs no exception any more"));
        }
    }
    violations
}

fn measure(sources: &[Source]) -> BTreeSet<TooLong> {
    let mut files = Vec::new();
    let mut test_modules = Vec::new();
    for Source { path, text } in sources {
        let mut tokens = lexer::tokens(text);
        tokens.retain(|token| token.kind != Kind::Comment);
        let items = test_code::items(&tokens);
        let modules = items
            .iter()
            .filter_map(|item| tokens.get(item.clone()).and_then(declared));
        test_modules.extend(modules.map(|name| format!("{}/{name}", folder_of_children(path))));
        files.push((path, text, tokens, items));
    }
    let mut found = BTreeSet::new();
    for (path, text, tokens, items) in files {
        let is_test = is_test(path, &test_modules);
        let limit = if is_test { TESTS } else { PROGRAM }.file;
        let mut add = |line, what, lines, limit| {
            if lines > limit {
                let path = path.clone();
                found.insert(TooLong {
                    path,
                    line,
                    what,
                    lines,
                    limit,
                });
            }
        };
        add(1, What::File, text.lines().count(), limit);
        for Body {
            at,
            line,
            name,
            lines,
            is_macro,
        } in bodies(&tokens)
        {
            let in_tests = is_test || items.iter().any(|item| item.contains(&at));
            let limit = if in_tests { TESTS } else { PROGRAM }.function;
            if is_macro {
                add(line, What::Macro(name), lines, MAX_MACRO);
            } else {
                add(line, What::Function(name), lines, limit);
            }
        }
    }
    found
}

/// Whether a file is in a folder of tests, or in a module that is declared for tests only.
fn is_test(path: &str, test_modules: &[String]) -> bool {
    let named = path
        .split('/')
        .any(|part| part == "tests" || part == "tests.rs");
    named
        || test_modules.iter().any(|module| {
            let rest = path.strip_prefix(module.as_str());
            rest.is_some_and(|rest| rest == ".rs" || rest.starts_with('/'))
        })
}

/// The name in `mod name;`, after attributes and visibility.
fn declared<'a>(item: &[Token<'a>]) -> Option<&'a str> {
    match item {
        [.., keyword, name, end] if keyword.is("mod") && end.is(";") => Some(name.text),
        _ => None,
    }
}

fn folder_of_children(path: &str) -> &str {
    let (folder, file) = path.rsplit_once('/').unwrap_or(("", path));
    if matches!(file, "lib.rs" | "main.rs" | "mod.rs") {
        folder
    } else {
        path.strip_suffix(".rs").unwrap_or(path)
    }
}

/// A function or macro with the lines between its braces.
struct Body {
    at: usize,
    line: usize,
    name: String,
    lines: usize,
    is_macro: bool,
}

fn bodies(tokens: &[Token<'_>]) -> Vec<Body> {
    let mut bodies = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        let is_macro = token.is("macro_rules") && is(tokens, at + 1, "!");
        if !is_macro && !token.is("fn") {
            continue;
        }
        let is_variable = is(tokens, at + 1, "$");
        let name_at = at + 1 + usize::from(is_macro || is_variable);
        let Some(name) = tokens.get(name_at).filter(|name| name.kind == Kind::Ident) else {
            continue;
        };
        let Some(open) = body(tokens, name_at + 1) else {
            continue;
        };
        let line_of = |at: usize| tokens.get(at).map_or(0, |token| token.line);
        let between = line_of(group_end(tokens, open)).saturating_sub(line_of(open) + 1);
        bodies.push(Body {
            at,
            line: token.line,
            name: name.text.to_owned(),
            lines: between,
            is_macro,
        });
    }
    bodies
}

/// The brace that opens the body; `None` if a semicolon comes first.
fn body(tokens: &[Token<'_>], mut at: usize) -> Option<usize> {
    loop {
        match tokens.get(at)? {
            token if token.is("{") => return Some(at),
            token if token.is(";") => return None,
            token if token.is("(") || token.is("[") => at = group_end(tokens, at) + 1,
            _ => at += 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(files: &[(&str, &str)]) -> BTreeSet<TooLong> {
        let sources = files.iter().map(|(path, text)| Source {
            path: (*path).to_owned(),
            text: (*text).to_owned(),
        });
        measure(&sources.collect::<Vec<_>>())
    }

    fn violations_of(files: &[(&str, &str)]) -> Vec<String> {
        violations(&found(files), &[], &[])
    }

    fn function(head: &str, lines: usize) -> String {
        format!("{head} {{\n{}}}\n", "x;\n".repeat(lines))
    }

    const NONE: [&str; 0] = [];

    #[test]
    fn a_function_that_is_too_long_is_found() {
        for head in [
            "fn f()",
            "\n\npub(crate) async fn f<T>(a: [u8; 2]) -> u8 where T: X",
            "impl A { fn f()",
            "fn g(); fn f()",
        ] {
            let line = head.matches('\n').count() + 1;
            assert_eq!(
                violations_of(&[("a/src/b.rs", &function(head, 60))]),
                NONE,
                "{head}"
            );
            assert_eq!(
                violations_of(&[("a/src/b.rs", &function(head, 61))]),
                [format!(
                    "a/src/b.rs:{line}: the function f has 61 lines, at most 60 are allowed"
                )]
            );
        }
        let pointer = format!("const F: fn(u8) = f;\n{}", "x;\n".repeat(90));
        assert_eq!(violations_of(&[("a/src/b.rs", &pointer)]), NONE);
    }

    #[test]
    fn tests_may_be_longer() {
        let (good, bad) = (function("fn f()", 100), function("fn f()", 101));
        let inside = |text: &str| format!("#[cfg(test)]\nmod tests {{\n{text}}}\n");
        for (path, wrapped) in [
            ("tests/src/a.rs", false),
            ("a/tests/b.rs", false),
            ("a/src/tests.rs", false),
            ("a/src/b.rs", true),
        ] {
            let text = |text: &String| if wrapped { inside(text) } else { text.clone() };
            assert_eq!(violations_of(&[(path, &text(&good))]), NONE, "{path}");
            assert_eq!(violations_of(&[(path, &text(&bad))]).len(), 1, "{path}");
        }
    }

    #[test]
    fn modules_that_are_declared_for_tests_are_tests() {
        let good = function("fn f()", 100);
        for (path, child) in [
            ("a/src/lib.rs", "a/src/plans.rs"),
            ("a/src/lib.rs", "a/src/plans/deep.rs"),
            ("a/src/b.rs", "a/src/b/plans.rs"),
        ] {
            let declared = |attribute: &str| {
                violations_of(&[(path, &format!("{attribute} mod plans;")), (child, &good)]).len()
            };
            assert_eq!(declared("#[cfg(test)]"), 0, "{child}");
            assert_eq!(declared(""), 1, "{child}");
        }
    }

    #[test]
    fn a_file_that_is_too_long_is_found() {
        let lines = |count: usize| "//\n".repeat(count);
        assert_eq!(
            violations_of(&[("a/src/b.rs", &lines(500)), ("tests/a.rs", &lines(600))]),
            NONE
        );
        assert_eq!(
            violations_of(&[("a/src/b.rs", &lines(501)), ("tests/a.rs", &lines(601))]),
            [
                "a/src/b.rs:1: the file has 501 lines, at most 500 are allowed",
                "tests/a.rs:1: the file has 601 lines, at most 600 are allowed"
            ]
        );
    }

    #[test]
    fn a_macro_that_is_too_long_is_found() {
        let text = |lines| function("macro_rules! m", lines);
        assert_eq!(violations_of(&[("a/src/b.rs", &text(120))]), NONE);
        assert_eq!(
            violations_of(&[("a/src/b.rs", &text(121))]),
            ["a/src/b.rs:1: the macro m has 121 lines, at most 120 are allowed"]
        );
    }

    #[test]
    fn an_exception_is_for_one_function_or_file_and_must_be_needed() {
        let text = format!("{}{}", function("fn f()", 61), "\n".repeat(500));
        let found = found(&[("a/src/b.rs", &text)]);
        let functions = [("a/src/b.rs", "f", "A table.")];
        let files = [("a/src/b.rs", "A table.")];
        assert_eq!(violations(&found, &functions, &files), NONE);
        assert_eq!(
            violations(&found, &[("a/src/b.rs", "g", "")], &files).len(),
            2
        );
        assert_eq!(
            violations(&BTreeSet::new(), &functions, &files),
            [
                "a/src/b.rs: f needs no exception any more",
                "a/src/b.rs: the file needs no exception any more"
            ]
        );
    }

    #[test]
    fn exceptions_give_a_reason() {
        let reasons = LONG_FUNCTIONS.iter().map(|(_, _, reason)| reason);
        let mut reasons = reasons.chain(LONG_FILES.iter().map(|(_, reason)| reason));
        assert!(reasons.all(|reason| reason.len() > 10));
    }
}
