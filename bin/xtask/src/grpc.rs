//! The independent client of the gRPC interface, in Python, run against a demo such as anybody starts.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};

use crate::process;
use crate::services::demo;
use crate::workspace::Workspace;

const REQUIREMENTS: &str = "requirements.txt";
/// Written when everything is installed: a copy of the requirements that were installed.
const INSTALLED: &str = ".p2p-market";

/// Succeeds where the client can be installed and run.
const SUITABLE: &str = "import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 10))";

const INSTALL: Duration = Duration::from_secs(300);
const RUN: Duration = Duration::from_secs(300);

pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    if !process::succeeds(Command::new("python3").args(["-c", SUITABLE])) {
        let what = "skipped, as Python 3.10 or later with venv is not installed";
        process::header("grpc client", what);
        return Ok(());
    }
    let sources = workspace.root().join("tests/grpc");
    let python = install(workspace, &sources)?;
    let demo = demo::provide(&workspace.build_server(false)?)?;

    let mut client = Command::new(python);
    client
        // Nothing that Python finds elsewhere, and no compiled files beside the sources.
        .args(["-E", "-B", "client.py"])
        .args(["--rest", &demo.service.url, "--grpc", &demo.grpc])
        .current_dir(sources);
    process::step_within("grpc client", &mut client, RUN)
}

/// Installs exactly what the requirements name, under the target folder, unless that was done before. Answers which Python
/// has it.
fn install(workspace: &Workspace, sources: &Path) -> Result<PathBuf> {
    let folder = workspace.metadata.target_directory.as_std_path();
    let folder = folder.join("grpc-client");
    let python = folder.join("bin/python");
    let required =
        fs::read_to_string(sources.join(REQUIREMENTS)).context("tests/grpc/requirements.txt")?;
    let installed = fs::read_to_string(folder.join(INSTALLED)).unwrap_or_default();
    if installed == required && process::succeeds(Command::new(&python).args(["-c", "import grpc"]))
    {
        return Ok(python);
    }
    let mut venv = Command::new("python3");
    venv.args(["-m", "venv", "--clear"]).arg(&folder);
    process::step_within("python", &mut venv, INSTALL)?;
    let mut pip = Command::new(&python);
    pip.args(["-m", "pip", "install", "--requirement", REQUIREMENTS])
        // Nothing is compiled, which would take longer than all tests.
        .args(["--only-binary", ":all:", "--no-input", "--quiet"])
        .arg("--disable-pip-version-check")
        .current_dir(sources);
    process::step_within("grpcio", &mut pip, INSTALL).context(
        "the client's packages can't be installed: they come from PyPI, once for all runs; P2P_XTASK_NO_GRPC_CLIENT=1 goes \
         without",
    )?;
    fs::write(folder.join(INSTALLED), required)?;
    Ok(python)
}
