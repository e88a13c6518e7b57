//! The server under measurement: the release build, as it is shipped, on a port of its own.

use std::net::SocketAddr;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use p2p_tests::brokers::TestBroker;
use p2p_tests::served::TOKEN_SECRET;
use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::timeout;

use crate::http::{Connection, get};
use crate::processes::{self, Memory};

/// How long it may take to come up, and to end in good order.
const PATIENCE: Duration = Duration::from_secs(40);

/// The setting that says where gRPC is served.
pub(crate) const GRPC_BIND: &str = "P2P_GRPC__BIND";

/// The setting that says how many open deals a customer may have.
pub(crate) const OPEN_OFFERS: &str = "P2P_MARKET__OPEN_OFFERS_LIMIT";

/// Limits are switched on, so that their cost is measured, and high enough that no request reaches them.
const HIGH_LIMITS: [(&str, &str); 10] = [
    (OPEN_OFFERS, "10000"),
    ("P2P_HTTP__MAX_CONNECTIONS_PER_ADDRESS", "100000"),
    ("P2P_LIMITS__READ_PER_SECOND", "1000000"),
    ("P2P_LIMITS__READ_BURST", "1000000"),
    ("P2P_LIMITS__WRITE_PER_SECOND", "1000000"),
    ("P2P_LIMITS__WRITE_BURST", "1000000"),
    ("P2P_LIMITS__PAY_PER_MINUTE", "60000000"),
    ("P2P_LIMITS__PAY_BURST", "1000000"),
    ("P2P_LIMITS__ADDRESS_PER_SECOND", "1000000"),
    ("P2P_LIMITS__ADDRESS_BURST", "1000000"),
];

/// A running server; killed when dropped.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    /// Where it serves gRPC, if it was told to.
    pub(crate) grpc: Option<SocketAddr>,
    child: Child,
    pid: u32,
    /// Kept open, so that the server can go on printing.
    _output: Lines<BufReader<ChildStdout>>,
}

impl Server {
    /// Starts it on a database, with the settings that it has by itself but for a quieter log, whatever ours are; waits
    /// until it listens. Events stay in the outbox, as they do on the side that it is compared with.
    pub(crate) async fn start(database: &str) -> Result<Self> {
        Self::start_by(database, None, &[]).await
    }

    /// Starts it with a broker and some settings of its own.
    pub(crate) async fn start_by(
        database: &str,
        broker: Option<&TestBroker>,
        settings: &[(&str, &str)],
    ) -> Result<Self> {
        let program = std::env::var_os("P2P_MARKET_BIN")
            .context("P2P_MARKET_BIN names the server's program: use `cargo xtask bench`")?;
        let mut command = Command::new(program);
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("P2P_") {
                command.env_remove(name);
            }
        }
        command.env_remove("AMQP_URL").env_remove("REDIS_URL");
        if let Some(broker) = broker {
            command
                .env("AMQP_URL", broker.url())
                .env("P2P_BROKER__NAMESPACE", broker.namespace());
        }
        let mut child = command
            .arg("serve")
            .env("DATABASE_URL", database)
            .env("P2P_AUTH__TOKEN_SECRET", TOKEN_SECRET)
            .env("P2P_HTTP__BIND", "127.0.0.1:0")
            .env(GRPC_BIND, "127.0.0.1:0")
            .env("P2P_LOG__FILTER", "warn")
            .env("P2P_RELAY__ENABLED", "false")
            .env("P2P_CONSUMERS__ENABLED", "false")
            .envs(HIGH_LIMITS)
            .envs(settings.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .context("the server can't be started")?;
        let pid = child.id().context("the server ended at once")?;
        let output = child.stdout.take().context("the server has no output")?;
        let mut output = BufReader::new(output).lines();
        let wants_grpc = settings.iter().any(|(name, _)| *name == GRPC_BIND);
        let (address, grpc) = timeout(PATIENCE, ready(&mut output, wants_grpc))
            .await
            .context("the server does not start")??;
        Ok(Self {
            address,
            grpc,
            child,
            pid,
            _output: output,
        })
    }

    /// Processor seconds so far.
    pub(crate) fn cpu(&self) -> Result<f64> {
        processes::cpu_of(self.pid)
    }

    pub(crate) fn memory(&self) -> Result<Memory> {
        Memory::of(self.pid)
    }

    pub(crate) async fn metrics(&self) -> Result<Metrics> {
        Metrics::of(&mut Connection::open(self.address).await?).await
    }

    /// How many events RabbitMQ has taken.
    pub(crate) async fn published(&self) -> Result<u64> {
        let mut connection = Connection::open(self.address).await?;
        let answer = connection.call(&get("/metrics", "")).await?;
        ensure!(answer.status == 200, "/metrics: {}", answer.text());
        value(
            std::str::from_utf8(answer.body)?,
            "p2p_relay_published_total ",
        )
    }

    /// Ends it in good order.
    pub(crate) async fn stop(mut self) -> Result<()> {
        let pid = i32::try_from(self.pid).ok().and_then(Pid::from_raw);
        kill_process(pid.context("the server has no id")?, Signal::TERM)?;
        let status = timeout(PATIENCE, self.child.wait())
            .await
            .context("the server does not end")??;
        ensure!(status.success(), "the server ended with {status}");
        Ok(())
    }
}

/// Reads until the server says where it serves HTTP, and gRPC if that is wanted.
async fn ready(
    output: &mut Lines<BufReader<ChildStdout>>,
    wants_grpc: bool,
) -> Result<(SocketAddr, Option<SocketAddr>)> {
    let (mut http, mut grpc) = (None, None);
    while let Some(line) = output.next_line().await? {
        if let Some((_, address)) = line.split_once("http://") {
            http = Some(address.trim().parse()?);
        } else if let Some((_, address)) = line.split_once("grpc://") {
            grpc = Some(address.trim().parse()?);
        }
        if let Some(http) = http
            && (grpc.is_some() || !wants_grpc)
        {
            return Ok((http, grpc));
        }
    }
    bail!("the server ended before it was ready")
}

/// What the server says of its batches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Metrics {
    pub(crate) commands: u64,
    pub(crate) batches: u64,
}

impl Metrics {
    pub(crate) async fn of(connection: &mut Connection) -> Result<Self> {
        let answer = connection.call(&get("/metrics", "")).await?;
        ensure!(answer.status == 200, "/metrics: {}", answer.text());
        Self::parse(std::str::from_utf8(answer.body)?)
    }

    fn parse(text: &str) -> Result<Self> {
        Ok(Self {
            commands: value(text, "p2p_pipeline_commands_total ")?,
            batches: value(text, "p2p_pipeline_batch_size_count ")?,
        })
    }
}

fn value(metrics: &str, name: &str) -> Result<u64> {
    let mut values = metrics.lines().filter_map(|line| line.strip_prefix(name));
    values
        .find_map(|rest| rest.trim().parse().ok())
        .with_context(|| format!("no {name} in the metrics"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_are_found_by_name() {
        let text = "# HELP p2p_pipeline_commands_total Commands.\np2p_pipeline_commands_total 42\n\
            p2p_pipeline_batch_size_bucket{le=\"1\"} 1\np2p_pipeline_batch_size_count 7\n";
        let expected = Metrics {
            commands: 42,
            batches: 7,
        };
        assert_eq!(Metrics::parse(text).unwrap(), expected);
        assert!(Metrics::parse("p2p_pipeline_commands_total 42").is_err());
    }
}
