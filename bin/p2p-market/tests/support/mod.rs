//! The program itself, as a process.
#![allow(dead_code, reason = "each test binary uses its own part")]

pub(crate) mod cast;
pub(crate) mod gate;
pub(crate) mod proxy;
pub(crate) mod traffic;

use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdout, Command, ExitStatus, Output, Stdio};

use anyhow::{Context, Result, bail};
use p2p_tests::brokers::TestBroker;
use p2p_tests::served::TOKEN_SECRET;

/// Limits that are on, and far above the tests' rates.
const HIGH_LIMITS: [(&str, &str); 16] = [
    ("P2P_LIMITS__READ_PER_SECOND", "100000"),
    ("P2P_LIMITS__READ_BURST", "1000000"),
    ("P2P_LIMITS__WRITE_PER_SECOND", "100000"),
    ("P2P_LIMITS__WRITE_BURST", "1000000"),
    ("P2P_LIMITS__STREAM_PER_MINUTE", "100000"),
    ("P2P_LIMITS__STREAM_BURST", "1000000"),
    ("P2P_LIMITS__LOGIN_PER_MINUTE", "100000"),
    ("P2P_LIMITS__LOGIN_BURST", "1000000"),
    ("P2P_LIMITS__CALLBACK_PER_SECOND", "100000"),
    ("P2P_LIMITS__CALLBACK_BURST", "1000000"),
    ("P2P_LIMITS__ADDRESS_PER_SECOND", "100000"),
    ("P2P_LIMITS__ADDRESS_BURST", "1000000"),
    ("P2P_MARKET__OPEN_OFFERS_LIMIT", "100000"),
    ("P2P_MARKET__CANCELS_PER_DAY", "100000"),
    ("P2P_MARKET__LISTINGS_LIMIT", "100000"),
    ("P2P_MARKET__OPEN_WITHDRAWALS_LIMIT", "100000"),
];

/// Where demos lay their mail.
pub(crate) const MAIL: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/mail");

/// The program, with a clean environment but for what is set here.
pub(crate) fn program(database: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_p2p-market"));
    command
        .args(arguments)
        .env_clear()
        .env("DATABASE_URL", database)
        .env("P2P_AUTH__TOKEN_SECRET", TOKEN_SECRET)
        .env("P2P_HTTP__BIND", "127.0.0.1:0")
        .env("P2P_GRPC__BIND", "127.0.0.1:0")
        .env("P2P_LOG__FILTER", "warn")
        .envs(HIGH_LIMITS)
        .env("P2P_MAIL__FOLDER", MAIL)
        // What is told stays in the outbox, where it is counted.
        .env("P2P_RELAY__ENABLED", "false")
        .env("P2P_PASSWORDS__MEMORY_KIB", "64")
        .env("P2P_PASSWORDS__PASSES", "1")
        .stdin(Stdio::null());
    command
}

/// A process that does everything.
pub(crate) fn whole(database: &str, amqp: &str, rabbit: &TestBroker) -> Command {
    let mut command = program(database, &["serve"]);
    command
        .env("AMQP_URL", amqp)
        .env("P2P_BROKER__NAMESPACE", rabbit.namespace())
        .env("P2P_RELAY__ENABLED", "true")
        .env("P2P_RELAY__POLL_MILLISECONDS", "100");
    command
}

/// Runs it to its end.
pub(crate) fn run(database: &str, arguments: &[&str]) -> Result<Output> {
    Ok(program(database, arguments).output()?)
}

/// A serving process; killed with the value.
pub(crate) struct Server {
    child: Child,
    pub(crate) url: String,
    /// Kept open: a program whose reader is gone can't go on printing.
    output: BufReader<ChildStdout>,
}

impl Server {
    pub(crate) fn start(mut command: Command) -> Result<Self> {
        let mut child = command.stdout(Stdio::piped()).spawn()?;
        let output = child.stdout.take().context("no output")?;
        let mut server = Self {
            child,
            url: String::new(),
            output: BufReader::new(output),
        };
        let mut line = String::new();
        while server.output.read_line(&mut line)? > 0 {
            if let Some((_, address)) = line.split_once("http://") {
                let address = address.split('/').next().unwrap_or_default();
                server.url = format!("http://{}", address.trim());
                return Ok(server);
            }
            line.clear();
        }
        bail!(
            "the server ended before it was ready: {:?}",
            server.child.wait()?
        )
    }

    /// The next line that it prints with this in it.
    pub(crate) fn said_with(&mut self, text: &str) -> Result<String> {
        let mut line = String::new();
        while self.output.read_line(&mut line)? > 0 {
            if line.contains(text) {
                return Ok(line);
            }
            line.clear();
        }
        bail!("it said nothing with {text:?} before it ended")
    }

    /// `kill -9`.
    pub(crate) fn kill(mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// SIGTERM, without waiting for the end.
    pub(crate) fn terminate(&self) -> Result<()> {
        let id = self.child.id().to_string();
        Command::new("kill").args(["-TERM", &id]).status()?;
        Ok(())
    }

    /// The memory that it has just now.
    pub(crate) fn resident_kib(&self) -> Result<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib = line.and_then(|line| line.trim().strip_suffix(" kB"));
        Ok(kib.context("no VmRSS")?.trim().parse()?)
    }

    /// The files and sockets that it has open just now.
    pub(crate) fn open_files(&self) -> Result<usize> {
        Ok(std::fs::read_dir(format!("/proc/{}/fd", self.child.id()))?.count())
    }

    pub(crate) fn wait(mut self) -> Result<ExitStatus> {
        Ok(self.child.wait()?)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
