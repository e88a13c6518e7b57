//! The published contract is generated from the code, committed, and compared.

use std::fs;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::process;
use crate::workspace::Workspace;

const OPENAPI: &str = "openapi/openapi.json";

pub(crate) fn write(workspace: &Workspace) -> Result<()> {
    let path = workspace.root().join(OPENAPI);
    let generated = generate(workspace)?;
    fs::write(&path, generated).with_context(|| format!("cannot write {OPENAPI}"))
}

pub(crate) fn check(workspace: &Workspace) -> Result<()> {
    let generated = generate(workspace)?;
    let path = workspace.root().join(OPENAPI);
    let committed = fs::read_to_string(path);
    let committed = committed.with_context(|| {
        format!("cannot read {OPENAPI}; run `cargo xtask contracts` to generate it")
    })?;
    if let Some(difference) = first_difference(&committed, &generated) {
        bail!(
            "{OPENAPI} is not what the code generates; run `cargo xtask contracts` to regenerate it\n{difference}"
        );
    }
    Ok(())
}

fn generate(workspace: &Workspace) -> Result<String> {
    let server = workspace.build_server(false)?;
    let mut command = Command::new(server);
    let printed = process::output(
        "contract",
        command.arg("openapi").current_dir(workspace.root()),
    )?;
    serde_json::from_slice::<serde_json::Value>(&printed).context("the contract is not JSON")?;
    String::from_utf8(printed).context("the contract is not UTF-8")
}

fn first_difference(committed: &str, generated: &str) -> Option<String> {
    if committed == generated {
        return None;
    }
    let [mut old, mut new] = [committed.split('\n'), generated.split('\n')];
    (1..).find_map(|line| match (old.next(), new.next()) {
        (old, new) if old == new => None,
        (old, new) => {
            let [old, new] = [old, new].map(|text| text.unwrap_or("(end)").trim());
            Some(format!(
                "  line {line}, committed: {old}\n  line {line}, generated: {new}"
            ))
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_does_not_differ() {
        assert_eq!(first_difference("a\nb\n", "a\nb\n"), None);
    }

    #[test]
    fn the_first_difference_is_shown() {
        for (committed, generated, line, old, new) in [
            ("a\nb\n", "a\nc\n", 2, "b", "c"),
            ("a\n", "a\nc\n", 2, "", "c"),
            ("a\n", "a", 2, "", "(end)"),
            ("", "a", 1, "", "a"),
        ] {
            let expected =
                format!("  line {line}, committed: {old}\n  line {line}, generated: {new}");
            assert_eq!(first_difference(committed, generated), Some(expected));
        }
    }
}
