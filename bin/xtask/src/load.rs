//! The load test: p2p-load starts the server's release build itself and drives it.

use std::ffi::OsString;
use std::process::Command;

use anyhow::Result;

use crate::process;
use crate::services::postgres::{self, Durability};
use crate::workspace::{SERVER, Workspace};

const DRIVER: &str = "p2p-load";

pub(crate) fn run(workspace: &Workspace, own_services: bool, args: &[OsString]) -> Result<()> {
    let packages = ["-p", SERVER, "-p", "p2p-tests"];
    let binaries = ["--bin", SERVER, "--bin", DRIVER];
    let mut build = workspace.cargo(["build", "--release"]);
    process::step("build", build.args(packages).args(binaries))?;

    // A measurement without durability would be of something else.
    let postgres = postgres::provide(own_services, Durability::Full)?;
    let mut driver = Command::new(workspace.binary(DRIVER, true));
    driver
        .args(args)
        .env("DATABASE_URL", &postgres.url)
        .env("P2P_MARKET_BIN", workspace.binary(SERVER, true));
    process::step("load", &mut driver)
}
