//! The Postman collection, run by newman against an ordinary demo.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};

use crate::process;
use crate::services::demo;
use crate::workspace::Workspace;

/// Beside the collection: what newman is installed from.
const SOURCES: [&str; 3] = [".npmrc", "package.json", "package-lock.json"];
const COLLECTION: &str = "p2p-market.postman_collection.json";
/// Written when everything is installed: a copy of the lock file that it was installed from.
const INSTALLED: &str = "node_modules/.p2p-market";

const INSTALL: Duration = Duration::from_secs(300);
/// For all requests together, newman itself with a little more.
const RUN: Duration = Duration::from_secs(300);
const REQUEST: Duration = Duration::from_secs(60);
const SCRIPT: Duration = Duration::from_secs(10);

pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    let there = |program| process::succeeds(Command::new(program).arg("--version"));
    if !(there("node") && there("npm")) {
        process::header("postman", "skipped, as Node.js with npm is not installed");
        return Ok(());
    }
    let sources = workspace.root().join("tests/postman");
    let newman = install(workspace, &sources)?;
    let demo = demo::provide(&workspace.build_server(false)?, &[])?;

    let milliseconds = |span: Duration| span.as_millis().to_string();
    let mut collection = Command::new(newman);
    collection
        .args(["run", COLLECTION, "--color", "off", "--env-var"])
        .arg(format!("baseUrl={}", demo.service.url))
        .args(["--timeout", &milliseconds(RUN)])
        .args(["--timeout-request", &milliseconds(REQUEST)])
        .args(["--timeout-script", &milliseconds(SCRIPT)])
        // Its tables are coloured whatever is asked for, but for this.
        .env("FORCE_COLOR", "0")
        .current_dir(sources);
    process::step_within("postman", &mut collection, RUN + REQUEST)
}

/// Installs exactly what the lock file names, under the target folder, unless that was done before. Answers where newman is.
fn install(workspace: &Workspace, sources: &Path) -> Result<PathBuf> {
    let folder = workspace.metadata.target_directory.as_std_path();
    let folder = folder.join("postman");
    let newman = folder.join("node_modules/.bin/newman");
    let locked = fs::read_to_string(sources.join("package-lock.json"))
        .context("tests/postman/package-lock.json")?;
    let installed = fs::read_to_string(folder.join(INSTALLED)).unwrap_or_default();
    if installed == locked && newman.is_file() {
        return Ok(newman);
    }
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    for name in SOURCES {
        fs::copy(sources.join(name), folder.join(name))
            .with_context(|| format!("cannot copy tests/postman/{name}"))?;
    }
    let mut npm = Command::new("npm");
    npm.args(["ci", "--ignore-scripts", "--prefer-offline"])
        .current_dir(&folder);
    process::step_within("newman", &mut npm, INSTALL).context(
        "newman can't be installed: its packages come from npm's registry, or from npm's cache once they are there; \
         P2P_XTASK_NO_POSTMAN=1 goes without",
    )?;
    fs::write(folder.join(INSTALLED), locked)?;
    Ok(newman)
}
