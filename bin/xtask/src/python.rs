//! Programs of the tests that are written in Python, each with packages of its own: nothing is installed outside the target
//! folder.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};

use crate::process;
use crate::workspace::Workspace;

const REQUIREMENTS: &str = "requirements.txt";
/// Written when everything is installed: a copy of the requirements that were installed.
const INSTALLED: &str = ".p2p-market";

const INSTALL: Duration = Duration::from_secs(300);

/// A program, its requirements beside it.
#[derive(Debug)]
pub(crate) struct Program {
    /// What its step is called.
    pub(crate) name: &'static str,
    /// The folder that it is in, under the workspace's root.
    pub(crate) sources: &'static str,
    /// The file to run.
    pub(crate) file: &'static str,
    /// The folder of its packages, under the target folder.
    pub(crate) packages: &'static str,
    /// The module that it can't do without.
    pub(crate) module: &'static str,
    /// Of Python 3 the oldest minor version that it works with.
    pub(crate) since: u8,
    /// What to set to go without.
    pub(crate) opt_out: &'static str,
}

impl Program {
    /// The program, ready to be given its arguments; `None`, with a word about it, where there is no Python for it.
    pub(crate) fn prepare(&self, workspace: &Workspace) -> Result<Option<Command>> {
        if !self.is_possible() {
            let what = format!(
                "skipped, as Python 3.{} or later with venv is not installed",
                self.since
            );
            process::header(self.name, &what);
            return Ok(None);
        }
        let sources = workspace.root().join(self.sources);
        let mut program = Command::new(self.install(workspace, &sources)?);
        // Nothing that Python finds elsewhere, and no compiled files beside the sources.
        program.args(["-E", "-B", self.file]).current_dir(sources);
        Ok(Some(program))
    }

    fn is_possible(&self) -> bool {
        let since = self.since;
        let suits =
            format!("import ensurepip, sys, venv; sys.exit(sys.version_info < (3, {since}))");
        process::succeeds(Command::new("python3").args(["-c", &suits]))
    }

    /// Installs exactly what the requirements name, unless that was done before. Answers which Python has it.
    fn install(&self, workspace: &Workspace, sources: &Path) -> Result<PathBuf> {
        let folder = workspace.metadata.target_directory.as_std_path();
        let folder = folder.join(self.packages);
        let python = folder.join("bin/python");
        let requirements = sources.join(REQUIREMENTS);
        let required = fs::read_to_string(&requirements)
            .with_context(|| requirements.display().to_string())?;
        let installed = fs::read_to_string(folder.join(INSTALLED)).unwrap_or_default();
        let import = format!("import {}", self.module);
        if installed == required && process::succeeds(Command::new(&python).args(["-c", &import])) {
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
        process::step_within("packages", &mut pip, INSTALL).with_context(|| {
            format!(
                "the packages of {} can't be installed: they come from PyPI, once for all runs; {}=1 goes without",
                self.sources, self.opt_out
            )
        })?;
        fs::write(folder.join(INSTALLED), required)?;
        Ok(python)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_python_that_is_too_old_will_not_do() {
        let program = Program {
            name: "tomorrow",
            sources: "tests/tomorrow",
            file: "tomorrow.py",
            packages: "tomorrow",
            module: "tomorrow",
            since: u8::MAX,
            opt_out: "P2P_XTASK_NO_TOMORROW",
        };
        assert!(!program.is_possible());
        let workspace = Workspace::load().unwrap();
        assert!(program.prepare(&workspace).unwrap().is_none());
    }
}
