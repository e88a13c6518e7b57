//! `docs/status-machine.md` shows the domain's own table: its diagram and its rows are made here, its prose is not.
//!
//! `UPDATE_DOCS=1 cargo test -p p2p-domain --test status_machine_page` writes them anew.
#![expect(clippy::unwrap_used, reason = "helpers of tests may fail loudly")]

use std::fmt::Write;
use std::fs;

use p2p_domain::Status;
use p2p_domain::offer::machine::{By, Escrow, RULES, Rule, Timer};

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/status-machine.md");

#[test]
fn the_page_shows_the_table() {
    let found = fs::read_to_string(PAGE).unwrap();
    let wanted = with_section(&found, "diagram", &diagram());
    let wanted = with_section(&wanted, "table", &table());
    if std::env::var_os("UPDATE_DOCS").is_some_and(|value| value == "1") {
        fs::write(PAGE, &wanted).unwrap();
        return;
    }
    let differs = found
        .lines()
        .zip(wanted.lines())
        .find(|(is, should)| is != should);
    assert!(
        found == wanted,
        "docs/status-machine.md is out of date (run this with UPDATE_DOCS=1), first here: {differs:#?}"
    );
}

/// The page with this between the marks of a section.
fn with_section(page: &str, name: &str, content: &str) -> String {
    let begin = format!("<!-- generated: {name} -->\n");
    let end = "<!-- end -->";
    let (before, rest) = page.split_once(&begin).unwrap();
    let (_, after) = rest.split_once(end).unwrap();
    format!("{before}{begin}\n{content}\n{end}{after}")
}

/// A Mermaid state diagram; moves between the same two statuses share an arrow.
fn diagram() -> String {
    let mut arrows: Vec<(String, String, Vec<String>)> = Vec::new();
    let name = |status: Option<Status>| status.map_or("[*]".to_owned(), |one| one.to_string());
    let mut arrow = |from: Option<Status>, to: Option<Status>, label: Option<String>| {
        let (from, to) = (name(from), name(to));
        match arrows.iter_mut().find(|one| one.0 == from && one.1 == to) {
            Some((.., labels)) => labels.extend(label),
            None => arrows.push((from, to, label.into_iter().collect())),
        }
    };
    for rule in RULES {
        let mut label = format!("{} · {}", event(rule), by(rule.by));
        let mut from = rule.from;
        for to in path(rule) {
            let next = std::mem::replace(&mut label, "in the same commit".to_owned());
            arrow(from, Some(to), Some(next));
            from = Some(to);
        }
    }
    let ends = Status::ALL.iter().filter(|status| status.is_final());
    for end in ends.clone() {
        arrow(Some(*end), None, None);
    }

    let mut text = "```mermaid\nstateDiagram-v2\n".to_owned();
    for (from, to, labels) in arrows {
        let colon = if labels.is_empty() { "" } else { " : " };
        writeln!(text, "    {from} --> {to}{colon}{}", labels.join("<br/>")).unwrap();
    }
    let ends: Vec<_> = ends.map(|status| status.name()).collect();
    writeln!(text, "    classDef ended stroke-width:3px").unwrap();
    writeln!(text, "    class {} ended", ends.join(",")).unwrap();
    text + "```\n"
}

/// One line for each rule.
fn table() -> String {
    let mut text = "| from | what happens | by | to | escrow | deadline |\n".to_owned();
    text += "|---|---|---|---|---|---|\n";
    for rule in RULES {
        let from = rule.from.map_or("—".to_owned(), |from| format!("`{from}`"));
        let to: Vec<_> = rule.to.iter().map(|to| format!("`{to}`")).collect();
        let to = if to.is_empty() {
            "stays".to_owned()
        } else {
            to.join(" → ")
        };
        let (event, by) = (event(rule), by(rule.by));
        let (escrow, timer) = (escrow(rule.escrow), timer(rule));
        writeln!(
            text,
            "| {from} | {event} | {by} | {to} | {escrow} | {timer} |"
        )
        .unwrap();
    }
    text
}

fn path(rule: &Rule) -> Vec<Status> {
    match rule.from {
        Some(from) if rule.to.is_empty() => vec![from],
        _ => rule.to.to_vec(),
    }
}

fn event(rule: &Rule) -> String {
    let proposed = if rule.to.is_empty() {
        " (proposed)"
    } else {
        ""
    };
    format!("{}{proposed}", rule.trigger)
}

fn by(by: By) -> &'static str {
    match by {
        By::Customer => "customer",
        By::Exchanger => "exchanger",
        By::EitherSide => "either side",
        By::FiatPayer => "fiat payer",
        By::FiatPayerOrProvider => "fiat payer or payment provider",
        By::CryptoHolder => "crypto holder",
        By::Moderator => "moderator",
        By::System => "clock",
    }
}

fn escrow(escrow: Escrow) -> &'static str {
    match escrow {
        Escrow::Untouched => "",
        Escrow::Hold => "**hold**",
        Escrow::Release => "**release**",
        Escrow::Capture => "**capture**",
        Escrow::Split => "**split**",
    }
}

fn timer(rule: &Rule) -> &'static str {
    let ends = rule.to.last().is_some_and(|status| status.is_final());
    match rule.timer {
        Timer::Keep => "runs on",
        Timer::Stop if ends => "",
        Timer::Stop => "none",
        Timer::Response => "response window",
        Timer::Payment => "payment window",
        Timer::Receipt => "receipt window",
    }
}
