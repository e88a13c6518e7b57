//! What may come in from outside: cargo-deny against deny.toml. Installed once, under the target folder, where it is not
//! there already.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};

use crate::process;
use crate::workspace::Workspace;

/// The one that the checks are made with, so that they mean the same everywhere.
const VERSION: &str = "0.20.2";

/// Known weaknesses of published crates; cargo-deny fetches them with git.
const ADVISORIES: &str = "https://github.com/RustSec/advisory-db";

/// For compiling it, which takes two cores four minutes, once.
const INSTALL: Duration = Duration::from_secs(30 * 60);
const REACH: Duration = Duration::from_secs(60);
const CHECK: Duration = Duration::from_secs(300);

pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    let deny = provide(workspace)?;
    let check = |what: &[&str]| {
        let mut command = Command::new(&deny);
        command
            .arg("check")
            .args(what)
            .current_dir(workspace.root());
        process::step_within("dependencies", &mut command, CHECK)
    };
    // deny.toml only warns of crates in two versions, for direct use of cargo-deny.
    check(&["--allow", "duplicate", "bans", "licenses", "sources"])?;
    if advisories_can_be_fetched() {
        return check(&["advisories"]);
    }
    anyhow::ensure!(!process::interrupted(), "interrupted");
    let what =
        format!("WARNING: NOT CHECKED FOR KNOWN WEAKNESSES, as {ADVISORIES} can't be reached");
    process::header("dependencies", &what);
    Ok(())
}

/// Whether git reaches the database: told apart from everything else that may go wrong with it, which is a failure.
fn advisories_can_be_fetched() -> bool {
    let mut reach = Command::new("git");
    reach
        .args(["ls-remote", "--quiet", "--exit-code", ADVISORIES, "HEAD"])
        // Never prompts for a password.
        .env("GIT_TERMINAL_PROMPT", "0");
    process::step_within("advisories", &mut reach, REACH).is_ok()
}

/// Where cargo-deny is, of exactly our version.
fn provide(workspace: &Workspace) -> Result<PathBuf> {
    let tools = workspace.metadata.target_directory.join("tools");
    let own = tools
        .join("bin/cargo-deny")
        .with_extension(std::env::consts::EXE_EXTENSION);
    for known in [PathBuf::from("cargo-deny"), own.clone().into()] {
        if is_ours(&known) {
            return Ok(known);
        }
    }
    let version = format!("={VERSION}");
    let mut install = workspace.cargo(["install", "cargo-deny", "--locked", "--version", &version]);
    install.arg("--root").arg(&tools);
    process::step_within("cargo-deny", &mut install, INSTALL).context(
        "cargo-deny can't be installed: its source comes from crates.io, once for all runs; P2P_XTASK_NO_DENY=1 goes \
         without",
    )?;
    Ok(own.into())
}

fn is_ours(program: &PathBuf) -> bool {
    let output = Command::new(program).arg("--version").output();
    output.is_ok_and(|output| {
        output.stdout.trim_ascii() == format!("cargo-deny {VERSION}").as_bytes()
    })
}
