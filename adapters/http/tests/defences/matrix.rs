//! Checks the table of rights, `matrix.txt`, against the market cell by cell.

use std::collections::BTreeSet;

use p2p_domain::{Role, Roles};

use crate::ask::{Answer, Twist, ask, send};
use crate::operations::{self, Operation};
use crate::world::{Proof, Who, Whose, World};

const TABLE: &str = include_str!("matrix.txt");

/// Codes of refusals for lack of rights, as opposed to an invalid request. Those for an unknown resource come on top.
const OF_RIGHTS: [&str; 12] = [
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
    /// One for each of [`Who::ALL`].
    cells: Vec<String>,
}

fn lines() -> Vec<Line> {
    let written = TABLE.lines().map(|line| line.split('#').next().unwrap());
    let mut lines = written.map(|line| line.split_whitespace().map(str::to_owned));
    let heading: Vec<_> = lines.find_map(not_empty).unwrap();
    assert_eq!(heading, Who::ALL.map(Who::name));
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
    assert_eq!(cells.len(), Who::ALL.len(), "{title}");
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
fn questions(operation: &Operation, line: &Line, cell: &str, proof: Proof) -> Vec<(Whose, String)> {
    let written: Vec<&str> = cell.split('/').collect();
    let whose_matters = match line.twist {
        Twist::None => !operation.path_ids.is_empty(),
        Twist::Id(_) => true,
        Twist::OtherSide => false,
    };
    let [own, others, nobodys] = match (whose_matters, written.as_slice()) {
        (false, [one]) => return vec![(Whose::Own, status(one, proof))],
        (true, [all]) => [*all, *all, &if_there_is_none(all)],
        (true, [own, others]) => [*own, *others, &if_there_is_none(others)],
        (true, [own, others, nobodys]) => [*own, *others, *nobodys],
        _ => panic!("{}: `{cell}`", line.title),
    };
    [
        (Whose::Own, own),
        (Whose::Others, others),
        (Whose::Nobodys, nobodys),
    ]
    .map(|(whose, expected)| (whose, status(expected, proof)))
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
        (Some(_), Proof::TooLongAgo) => UNPROVED.to_owned(),
        (Some(status), Proof::JustNow) => status.to_owned(),
        (None, _) => written.to_owned(),
    }
}

/// The code of a 401 that asks for the second factor, not for a log-in.
const UNPROVED: &str = "SECOND_FACTOR_REQUIRED";

/// A reply as the table writes it.
fn in_short(answer: &Answer) -> String {
    if answer.body["status"] == "DECLINED" && answer.body["payment_id"].is_string() {
        return "declined".to_owned();
    }
    if answer.status == 401 && answer.code() == UNPROVED {
        return UNPROVED.to_owned();
    }
    answer.status.as_u16().to_string()
}

/// Every deviation from a column of the table.
async fn differences(who: Who, proof: Proof) -> Vec<String> {
    let column = Who::ALL.iter().position(|one| *one == who).unwrap();
    let mut differences = Vec::new();
    let world = World::open().await;
    for line in lines() {
        let operation = Operation::named(&line.operation);
        let mut seen: Vec<(Whose, Answer)> = Vec::new();
        for (whose, expected) in questions(operation, &line, &line.cells[column], proof) {
            let mut differs = |what: String| {
                differences.push(format!("{} {whose:?}: {what}", line.title));
            };
            world.again().await;
            let ask = ask(&world, operation, &line.twist, whose).await;
            let person = world.becomes_with(who, proof).await;
            let before = world.scene.memory.tables();
            let answer = send(&world, person.as_ref(), &ask).await;
            let found = in_short(&answer);
            if found != expected {
                differs(format!("{expected} expected, but {found} {}", answer.text));
            }
            if !answer.status.is_success() {
                if !of_rights(answer.code()) {
                    differs(format!("{} says nothing about rights", answer.code()));
                }
                let mut after = world.scene.memory.tables();
                // A refusal is stored under its key, and changes nothing else.
                after.replies.clone_from(&before.replies);
                if after != before {
                    differs("refused, but something has changed".to_owned());
                }
            } else if !operation.changes() && world.scene.memory.tables() != before {
                differs("reading has changed something".to_owned());
            }
            seen.push((whose, answer));
        }
        if let [_, (_, others), (_, nobodys)] = seen.as_slice()
            && !others.status.is_success()
            && others.status == nobodys.status
            && others.seen() != nobodys.seen()
        {
            let (others, nobodys) = (&others.text, &nobodys.text);
            let what = "a resource of others can be distinguished from one that does not exist";
            differences.push(format!("{}: {what}: {others} {nobodys}", line.title));
        }
    }
    differences
}

fn of_rights(code: &str) -> bool {
    OF_RIGHTS.contains(&code) || code.ends_with("_NOT_FOUND") && code != "ROUTE_NOT_FOUND"
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
    nobody_may_what_the_table_says: Who::Nobody, Proof::TooLongAgo;
    somebody_without_roles_may_what_the_table_says: Who::NoRoles, Proof::JustNow;
    customers_may_what_the_table_says: Who::Has(Role::Customer), Proof::JustNow;
    exchangers_may_what_the_table_says: Who::Has(Role::Exchanger), Proof::JustNow;
    moderators_may_what_the_table_says: Who::Has(Role::Moderator), Proof::JustNow;
    administrators_may_what_the_table_says: Who::Has(Role::Admin), Proof::JustNow;
    customers_without_a_fresh_second_factor_may_what_the_table_says: Who::Has(Role::Customer), Proof::TooLongAgo;
    moderators_without_a_fresh_second_factor_may_what_the_table_says: Who::Has(Role::Moderator), Proof::TooLongAgo;
    administrators_without_a_fresh_second_factor_may_what_the_table_says: Who::Has(Role::Admin), Proof::TooLongAgo;
}

#[test]
fn every_operation_and_every_id_that_it_takes_has_its_line() {
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
pub(crate) fn allowed(operation: &Operation) -> (Who, Whose) {
    let line = lines()
        .into_iter()
        .find(|line| line.title == operation.name);
    let line = line.unwrap_or_else(|| panic!("matrix.txt has no line for {}", operation.name));
    let mut found = Who::ALL.into_iter().zip(&line.cells).rev();
    let by = found.find_map(|(who, cell)| {
        let mut asked = questions(operation, &line, cell, Proof::JustNow).into_iter();
        let good = asked.find(|(_, status)| GRANTED.contains(&status.as_str()));
        good.map(|(whose, _)| (who, whose))
    });
    by.unwrap_or_else(|| panic!("no caller may {}", operation.name))
}

/// Statuses of success; 426 is what a plain request to the WebSocket gets.
const GRANTED: [&str; 5] = ["200", "201", "202", "204", "426"];

/// The callers to whom a cell grants the operation, on their own resources or on those of others.
fn granted(line: &Line, others: bool) -> Vec<Who> {
    let is_granted = |cell: &String| {
        let cells: Vec<_> = cell.split('/').collect();
        let cell = if others { cells.get(1) } else { None };
        let status = cell.unwrap_or(&cells[0]).trim_end_matches('!');
        GRANTED.contains(&status)
    };
    let cells = Who::ALL.into_iter().zip(&line.cells);
    cells
        .filter(|(_, cell)| is_granted(cell))
        .map(|(who, _)| who)
        .collect()
}

/// The callers whom a declared grant stands for.
fn declared(grant: &str) -> Vec<Who> {
    let is_meant = |who: Who| match (grant, who) {
        ("public", _) => true,
        ("none", _) | (_, Who::Nobody) => false,
        ("authenticated", _) => true,
        (_, Who::NoRoles) => false,
        ("any_role", _) => true,
        (name, Who::Has(role)) => {
            let wanted: Role = name.parse().unwrap_or_else(|_| panic!("no grant: {name}"));
            Roles::from_iter([role]).allow(wanted)
        }
    };
    Who::ALL.into_iter().filter(|who| is_meant(*who)).collect()
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
