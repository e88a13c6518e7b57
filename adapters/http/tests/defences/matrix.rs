//! Checks the table of rights, `matrix.txt`, against the market cell by cell.

use std::collections::BTreeSet;

use p2p_domain::{Role, Roles};

use crate::access_fixture::{AccessFixture, CallerKind, Ownership, Proof};
use crate::call::{Reply, Twist, build_call, send};
use crate::operations::{self, Operation};

const TABLE: &str = include_str!("matrix.txt");

/// Codes of refusals for lack of rights, as opposed to an invalid request. Those for an unknown resource come on top.
const ACCESS_REFUSALS: [&str; 12] = [
    "UNAUTHENTICATED",
    "SECOND_FACTOR_REQUIRED",
    "SIGNATURE_MISSING",
    "ROLE_REQUIRED",
    "IDENTITY_MISMATCH",
    "NOT_OWNER",
    "CONFLICT_OF_INTEREST",
    "ILLEGAL_TRANSITION",
    "OWN_ADMIN_ROLE",
    "ORDER_EXISTS",
    "SELF_DEAL",
    "UPGRADE_REQUIRED",
];

/// A line of the table.
struct Line {
    title: String,
    operation: String,
    twist: Twist,
    /// One for each of [`CallerKind::ALL`].
    cells: Vec<String>,
}

fn lines() -> Vec<Line> {
    let written = TABLE.lines().map(|line| line.split('#').next().unwrap());
    let mut lines = written.map(|line| line.split_whitespace().map(str::to_owned));
    let heading: Vec<_> = lines.find_map(not_empty).unwrap();
    assert_eq!(heading, CallerKind::ALL.map(CallerKind::name));
    let lines = lines.filter_map(|words| not_empty(words).map(|words| line(&words)));
    lines.collect()
}

fn not_empty(words: impl Iterator<Item = String>) -> Option<Vec<String>> {
    let words: Vec<_> = words.collect();
    (!words.is_empty()).then_some(words)
}

fn line(words: &[String]) -> Line {
    let [title, cells @ ..] = words else {
        unreachable!("no line is empty");
    };
    assert_eq!(cells.len(), CallerKind::ALL.len(), "{title}");
    let (operation, twist) = match title.split_once([':', '@']) {
        None => (title.as_str(), Twist::None),
        Some((operation, "other_side")) => (operation, Twist::OtherSide),
        Some((operation, id)) => (operation, Twist::Id(id.to_owned())),
    };
    Line {
        title: title.clone(),
        operation: operation.to_owned(),
        twist,
        cells: cells.to_vec(),
    }
}

/// The owners to try, each with the status that the cell expects, given the caller's second factor.
fn questions(
    operation: &Operation,
    line: &Line,
    cell: &str,
    proof: Proof,
) -> Vec<(Ownership, String)> {
    let written: Vec<&str> = cell.split('/').collect();
    let ownership_matters = match line.twist {
        Twist::None => !operation.path_ids.is_empty(),
        Twist::Id(_) => true,
        Twist::OtherSide => false,
    };
    let [own, others, missing] = match (ownership_matters, written.as_slice()) {
        (false, [one]) => return vec![(Ownership::Own, status(one, proof))],
        (true, [all]) => [*all, *all, &if_there_is_none(all)],
        (true, [own, others]) => [*own, *others, &if_there_is_none(others)],
        (true, [own, others, missing]) => [*own, *others, *missing],
        _ => panic!("{}: `{cell}`", line.title),
    };
    [
        (Ownership::Own, own),
        (Ownership::Others, others),
        (Ownership::Missing, missing),
    ]
    .map(|(ownership, expected)| (ownership, status(expected, proof)))
    .to_vec()
}

/// A caller without rights does not learn whether the resource exists.
fn if_there_is_none(others: &str) -> String {
    let (status, mark) = others.split_at(others.trim_end_matches('!').len());
    if status.starts_with('2') || status == "409" {
        ["404", mark].concat()
    } else {
        others.to_owned()
    }
}

/// Where the cell is marked, a caller without a fresh second factor is refused.
fn status(written: &str, proof: Proof) -> String {
    match (written.strip_suffix('!'), proof) {
        (Some(_), Proof::TooLongAgo) => STEP_UP_CODE.to_owned(),
        (Some(status), Proof::JustNow) => status.to_owned(),
        (None, _) => written.to_owned(),
    }
}

/// The code of a 401 that asks for the second factor, not for a log-in.
const STEP_UP_CODE: &str = "SECOND_FACTOR_REQUIRED";

/// A reply as the table writes it.
fn abbreviated(reply: &Reply) -> String {
    if reply.body["status"] == "DECLINED" && reply.body["payment_id"].is_string() {
        return "declined".to_owned();
    }
    if reply.status == 401 && reply.code() == STEP_UP_CODE {
        return STEP_UP_CODE.to_owned();
    }
    reply.status.as_u16().to_string()
}

/// Every deviation from a column of the table.
async fn differences(who: CallerKind, proof: Proof) -> Vec<String> {
    let column = CallerKind::ALL.iter().position(|one| *one == who).unwrap();
    let mut differences = Vec::new();
    let fixture = AccessFixture::open().await;
    for line in lines() {
        let operation = Operation::named(&line.operation);
        let mut seen: Vec<(Ownership, Reply)> = Vec::new();
        for (ownership, expected) in questions(operation, &line, &line.cells[column], proof) {
            let mut differs = |what: String| {
                differences.push(format!("{} {ownership:?}: {what}", line.title));
            };
            fixture.reset().await;
            let call = build_call(&fixture, operation, &line.twist, ownership).await;
            let person = fixture.sign_in_with_proof(who, proof).await;
            let before = fixture.base.memory.tables();
            let reply = send(&fixture, person.as_ref(), &call).await;
            let found = abbreviated(&reply);
            if found != expected {
                differs(format!("{expected} expected, but {found} {}", reply.text));
            }
            if !reply.status.is_success() {
                if !is_access_refusal(reply.code()) {
                    differs(format!("{} says nothing about rights", reply.code()));
                }
                let mut after = fixture.base.memory.tables();
                // A refusal is stored under its key, and changes nothing else.
                after.replies.clone_from(&before.replies);
                if after != before {
                    differs("refused, but something has changed".to_owned());
                }
            } else if !operation.changes() && fixture.base.memory.tables() != before {
                differs("reading has changed something".to_owned());
            }
            seen.push((ownership, reply));
        }
        if let [_, (_, others), (_, missing)] = seen.as_slice()
            && !others.status.is_success()
            && others.status == missing.status
            && others.seen() != missing.seen()
        {
            let (others, missing) = (&others.text, &missing.text);
            let what = "a resource of others can be distinguished from one that does not exist";
            differences.push(format!("{}: {what}: {others} {missing}", line.title));
        }
    }
    differences
}

fn is_access_refusal(code: &str) -> bool {
    ACCESS_REFUSALS.contains(&code) || code.ends_with("_NOT_FOUND") && code != "ROUTE_NOT_FOUND"
}

/// One test for each column, so that they run in parallel.
macro_rules! columns {
    ($($name:ident: $who:expr, $proof:expr;)*) => {$(
        #[tokio::test]
        async fn $name() {
            let differences = differences($who, $proof).await;
            assert!(differences.is_empty(), "\n{}\n", differences.join("\n"));
        }
    )*};
}

columns! {
    the_table_holds_without_a_token: CallerKind::NoToken, Proof::TooLongAgo;
    the_table_holds_without_roles: CallerKind::NoRoles, Proof::JustNow;
    the_table_holds_for_customers: CallerKind::Has(Role::Customer), Proof::JustNow;
    the_table_holds_for_exchangers: CallerKind::Has(Role::Exchanger), Proof::JustNow;
    the_table_holds_for_moderators: CallerKind::Has(Role::Moderator), Proof::JustNow;
    the_table_holds_for_administrators: CallerKind::Has(Role::Admin), Proof::JustNow;
    the_table_holds_for_customers_without_a_fresh_second_factor: CallerKind::Has(Role::Customer), Proof::TooLongAgo;
    the_table_holds_for_moderators_without_a_fresh_second_factor: CallerKind::Has(Role::Moderator), Proof::TooLongAgo;
    the_table_holds_for_administrators_without_a_fresh_second_factor: CallerKind::Has(Role::Admin), Proof::TooLongAgo;
}

#[test]
fn every_operation_and_each_of_its_ids_has_a_line() {
    let mut wanted = BTreeSet::new();
    for operation in operations::all() {
        let others = operation.other_ids();
        wanted.extend(others.map(|id| format!("{}:{id}", operation.name)));
        wanted.insert(operation.name.clone());
    }
    let mut there = BTreeSet::new();
    for line in lines().into_iter().map(|line| line.title) {
        assert!(there.insert(line.clone()), "{line} is there twice");
    }
    let missing: Vec<_> = wanted.difference(&there).collect();
    assert!(missing.is_empty(), "matrix.txt has no line for {missing:?}");
    let other_sides = |line: &&String| !line.ends_with("@other_side");
    let stray: Vec<_> = there.difference(&wanted).filter(other_sides).collect();
    assert!(stray.is_empty(), "there are no such operations: {stray:?}");
}

/// A caller that may call the operation, and the owner of a resource about which it may.
pub(crate) fn allowed(operation: &Operation) -> (CallerKind, Ownership) {
    let line = lines()
        .into_iter()
        .find(|line| line.title == operation.name);
    let line = line.unwrap_or_else(|| panic!("matrix.txt has no line for {}", operation.name));
    let mut found = CallerKind::ALL.into_iter().zip(&line.cells).rev();
    let by = found.find_map(|(who, cell)| {
        let mut asked = questions(operation, &line, cell, Proof::JustNow).into_iter();
        let good = asked.find(|(_, status)| GRANTED.contains(&status.as_str()));
        good.map(|(ownership, _)| (who, ownership))
    });
    by.unwrap_or_else(|| panic!("no caller may {}", operation.name))
}

/// Statuses of success; 426 is what a plain request to the WebSocket gets.
const GRANTED: [&str; 5] = ["200", "201", "202", "204", "426"];

/// The callers to whom a cell grants the operation, on their own resources or on those of others.
fn granted(line: &Line, others: bool) -> Vec<CallerKind> {
    let is_granted = |cell: &String| {
        let cells: Vec<_> = cell.split('/').collect();
        let cell = if others { cells.get(1) } else { None };
        let status = cell.unwrap_or(&cells[0]).trim_end_matches('!');
        GRANTED.contains(&status)
    };
    let cells = CallerKind::ALL.into_iter().zip(&line.cells);
    cells
        .filter(|(_, cell)| is_granted(cell))
        .map(|(who, _)| who)
        .collect()
}

/// The callers whom a declared grant stands for.
fn declared(grant: &str) -> Vec<CallerKind> {
    let is_meant = |who: CallerKind| match (grant, who) {
        ("public", _) => true,
        ("none", _) | (_, CallerKind::NoToken) => false,
        ("authenticated", _) => true,
        (_, CallerKind::NoRoles) => false,
        ("any_role", _) => true,
        (name, CallerKind::Has(role)) => {
            let wanted: Role = name.parse().unwrap_or_else(|_| panic!("no grant: {name}"));
            Roles::from_iter([role]).allow(wanted)
        }
    };
    CallerKind::ALL
        .into_iter()
        .filter(|who| is_meant(*who))
        .collect()
}

#[test]
fn the_table_agrees_with_the_policies_that_handlers_declare() {
    let base = |line: &Line| matches!(line.twist, Twist::None);
    for line in lines().into_iter().filter(base) {
        let access = &Operation::named(&line.operation).policy["access"];
        let own = access["own"].as_str().or(access.as_str());
        let others = access["others"].as_str().or(access.as_str());
        for (grant, others) in [(own, false), (others, true)] {
            let grant = grant.unwrap_or_else(|| panic!("{}: {access}", line.title));
            assert_eq!(
                granted(&line, others),
                declared(grant),
                "{}, others' {others}: {access}",
                line.title
            );
        }
    }
}

#[test]
fn the_table_asks_for_the_second_factor_where_policies_do() {
    for operation in operations::all() {
        let of_it = lines().into_iter();
        let mut of_it = of_it.filter(|line| line.operation == operation.name);
        let asks = of_it.any(|line| line.cells.iter().any(|cell| cell.contains('!')));
        match operation.policy["step_up"].as_str() {
            Some("never") => assert!(!asks, "{}", operation.name),
            Some("required") => assert!(asks, "{}", operation.name),
            Some("configurable") => {}
            other => panic!("{}: {other:?}", operation.name),
        }
    }
}
