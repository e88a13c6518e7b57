//! The files that git tracks.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};

/// A text file by its path below the workspace's root.
#[derive(Debug)]
pub(crate) struct Source {
    pub(crate) path: String,
    pub(crate) text: String,
}

/// The tracked files at these paths that `wanted` chooses by name; all of them without paths. Deleted files are left out.
pub(crate) fn tracked(
    root: &Path,
    paths: &[String],
    wanted: impl Fn(&str) -> bool,
) -> Result<Vec<Source>> {
    let mut git = Command::new("git");
    git.args(["ls-files", "-z"]);
    if !paths.is_empty() {
        git.args(["--error-unmatch", "--"]).args(paths);
    }
    let listed = git.current_dir(root).output().context("cannot run git")?;
    let complaint = String::from_utf8_lossy(&listed.stderr);
    ensure!(listed.status.success(), "git ls-files failed: {complaint}");
    let listed = String::from_utf8(listed.stdout).context("a file's name is not UTF-8")?;
    let mut sources = Vec::new();
    for path in listed.split_terminator('\0').filter(|path| wanted(path)) {
        let file = root.join(path);
        if file.is_file() {
            let text = fs::read_to_string(&file).with_context(|| format!("cannot read {path}"))?;
            let path = path.to_owned();
            sources.push(Source { path, text });
        }
    }
    Ok(sources)
}
