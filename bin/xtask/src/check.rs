//! What needs no server: formatting, lints, architecture, import cycles, sizes, words.

use anyhow::Result;

use crate::workspace::Workspace;
use crate::{architecture, cycles, outgoing, process, sizes, words};

pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    process::step("format", &mut workspace.cargo(["fmt", "--all", "--check"]))?;
    let lints = "clippy --workspace --all-targets --all-features -- -D warnings";
    process::step("lints", &mut workspace.cargo(lints.split(' ')))?;
    architecture::check(&workspace.metadata)?;
    cycles::check(workspace)?;
    sizes::check(workspace)?;
    words::check(workspace)?;
    outgoing::check(workspace)
}
