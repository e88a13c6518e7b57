//! The measurements: p2p-bench starts the server's release build itself, drives it, and compares it with pgbench.

use std::ffi::{OsStr, OsString};
use std::process::Command;

use anyhow::{Context, Result};

use crate::process;
use crate::services::postgres::{self, Durability};
use crate::services::rabbitmq;
use crate::workspace::{SERVER, Workspace};

const DRIVER: &str = "p2p-bench";

/// With these, the driver only tells something.
const TELLING: [&str; 3] = ["--list", "--help", "-h"];

pub(crate) fn run(workspace: &Workspace, own_services: bool, args: &[OsString]) -> Result<()> {
    let packages = ["-p", SERVER, "-p", "p2p-tests"];
    let binaries = ["--bin", SERVER, "--bin", DRIVER];
    let mut build = workspace.cargo(["build", "--release"]);
    process::step("build", build.args(packages).args(binaries))?;

    let mut driver = Command::new(workspace.binary(DRIVER, true));
    driver.args(args);
    if args.iter().any(|arg| TELLING.iter().any(|one| arg == one)) {
        return process::step("bench", &mut driver);
    }
    // A measurement without durability would be of something else.
    let postgres = postgres::provide(own_services, Durability::Full)?;
    let rabbitmq = rabbitmq::provide(own_services)?;
    // SQLite's files have to be on a disk, which the usual folder for temporary files need not be.
    let target = workspace.metadata.target_directory.as_std_path();
    let temporary = tempfile::Builder::new()
        .prefix("bench-")
        .tempdir_in(target)
        .context("cannot make a temporary directory")?;
    driver
        .env("DATABASE_URL", &postgres.url)
        .env("AMQP_URL", &rabbitmq.url)
        .env("P2P_MARKET_BIN", workspace.binary(SERVER, true))
        .env("P2P_BENCH_JSON", target.join("bench.json"))
        .env("PATH", path()?)
        .env("TMPDIR", temporary.path());
    process::step("bench", &mut driver)
}

/// Where programs are looked for: psql and pgbench first beside the server that we would start.
fn path() -> Result<OsString> {
    let inherited = std::env::var_os("PATH").unwrap_or_default();
    let folders = postgres::programs().into_iter();
    let all = folders.chain(std::env::split_paths(OsStr::new(&inherited)));
    Ok(std::env::join_paths(all)?)
}
