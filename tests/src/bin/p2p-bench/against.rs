//! This build against another one. Both servers are alive at once, and each is driven in turn for half a second while the
//! other's driver is stopped: what the machine does in that minute happens to both, and a small difference shows in a few
//! rounds, where whole runs one after the other differ by a tenth by themselves.
//!
//! Each server has the driver that was built with it, since that knows its schema: what the drivers themselves do differently is
//! compared along with it. Answers and ledger are not looked at here: the case `create` does that.

use std::fs::File;
use std::io::{Read, Seek};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use rustix::process::{Pid, Signal, kill_process};
use tokio::time::{Instant, sleep, timeout};

use crate::http::Connection;
use crate::postgres::Postgres;
use crate::processes::{self, Postmaster};
use crate::server::Metrics;

const DRIVER: &str = "p2p-bench";
const SERVER: &str = "p2p-market";

/// What a driver is told to do. Its time goes on while it is stopped.
const LOAD: [&str; 5] = ["--quick", "--case", "create", "--seconds", "60"];
const LOAD_LASTS: Duration = Duration::from_secs(60);

/// How often each is driven in a round: an even number, as they change places each time. The first times, in which statements
/// are prepared and caches filled, do not count.
const TURNS: usize = 14;
const WARM_UP: usize = 2;

/// A turn: what the other's turn has left behind ends and all connections are at it again, then it is measured, then it rests.
const LEAD: Duration = Duration::from_millis(150);
const MEASURED: Duration = Duration::from_millis(500);
const REST: Duration = Duration::from_millis(60);

/// How long a driver may take until its server is under load: it fills a database first.
const PATIENCE: Duration = Duration::from_secs(40);

/// How long a driver may take to drop what it has made.
const PARTING: Duration = Duration::from_secs(20);

/// A driver and a server that were built together.
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
    let server = std::env::var_os("P2P_MARKET_BIN")
        .context("P2P_MARKET_BIN names the server's program: use `cargo xtask bench`")?;
    let this = Build {
        driver: std::env::current_exe()?,
        server: server.into(),
    };
    for program in [&other.driver, &other.server] {
        ensure!(program.is_file(), "there is no {}", program.display());
    }
    let postmaster = postgres
        .postmaster
        .context("PostgreSQL does not run on this machine: its processor time can't be told")?;
    let (mut rates, mut costs) = (Vec::new(), Vec::new());
    for round in 0..rounds {
        let other_first = round % 2 == 0;
        let (other, this) = measure(&other, &this, other_first, postmaster).await?;
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
        "offers per second: {}\nprocessor time per offer, server and database: {}",
        changed(&rates),
        changed(&costs)
    );
    Ok(())
}

/// One round, with a fresh database for each.
async fn measure(
    other: &Build,
    this: &Build,
    other_first: bool,
    postmaster: Postmaster,
) -> Result<(Done, Done)> {
    let builds = if other_first {
        [other, this]
    } else {
        [this, other]
    };
    let mut sides = [
        Side::start(builds[0], postmaster).await?,
        Side::start(builds[1], postmaster).await?,
    ];
    for turn in 0..TURNS {
        // Whoever was last goes on: so each follows the other as often as itself.
        for side in &mut sides {
            let done = side.drive().await;
            let done = done.with_context(|| format!("with {}", side.driver.name))?;
            if turn >= WARM_UP {
                side.done.add(done);
            }
        }
        sides.reverse();
    }
    let [first, second] = sides.map(|side| side.done);
    Ok(if other_first {
        (first, second)
    } else {
        (second, first)
    })
}

/// What a server has done in a time.
#[derive(Debug, Clone, Copy, Default)]
struct Done {
    commands: u64,
    seconds: f64,
    /// Processor seconds, PostgreSQL's included.
    cpu: f64,
}

impl Done {
    fn add(&mut self, more: Self) {
        self.commands += more.commands;
        self.seconds += more.seconds;
        self.cpu += more.cpu;
    }

    fn rate(self) -> f64 {
        self.commands as f64 / self.seconds
    }

    /// Processor seconds for one.
    fn cost(self) -> f64 {
        self.cpu / self.commands as f64
    }
}

/// A driver. Dropped, it is told to end, and waited for: it ends its server and drops its databases.
struct Driver {
    name: String,
    child: Child,
    id: Pid,
    complaints: File,
}

impl Driver {
    fn start(build: &Build) -> Result<Self> {
        let name = build.driver.display().to_string();
        let complaints = tempfile::tempfile()?;
        let child = Command::new(&build.driver)
            .args(LOAD)
            .env("P2P_MARKET_BIN", &build.server)
            .env("P2P_BENCH_JSON", "/dev/null")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(complaints.try_clone()?)
            .spawn()
            .with_context(|| format!("{name} can't be started"))?;
        let id = Pid::from_child(&child);
        Ok(Self {
            name,
            child,
            id,
            complaints,
        })
    }

    /// Fails if it has ended.
    fn signal(&mut self, signal: Signal) -> Result<()> {
        if let Some(status) = self.child.try_wait()? {
            let mut complaints = String::new();
            self.complaints.rewind()?;
            self.complaints.read_to_string(&mut complaints)?;
            bail!("{} ended with {status}: {}", self.name, complaints.trim());
        }
        Ok(kill_process(self.id, signal)?)
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        // Nobody is left to be told of a failure. One that is stopped hears of its end when it goes on.
        let told = self.signal(Signal::TERM).and(self.signal(Signal::CONT));
        let until = Instant::now() + PARTING;
        while told.is_ok() && matches!(self.child.try_wait(), Ok(None)) {
            if Instant::now() > until {
                let _ = self.child.kill();
                let _ = self.child.wait();
            }
            thread::sleep(REST);
        }
    }
}

/// A driver, which is stopped but for its turns, and its server.
struct Side {
    driver: Driver,
    server: u32,
    connection: Connection,
    postmaster: Postmaster,
    until: Instant,
    done: Done,
}

impl Side {
    /// Starts a driver, and stops it when its server is under load.
    async fn start(build: &Build, postmaster: Postmaster) -> Result<Self> {
        let mut driver = Driver::start(build)?;
        let ready = timeout(PATIENCE, under_load(&mut driver)).await;
        let ready = ready.with_context(|| format!("{}: no server is under load", driver.name));
        let (server, connection) = ready??;
        driver.signal(Signal::STOP)?;
        Ok(Self {
            driver,
            server,
            connection,
            postmaster,
            until: Instant::now() + LOAD_LASTS,
            done: Done::default(),
        })
    }

    /// One turn.
    async fn drive(&mut self) -> Result<Done> {
        self.driver.signal(Signal::CONT)?;
        sleep(LEAD).await;
        let (begun, before) = (Instant::now(), self.so_far().await?);
        sleep(MEASURED).await;
        let (ended, after) = (Instant::now(), self.so_far().await?);
        self.driver.signal(Signal::STOP)?;
        sleep(REST).await;
        let commands = after.commands.saturating_sub(before.commands);
        ensure!(commands > 0, "nothing was done");
        ensure!(ended < self.until, "the load has ended too early");
        Ok(Done {
            commands,
            seconds: (ended - begun).as_secs_f64(),
            cpu: after.cpu - before.cpu,
        })
    }

    async fn so_far(&mut self) -> Result<Done> {
        let commands = Metrics::of(&mut self.connection).await?.commands;
        let cpu = processes::cpu_of(self.server)? + self.postmaster.cpu()?;
        Ok(Done {
            commands,
            seconds: 0.0,
            cpu,
        })
    }
}

/// Waits for a driver's server to have carried something out.
async fn under_load(driver: &mut Driver) -> Result<(u32, Connection)> {
    loop {
        driver.signal(Signal::CONT)?;
        if let Some(server) = processes::child_of(driver.child.id(), SERVER)? {
            // A server that has just ended listens nowhere; its driver will say why.
            for address in processes::listening(server).unwrap_or_default() {
                // One of them is gRPC's, and does not answer this.
                if let Ok(connection) = busy(address).await {
                    return Ok((server, connection));
                }
            }
        }
        sleep(REST).await;
    }
}

/// A connection to a server that has carried something out.
async fn busy(address: SocketAddr) -> Result<Connection> {
    let asking = async {
        let mut connection = Connection::open(address).await?;
        let metrics = Metrics::of(&mut connection).await?;
        ensure!(metrics.commands > 0, "nothing was done yet");
        Ok(connection)
    };
    timeout(Duration::from_secs(5), asking).await?
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
    use std::fs::Permissions;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_change_says_how_sure_it_is() {
        assert_eq!(changed(&[-0.04]), "-4.0 %");
        assert_eq!(changed(&[0.01, 0.03]), "+2.0 %, standard error 1.0");
    }

    /// What a driver would be that does this.
    fn driver(script: &str) -> (tempfile::TempDir, Driver) {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join(DRIVER);
        std::fs::write(&program, format!("#!/bin/sh\n{script}\n")).unwrap();
        std::fs::set_permissions(&program, Permissions::from_mode(0o700)).unwrap();
        let build = Build {
            driver: program.clone(),
            server: program,
        };
        (folder, Driver::start(&build).unwrap())
    }

    #[test]
    fn a_driver_that_is_stopped_ends_when_it_is_dropped() {
        let (folder, mut driver) = driver(
            "trap 'touch $0.dropped; exit 1' TERM; touch $0.ready; while :; do sleep 0.05; done",
        );
        let left = |what: &str| folder.path().join(format!("{DRIVER}.{what}")).exists();
        while !left("ready") {
            thread::sleep(REST);
        }
        driver.signal(Signal::STOP).unwrap();
        assert!(!left("dropped"));
        drop(driver);
        assert!(left("dropped"));
    }

    #[test]
    fn a_driver_that_has_ended_says_why() {
        let (_folder, mut driver) = driver("echo 'no such case' >&2; exit 3");
        driver.child.wait().unwrap();
        let refused = driver.signal(Signal::STOP).unwrap_err().to_string();
        assert!(
            refused.ends_with("exit status: 3: no such case"),
            "{refused}"
        );
    }
}
