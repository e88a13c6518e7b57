//! The demo: build, then become `p2p-market demo`, so that it has the terminal and its signals to itself.

use std::convert::Infallible;
use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::process::Command;

use anyhow::{Context, Result};

use crate::workspace::Workspace;

pub(crate) fn run(workspace: &Workspace, release: bool, args: &[OsString]) -> Result<Infallible> {
    let server = workspace.build_server(release)?;
    let error = Command::new(&server).arg("demo").args(args).exec();
    Err(error).with_context(|| format!("cannot run {}", server.display()))
}
