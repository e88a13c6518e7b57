//! This build against another one. Both servers are alive at once, and each is driven in turn for half a second while the
//! other's driver is stopped: what the machine does in that minute happens to both, and a small difference shows in a few
//! rounds, where whole runs one after the other differ by a tenth by themselves.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use rustix::process::{Pid, Signal, kill_process};
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep, timeout};

use crate::http::Connection;
use crate::postgres::Postgres;
use crate::processes::{self, Postmaster};
use crate::server::Metrics;

const DRIVER: &str = "p2p-bench";
const SERVER: &str = "p2p-market";

/// How often each is driven in a round. The first times, in which statements are prepared and caches filled, do not count.
const TURNS: usize = 14;
const WARM_UP: usize = 2;
const TURN: Duration = Duration::from_millis(500);

/// What was sent before its driver was stopped is answered by then.
const REST: Duration = Duration::from_millis(60);

/// How long a driver may take until its server is under load: it fills a database first.
const PATIENCE: Duration = Duration::from_secs(40);

/// A driver and a server that were built together: each knows its own schema.
struct Build {
    driver: PathBuf,
    server: PathBuf,
}

/// Measures rounds, and prints what this build makes of each and of all.
pub(crate) async fn run(folder: &Path, rounds: usize, postgres: &Postgres) -> Result<()> {
    let other = Build {
        driver: folder.join(DRIVER),
        server: folder.join(SERVER),
    };
    let server = std::env::var_os("P2P_MARKET_BIN");
    let this = Build {
        driver: std::env::current_exe()?,
        server: server
            .context("P2P_MARKET_BIN names the server's program: use `cargo xtask bench`")?
            .into(),
    };
    let postmaster = postgres
        .postmaster
        .context("PostgreSQL does not run on this machine: its processor time can't be told")?;
    let (mut rates, mut costs) = (Vec::new(), Vec::new());
    for round in 0..rounds {
        let other_first = round % 2 == 0;
        let (other, this) = round_of(&other, &this, other_first, postmaster).await?;
        rates.push(this.rate() / other.rate() - 1.0);
        costs.push(this.cost() / other.cost() - 1.0);
        println!(
            "round {} of {rounds}: the other {:.0}/s, this one {:.0}/s; processor time for 1,000: {:.3} s, {:.3} s",
            round + 1,
            other.rate(),
            this.rate(),
            other.cost() * 1e3,
            this.cost() * 1e3,
        );
    }
    println!(
        "offers per second: {}\nprocessor time of server and database for each: {}",
        changed(&rates),
        changed(&costs)
    );
    Ok(())
}

/// What one build did in its turns.
#[derive(Debug, Clone, Copy, Default)]
struct Done {
    commands: u64,
    seconds: f64,
    cpu: f64,
}

impl Done {
    fn rate(self) -> f64 {
        self.commands as f64 / self.seconds
    }

    /// Processor seconds for one.
    fn cost(self) -> f64 {
        self.cpu / self.commands as f64
    }
}

async fn round_of(
    other: &Build,
    this: &Build,
    other_first: bool,
    postmaster: Postmaster,
) -> Result<(Done, Done)> {
    let (mut other, mut this) = if other_first {
        let other = Side::start(other).await?;
        (other, Side::start(this).await?)
    } else {
        let this = Side::start(this).await?;
        (Side::start(other).await?, this)
    };
    for turn in 0..TURNS {
        let counts = turn >= WARM_UP;
        if (turn % 2 == 0) == other_first {
            other.drive(postmaster, counts).await?;
            this.drive(postmaster, counts).await?;
        } else {
            this.drive(postmaster, counts).await?;
            other.drive(postmaster, counts).await?;
        }
    }
    let done = (other.done, this.done);
    other.end().await?;
    this.end().await?;
    Ok(done)
}

/// A driver, which is stopped but for its turns, and its server.
struct Side {
    driver: Child,
    driver_id: Pid,
    server: u32,
    address: SocketAddr,
    done: Done,
}

impl Side {
    /// Starts a driver, and stops it when its server is under load.
    async fn start(build: &Build) -> Result<Self> {
        let mut driver = Command::new(&build.driver)
            .args(["--quick", "--seconds", "60", "--case", "create"])
            .env("P2P_MARKET_BIN", &build.server)
            .env("P2P_BENCH_JSON", "/dev/null")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("{} can't be started", build.driver.display()))?;
        let id = driver.id().context("the driver ended at once")?;
        let driver_id = i32::try_from(id).ok().and_then(Pid::from_raw);
        let driver_id = driver_id.context("the driver has no id")?;
        let ready = timeout(PATIENCE, under_load(id, &mut driver));
        let (server, address) = ready.await.context("no server is under load")??;
        kill_process(driver_id, Signal::STOP)?;
        sleep(REST).await;
        Ok(Self {
            driver,
            driver_id,
            server,
            address,
            done: Done::default(),
        })
    }

    /// One turn.
    async fn drive(&mut self, postmaster: Postmaster, counts: bool) -> Result<()> {
        let cpu = || Ok::<_, anyhow::Error>(processes::cpu_of(self.server)? + postmaster.cpu()?);
        let (commands, used) = (commands(self.address).await?, cpu()?);
        let begun = Instant::now();
        kill_process(self.driver_id, Signal::CONT)?;
        sleep(TURN).await;
        kill_process(self.driver_id, Signal::STOP)?;
        let seconds = begun.elapsed().as_secs_f64();
        sleep(REST).await;
        let used = cpu()? - used;
        let commands = self::commands(self.address).await? - commands;
        ensure!(commands > 0, "the load has ended too early");
        if counts {
            self.done.commands += commands;
            self.done.seconds += seconds;
            self.done.cpu += used;
        }
        Ok(())
    }

    /// Ends both. Told to end, the driver kills its server and drops the database.
    async fn end(mut self) -> Result<()> {
        kill_process(self.driver_id, Signal::TERM)?;
        kill_process(self.driver_id, Signal::CONT)?;
        let ended = timeout(PATIENCE, self.driver.wait()).await;
        ended.context("the driver does not end")??;
        Ok(())
    }
}

/// Waits for a driver's server to have carried something out.
async fn under_load(driver: u32, child: &mut Child) -> Result<(u32, SocketAddr)> {
    loop {
        if let Some(status) = child.try_wait()? {
            bail!("the driver ended with {status}");
        }
        if let Some(server) = processes::child_of(driver, SERVER)? {
            for address in processes::listening(server)? {
                // One of them is gRPC's, and answers this with nothing.
                if matches!(commands(address).await, Ok(1..)) {
                    return Ok((server, address));
                }
            }
        }
        sleep(REST).await;
    }
}

/// What a server has carried out so far.
async fn commands(address: SocketAddr) -> Result<u64> {
    let asking = async { Metrics::of(&mut Connection::open(address).await?).await };
    let metrics = timeout(Duration::from_secs(5), asking).await;
    Ok(metrics.context("the server does not answer")??.commands)
}

/// `-1.6 %, standard error 0.8`
fn changed(ratios: &[f64]) -> String {
    let count = ratios.len() as f64;
    let mean = ratios.iter().sum::<f64>() / count;
    if ratios.len() < 2 {
        return format!("{:+.1} %", mean * 100.0);
    }
    let squares = ratios.iter().map(|ratio| (ratio - mean).powi(2));
    let error = (squares.sum::<f64>() / (count - 1.0) / count).sqrt();
    format!(
        "{:+.1} %, standard error {:.1}",
        mean * 100.0,
        error * 100.0
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_says_how_sure_it_is() {
        assert_eq!(changed(&[-0.04]), "-4.0 %");
        assert_eq!(changed(&[0.01, 0.03]), "+2.0 %, standard error 1.0");
    }
}
