//! Installs server packages on Debian, without the services that they bring.

use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};
use rustix::process::geteuid;

use crate::process;

/// Whether packages can be installed here.
pub(super) fn available() -> bool {
    geteuid().is_root() && super::on_path("apt-get").is_some()
}

pub(super) fn install(package: &str) -> Result<()> {
    let _no_autostart = NoAutostart::begin()?;
    process::step("packages", apt_get().arg("update"))?;
    let install = ["install", "--yes", "--no-install-recommends", package];
    process::step("packages", apt_get().args(install))
}

fn apt_get() -> Command {
    let mut command = Command::new("apt-get");
    // No terminal games: a step has no terminal.
    command.args(["--quiet", "-o", "Dpkg::Use-Pty=0"]);
    command.env("DEBIAN_FRONTEND", "noninteractive");
    command
}

/// While this lives, Debian's policy is to start no service that a package brings. One already there is respected.
struct NoAutostart {
    ours: bool,
}

impl NoAutostart {
    const POLICY: &str = "/usr/sbin/policy-rc.d";

    fn begin() -> Result<Self> {
        let guard = match File::create_new(Self::POLICY) {
            Ok(mut file) => {
                let guard = Self { ours: true };
                file.write_all(b"#!/bin/sh\nexit 101\n")?;
                guard
            }
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Self { ours: false },
            Err(error) => {
                return Err(error).with_context(|| format!("cannot write {}", Self::POLICY));
            }
        };
        if guard.ours {
            let permissions = fs::Permissions::from_mode(0o755);
            fs::set_permissions(Path::new(Self::POLICY), permissions)?;
        }
        Ok(guard)
    }
}

impl Drop for NoAutostart {
    fn drop(&mut self) {
        if self.ours {
            let _ = fs::remove_file(Self::POLICY);
        }
    }
}
