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

/// A payment provider that this demo knows, so that its reports are read and not just rejected.
const PROVIDER: &str = "schemathesis";
const SECRET: &str = "known to one demo, for as long as it runs";

/// Off, since rejected requests find no faults.
const LIMITS: [&str; 11] = [
    "P2P_LIMITS__READ_PER_SECOND",
    "P2P_LIMITS__WRITE_PER_SECOND",
    "P2P_LIMITS__STREAM_PER_MINUTE",
    "P2P_LIMITS__LOGIN_PER_MINUTE",
    "P2P_LIMITS__CALLBACK_PER_SECOND",
    "P2P_LIMITS__ADDRESS_PER_SECOND",
    "P2P_AUTH__FREE_FAILURES_PER_SOURCE",
    "P2P_MARKET__OPEN_OFFERS_LIMIT",
    "P2P_MARKET__CANCELS_PER_DAY",
    "P2P_MARKET__LISTINGS_LIMIT",
    "P2P_MARKET__OPEN_WITHDRAWALS_LIMIT",
];

/// It takes three minutes on two idle cores.
const RUN: Duration = Duration::from_secs(900);

pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    let Some(mut explorer) = EXPLORER.prepare(workspace)? else {
        return Ok(());
    };
    let mut settings = LIMITS.map(|limit| (limit, "0")).to_vec();
    settings.push(("P2P_CALLBACKS__SECRETS__SCHEMATHESIS", SECRET));
    let demo = demo::provide(&workspace.build_server(false)?, &settings)?;
    explorer
        .args(["--rest", &demo.service.url])
        .args(["--provider", PROVIDER])
        .env("P2P_PROVIDER_SECRET", SECRET);
    process::step_within(EXPLORER.name, &mut explorer, RUN)
}
