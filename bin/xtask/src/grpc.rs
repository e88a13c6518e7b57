//! The independent client of the gRPC interface, in Python, run against an ordinary demo.

use std::time::Duration;

use anyhow::Result;

use crate::process;
use crate::python::Program;
use crate::services::demo;
use crate::workspace::Workspace;

const CLIENT: Program = Program {
    name: "grpc client",
    sources: "tests/grpc",
    file: "client.py",
    packages: "grpc-client",
    module: "grpc",
    since: 10,
    opt_out: "P2P_XTASK_NO_GRPC_CLIENT",
};

const RUN: Duration = Duration::from_secs(300);

pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    let Some(mut client) = CLIENT.prepare(workspace)? else {
        return Ok(());
    };
    let demo = demo::provide(&workspace.build_server(false)?, &[])?;
    client.args(["--rest", &demo.service.url, "--grpc", &demo.grpc]);
    process::step_within(CLIENT.name, &mut client, RUN)
}
