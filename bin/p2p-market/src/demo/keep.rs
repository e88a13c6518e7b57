//! What a demo keeps for the next one: its database, its secret and its mail, under `data/`.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

use anyhow::{Context, Result};

use crate::secret::fresh_key;

pub(super) const DATABASE: &str = "data/demo.db";
pub(super) const MAIL: &str = "data/demo-mail";

const FOLDER: &str = "data";
const SECRET: &str = "data/demo.secret";

/// Signs tokens and seals second factors in every demo here, so that both outlive a demo's end.
pub(super) fn secret() -> Result<String> {
    match fs::read_to_string(SECRET) {
        Ok(secret) => return Ok(secret),
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => return Err(error).context(SECRET),
    }
    let secret = fresh_key()?;
    keep(&secret).context(SECRET)?;
    Ok(secret)
}

fn keep(secret: &str) -> io::Result<()> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(FOLDER)?;
    let mut options = OpenOptions::new();
    let mut file = options
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(SECRET)?;
    file.write_all(secret.as_bytes())
}

/// Removes all of it.
pub(super) fn forget() -> Result<()> {
    for file in [DATABASE, "data/demo.db-wal", "data/demo.db-shm", SECRET] {
        let removed = fs::remove_file(file);
        unless_gone(removed).with_context(|| format!("the old demo's {file} can't be removed"))?;
    }
    let removed = fs::remove_dir_all(Path::new(MAIL));
    unless_gone(removed).with_context(|| format!("the old demo's {MAIL} can't be removed"))
}

fn unless_gone(removed: io::Result<()>) -> io::Result<()> {
    match removed {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        other => other,
    }
}
