//! The REST interface explored by schemathesis: what its description allows and forbids, asked as each of a demo's people.

use std::time::Duration;

use anyhow::Result;

use crate::process;
use crate::python::Program;
use crate::services::demo;
use crate::workspace::Workspace;

const EXPLORER: Program = Program {
    name: "schemathesis",
    sources: "tests/schemathesis",
    file: "explore.py",
    packages: "schemathesis",
    module: "schemathesis",
    since: 11,
    opt_out: "P2P_XTASK_NO_SCHEMATHESIS",
};

/// A payment provider that this demo knows, so that its reports are read and not just turned away.
const PROVIDER: &str = "schemathesis";
const SECRET: &str = "known to one demo, for as long as it runs";

/// It takes three minutes on two idle cores.
const RUN: Duration = Duration::from_secs(900);

pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    let Some(mut explorer) = EXPLORER.prepare(workspace)? else {
        return Ok(());
    };
    let settings = [("P2P_CALLBACKS__SECRETS__SCHEMATHESIS", SECRET)];
    let demo = demo::provide(&workspace.build_server(false)?, &settings)?;
    explorer
        .args(["--rest", &demo.service.url])
        .args(["--provider", PROVIDER])
        .env("P2P_PROVIDER_SECRET", SECRET);
    process::step_within(EXPLORER.name, &mut explorer, RUN)
}
