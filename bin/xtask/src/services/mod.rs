//! The servers that tests need: the caller's, or one found, or a private one that ends with us; and a demo.

mod apt;
pub(crate) mod demo;
pub(crate) mod postgres;
pub(crate) mod rabbitmq;
pub(crate) mod redis;

use std::fs::{self, File};
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, anyhow};
use rustix::process::{Signal, geteuid};
use tempfile::TempDir;

use crate::process::{self, Group};

/// A server to use. A private one is stopped, and its files are deleted, when this is dropped.
#[derive(Debug)]
pub(crate) struct Service {
    pub(crate) url: String,
    _groups: Vec<Group>, // stopped in this order, before the home goes
    _home: Option<Home>,
}

impl Service {
    fn found(url: String) -> Self {
        Self {
            url,
            _groups: Vec::new(),
            _home: None,
        }
    }

    fn started(url: String, groups: Vec<Group>, home: Home) -> Self {
        Self {
            url,
            _groups: groups,
            _home: Some(home),
        }
    }
}

/// The temporary directory of a private server, with the account that it runs under.
#[derive(Debug)]
struct Home {
    directory: TempDir,
    /// Ids of user and group; none if the server runs as we do.
    account: Option<(u32, u32)>,
}

impl Home {
    /// For a server that runs as we do.
    fn own() -> Result<Self> {
        let directory = tempfile::Builder::new()
            .prefix("p2p-market-")
            .tempdir()
            .context("cannot make a temporary directory")?;
        Ok(Self {
            directory,
            account: None,
        })
    }

    /// Servers should not or will not run as root: `account` is whom they run as if we are.
    fn new(account: &str) -> Result<Self> {
        let Self { directory, .. } = Self::own()?;
        let account = geteuid().is_root().then(|| ids(account)).flatten();
        if let Some((user, group)) = account {
            chown(directory.path(), Some(user), Some(group))?;
        }
        Ok(Self { directory, account })
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// A program of the server, which gets `stop_signal` at its end; also if this process is killed, where the
    /// system can do that.
    fn command(&self, program: &Path, stop_signal: Signal) -> Result<Command> {
        let mut command = if dies_with_parent() {
            let mut command = Command::new("setpriv");
            let stop_signal = if stop_signal == Signal::INT {
                "INT"
            } else {
                "TERM"
            };
            command
                .args(["--pdeathsig", stop_signal, "--"])
                .arg(program);
            command
        } else {
            Command::new(program)
        };
        if let Some((user, group)) = self.account {
            command.uid(user).gid(group);
        }
        let log = File::options()
            .create(true)
            .append(true)
            .open(self.path("log"))?;
        command
            .current_dir(self.directory.path())
            .env("HOME", self.directory.path())
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log);
        Ok(command)
    }

    /// The error with the last lines of what the server had to say, unless it ended because we were told to.
    fn explain(&self, error: anyhow::Error) -> anyhow::Error {
        if process::interrupted() {
            return error;
        }
        let log = fs::read_to_string(self.path("log")).unwrap_or_default();
        let lines: Vec<_> = log.lines().collect();
        let tail = lines[lines.len().saturating_sub(30)..].join("\n");
        anyhow!("{error:#}; its log ends with:\n{tail}")
    }
}

/// Whether this system can end a program when its parent dies.
fn dies_with_parent() -> bool {
    process::succeeds(Command::new("setpriv").args(["--pdeathsig", "TERM", "--", "true"]))
}

/// The ids of an account's user and group, if there is such an account.
fn ids(account: &str) -> Option<(u32, u32)> {
    let id = |option| {
        let output = Command::new("id").args([option, account]).output().ok()?;
        str::from_utf8(&output.stdout).ok()?.trim().parse().ok()
    };
    Some((id("-u")?, id("-g")?))
}

fn on_path(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .map(|folder| folder.join(program))
        .find(|file| file.is_file())
}

/// Unused local ports.
fn free_ports<const N: usize>() -> Result<[u16; N]> {
    let mut ports = [0; N];
    let mut held = Vec::with_capacity(N); // all at once, so that they differ
    for port in &mut ports {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        *port = listener.local_addr()?.port();
        held.push(listener);
    }
    Ok(ports)
}

#[cfg(test)]
mod tests {
    use std::io::{self, Cursor, Read, Write};

    use super::*;

    /// The other end of a connection: sends a script, and keeps the input.
    pub(super) struct Script {
        says: Cursor<Vec<u8>>,
        pub(super) received: Vec<u8>,
    }

    impl Script {
        pub(super) fn of(said: &[&[u8]]) -> Self {
            Self {
                says: Cursor::new(said.concat()),
                received: Vec::new(),
            }
        }
    }

    impl Read for Script {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            self.says.read(buffer)
        }
    }

    impl Write for Script {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.received.write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn free_ports_differ_and_are_free() {
        let [a, b] = free_ports().unwrap();
        assert_ne!(a, b);
        for port in [a, b] {
            TcpListener::bind((Ipv4Addr::LOCALHOST, port)).unwrap();
        }
    }

    #[test]
    fn a_failure_shows_the_end_of_the_log() {
        let home = Home::new("unused").unwrap();
        let mut command = home.command(Path::new("/bin/sh"), Signal::TERM).unwrap();
        assert!(
            command
                .args(["-c", "echo the cause >&2; exit 1"])
                .status()
                .is_ok()
        );
        let error = home.explain(anyhow!("it ended at once"));
        assert_eq!(
            error.to_string(),
            "it ended at once; its log ends with:\nthe cause"
        );
    }
}
