//! Where things are, and how cargo is called.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use cargo_metadata::{Metadata, MetadataCommand};

use crate::process;

pub(crate) const SERVER: &str = "p2p-market";

#[derive(Debug)]
pub(crate) struct Workspace {
    pub(crate) metadata: Metadata,
}

impl Workspace {
    pub(crate) fn load() -> Result<Self> {
        let metadata = MetadataCommand::new()
            .no_deps()
            .exec()
            .context("cargo metadata")?;
        Ok(Self { metadata })
    }

    pub(crate) fn root(&self) -> &Path {
        self.metadata.workspace_root.as_std_path()
    }

    /// `cargo <args>`, in the workspace's root.
    pub(crate) fn cargo<'a>(&self, args: impl IntoIterator<Item = &'a str>) -> Command {
        let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        command.args(args).current_dir(self.root());
        // What `cargo run` says of this program: some build scripts look at it, and would be run anew each time.
        for (name, _) in std::env::vars_os() {
            let ours = name.to_str().is_some_and(|name| {
                let of_package = ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_"];
                of_package.iter().any(|prefix| name.starts_with(prefix)) || name == "CARGO"
            });
            if ours {
                command.env_remove(name);
            }
        }
        command
    }

    /// Whether cargo has the subcommand installed.
    pub(crate) fn has(&self, subcommand: &str) -> bool {
        process::succeeds(&mut self.cargo([subcommand, "--version"]))
    }

    /// Where cargo puts a binary of the dev or release profile.
    pub(crate) fn binary(&self, name: &str, release: bool) -> PathBuf {
        let profile = if release { "release" } else { "debug" };
        let folder = self.metadata.target_directory.join(profile);
        folder
            .join(format!("{name}{}", std::env::consts::EXE_SUFFIX))
            .into()
    }

    /// Builds the server. Features are unified over the whole workspace, so that the tests' build reuses this one.
    pub(crate) fn build_server(&self, release: bool) -> Result<PathBuf> {
        let mut build = self.cargo(["build", "--workspace", "--bin", SERVER]);
        if release {
            build.arg("--release");
        }
        process::step("build", &mut build)?;
        Ok(self.binary(SERVER, release))
    }
}
