//! The baseline: `tests/bench/baseline`, driven by pgbench.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context, Result, bail, ensure};
use p2p_tests::databases::TestDatabase;
use tempfile::TempDir;
use tokio::process::Command;

use crate::bench::Pace;
use crate::cast::{CUSTOMERS, EXCHANGERS, LISTINGS};
use crate::driven::{histogram, latencies};
use crate::figures::{Figures, key};
use crate::postgres::Postgres;
use crate::processes::{Postmaster, cpu_of_us};

/// With how many clients a baseline is tried: it counts with what it does best with.
const CLIENTS: [u32; 3] = [8, 16, 32];

#[derive(Debug)]
pub(crate) struct Baseline {
    /// With people, money and listings.
    filled: TestDatabase,
}

impl Baseline {
    pub(crate) async fn fill() -> Result<Self> {
        let filled = TestDatabase::empty_postgres().await?;
        let mut psql = psql(&filled);
        for (name, count) in population() {
            psql.arg("-v").arg(format!("{name}={count}"));
        }
        for file in ["schema.sql", "procedures.sql", "fill.sql"] {
            psql.arg("-f").arg(script(file));
        }
        output(&mut psql).await?;
        Ok(Self { filled })
    }

    /// Runs a script with 8, 16 and 32 clients, on a fresh copy, and proves that all is in order afterwards. Answers the
    /// best.
    pub(crate) async fn best(
        &self,
        name: &str,
        pace: Pace,
        round: usize,
        postgres: &Postgres,
    ) -> Result<Figures> {
        let mut best: Option<Figures> = None;
        let copy = self.filled.copy().await?;
        postgres.settle().await;
        run(&copy, name, CLIENTS[1], pace.warm_up_seconds, None).await?;
        // No number of clients is always the first, on the smallest tables.
        for number in 0..CLIENTS.len() {
            let clients = CLIENTS[(number + round) % CLIENTS.len()];
            let seconds = pace.baseline_seconds;
            let figures = run(&copy, name, clients, seconds, postgres.postmaster).await?;
            let rate = |figures: &Figures| figures.get(key::THROUGHPUT);
            if best.as_ref().and_then(rate) < rate(&figures) {
                best = Some(figures);
            }
        }
        check(copy).await?;
        best.context("the baseline did nothing")
    }

    /// Runs a script with one client, and looks at the latency of each transaction.
    pub(crate) async fn alone(
        &self,
        name: &str,
        pace: Pace,
        postgres: &Postgres,
    ) -> Result<Figures> {
        let copy = self.filled.copy().await?;
        postgres.settle().await;
        run(&copy, name, 1, pace.warm_up_seconds, None).await?;
        let folder = TempDir::new()?;
        let mut pgbench = pgbench(&copy, name, 1, pace.baseline_seconds);
        pgbench.arg("--log");
        pgbench
            .arg("--log-prefix")
            .arg(folder.path().join("transactions"));
        let report = output(&mut pgbench).await?;
        let mut latency = histogram()?;
        for log in std::fs::read_dir(folder.path())? {
            for line in std::fs::read_to_string(log?.path())?.lines() {
                let micros = line.split(' ').nth(2);
                let micros = micros.context("a line of pgbench's log")?;
                latency.saturating_record(micros.parse()?);
            }
        }
        check(copy).await?;
        let rate = number(&report, "tps = ")?;
        Ok(latencies(&latency).with(key::THROUGHPUT, rate))
    }
}

async fn check(database: TestDatabase) -> Result<()> {
    output(psql(&database).arg("-f").arg(script("check.sql"))).await?;
    database.drop_now().await
}

async fn run(
    database: &TestDatabase,
    name: &str,
    clients: u32,
    seconds: u64,
    postmaster: Option<Postmaster>,
) -> Result<Figures> {
    let before = (postmaster.map(Postmaster::cpu).transpose()?, cpu_of_us()?.1);
    let report = output(&mut pgbench(database, name, clients, seconds)).await?;
    let after = (postmaster.map(Postmaster::cpu).transpose()?, cpu_of_us()?.1);
    let failed = number(&report, "number of failed transactions: ")?;
    ensure!(failed == 0.0, "{name}: transactions failed:\n{report}");
    let done = number(&report, "number of transactions actually processed: ")?;
    let mut figures = Figures::default()
        .with(key::THROUGHPUT, number(&report, "tps = ")?)
        .with(key::CLIENTS, f64::from(clients))
        .with(key::CPU_LOAD, (after.1 - before.1) / done * 1_000.0);
    if let (Some(before), Some(after)) = (before.0, after.0) {
        figures.set(key::CPU_DATABASE, (after - before) / done * 1_000.0);
    }
    Ok(figures)
}

fn pgbench(database: &TestDatabase, name: &str, clients: u32, seconds: u64) -> Command {
    let mut pgbench = Command::new("pgbench");
    pgbench.args(["-n", "-M", "prepared"]);
    pgbench.arg("-j").arg(clients.min(2).to_string());
    pgbench.arg("-c").arg(clients.to_string());
    pgbench.arg("-T").arg(seconds.to_string());
    for (name, count) in population() {
        pgbench.arg("-D").arg(format!("{name}={count}"));
    }
    pgbench.arg("-f").arg(script(&format!("{name}.pgbench")));
    pgbench.arg(database.url());
    pgbench
}

pub(crate) fn psql(database: &TestDatabase) -> Command {
    let mut psql = Command::new("psql");
    psql.args(["-X", "-q", "-v", "ON_ERROR_STOP=1", "-d"])
        .arg(database.url());
    psql
}

const fn population() -> [(&'static str, usize); 3] {
    [
        ("customers", CUSTOMERS),
        ("exchangers", EXCHANGERS),
        ("listings", LISTINGS),
    ]
}

fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("bench/baseline")
        .join(name)
}

/// What a client program prints; fails with what it complains about.
pub(crate) async fn output(command: &mut Command) -> Result<String> {
    let program = command
        .as_std()
        .get_program()
        .to_string_lossy()
        .into_owned();
    let output = command
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
        .with_context(|| {
            format!("{program} can't be run: PostgreSQL's client programs are needed")
        })?;
    let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    if !output.status.success() {
        let (output, error) = (said(&output.stdout), said(&output.stderr));
        bail!("{program} failed:\n{output}{error}");
    }
    Ok(said(&output.stdout))
}

/// The number that follows these words in a report.
fn number(report: &str, words: &str) -> Result<f64> {
    let rest = report.lines().find_map(|line| line.strip_prefix(words));
    let number = rest.and_then(|rest| rest.split([' ', '/']).next()?.parse().ok());
    number.with_context(|| format!("no `{words}` in the report of pgbench:\n{report}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_are_read() {
        let report = "number of transactions actually processed: 21042\n\
            number of failed transactions: 0 (0.000%)\ntps = 7012.345678 (without initial connection time)\n";
        assert_eq!(number(report, "tps = ").unwrap(), 7_012.345_678);
        let processed = "number of transactions actually processed: ";
        assert_eq!(number(report, processed).unwrap(), 21_042.0);
        assert!(number("", "tps = ").is_err());
    }
}
