//! p2p-bench: how fast the market is, measured against the same market in hand-written SQL.
//!
//! Started by `cargo xtask bench`, which builds the server in release mode and provides PostgreSQL. Each case measures
//! the server over HTTP or gRPC and, right before or after, what it is compared with, in several rounds. Talks to 127.0.0.1
//! only, drops what it made, and ends by itself.
//!
//! *How it is laid out*: `cases` says what is measured, a file each; `bench` is what they share; `drive` are the
//! connections that ask, over `http`, for `offers`, for `orders` or in the order `book`, and over `grpc` for `payments`;
//! `driven` and `figures` are what comes out, `report` the table of it. `server`, `postgres`, `baseline`, `processes` and
//! `machine` are the things that are measured and where, `fill` makes large databases. `against` compares two builds.
#![expect(clippy::print_stdout, reason = "the figures are the program's answer")]
#![expect(clippy::print_stderr, reason = "so is what went wrong")]
#![expect(clippy::float_arithmetic, reason = "rates are no money")]

mod against;
mod bare;
mod baseline;
mod bench;
mod book;
mod cases;
mod cast;
mod draw;
mod drive;
mod driven;
mod figures;
mod fill;
mod grpc;
mod http;
mod machine;
mod offers;
mod orders;
mod payments;
mod postgres;
mod processes;
mod report;
mod server;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result, anyhow, bail, ensure};
use clap::Parser;
use serde_json::{Value, json};
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::timeout;

use crate::bench::{Bench, Pace};
use crate::cases::Case;
use crate::figures::{Line, Summary};
use crate::postgres::Postgres;

/// Rounds against another build, if nothing else is said.
const AGAINST_ROUNDS: usize = 8;

/// Measures the market against the same market in hand-written SQL.
#[derive(Debug, Clone, Parser)]
#[command(bin_name = "cargo xtask bench --")]
struct Options {
    /// Only this case; may be repeated.
    #[arg(long = "case", value_name = "NAME")]
    cases: Vec<String>,
    /// Names the cases.
    #[arg(long)]
    list: bool,
    /// One short round: rougher figures within three minutes.
    #[arg(long)]
    quick: bool,
    /// Compares this build with another one instead: new offers, both servers at once, driven in turn. Names the folder with
    /// the other's `p2p-bench` and `p2p-market`.
    #[arg(long, value_name = "FOLDER", conflicts_with_all = ["cases", "list", "quick", "seconds"])]
    against: Option<PathBuf>,
    /// How often everything is measured; the median counts, or the mean of what differs from another build.
    #[arg(long, value_parser = clap::value_parser!(u8).range(1..=99))]
    rounds: Option<u8>,
    /// How long each load is measured.
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..=60))]
    seconds: Option<u64>,
    /// Where the results go.
    #[arg(long, env = "P2P_BENCH_JSON", default_value = "target/bench.json")]
    json: PathBuf,
}

impl Options {
    fn pace(&self) -> Pace {
        let (rounds, warm_up_seconds, seconds, baseline_seconds) = if self.quick {
            (1, 1, 3, 2)
        } else {
            (3, 2, 5, 4)
        };
        Pace {
            rounds: self.rounds.map_or(rounds, usize::from),
            warm_up_seconds,
            seconds: self.seconds.unwrap_or(seconds),
            baseline_seconds: self.seconds.unwrap_or(baseline_seconds),
        }
    }

    fn cases(&self) -> Result<Vec<Box<dyn Case>>> {
        let mut cases = cases::all();
        for name in &self.cases {
            let known = cases.iter().any(|case| case.name() == name);
            ensure!(known, "there is no case `{name}`: see --list");
        }
        if !self.cases.is_empty() {
            cases.retain(|case| self.cases.iter().any(|name| name == case.name()));
        } else if self.quick {
            cases.retain(|case| case.is_quick());
        }
        Ok(cases)
    }
}

/// One thread is enough for asking, and leaves the processors to what is measured.
#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match obey(&Options::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Lists, or measures until it is done or told to end.
async fn obey(options: &Options) -> Result<()> {
    let cases = options.cases()?;
    if options.list {
        for case in cases {
            println!("{:<12} {}", case.name(), case.about());
        }
        return Ok(());
    }
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    // Whatever was begun is dropped: servers are killed, databases go.
    tokio::select! {
        done = run(options, &cases) => done,
        _ = interrupt.recv() => bail!("interrupted"),
        _ = terminate.recv() => bail!("interrupted"),
    }
}

async fn run(options: &Options, cases: &[Box<dyn Case>]) -> Result<()> {
    let postgres = Postgres::connect().await?;
    if let Some(folder) = &options.against {
        let rounds = options.rounds.map_or(AGAINST_ROUNDS, usize::from);
        return against::run(folder, rounds, &postgres).await;
    }
    let mut results = json!({
        "date": postgres.now().await?,
        "commit": machine::commit(),
        "machine": machine::json(),
        "postgres": postgres.json().await?,
        "options": options_json(options),
        "units": figures::UNITS,
    });
    let (rounds, failures) = measure(options.pace(), postgres, cases).await;
    let summaries = Summary::of(&rounds);
    println!("\n{}", report::table(&summaries));
    results["results"] = summaries.iter().map(Summary::json).collect();
    results["failures"] = failures.as_slice().into();
    write(options, &results)?;
    println!("written to {}", options.json.display());
    ensure!(failures.is_empty(), "{}", failures.join("\n"));
    Ok(())
}

/// All rounds of all cases. One that fails does not keep the others from being measured.
async fn measure(
    pace: Pace,
    postgres: Postgres,
    cases: &[Box<dyn Case>],
) -> (Vec<Vec<Line>>, Vec<String>) {
    let mut bench = Bench::new(pace, postgres);
    let (mut rounds, mut failures) = (Vec::new(), Vec::new());
    for round in 0..pace.rounds {
        bench.begin(round);
        let mut lines = Vec::new();
        for case in cases {
            if round > 0 && !case.is_repeated() {
                continue;
            }
            let name = case.name();
            println!("round {} of {}: {name}", round + 1, pace.rounds);
            let measured = timeout(case.patience(), case.round(&mut bench)).await;
            match measured.unwrap_or_else(|_| Err(anyhow!("it takes too long"))) {
                Ok(measured) => {
                    print!("{}", report::brief(&measured));
                    lines.extend(measured);
                }
                Err(error) => {
                    eprintln!("the case `{name}` failed: {error:#}");
                    failures.push(format!("the case `{name}` failed: {error:#}"));
                }
            }
        }
        rounds.push(lines);
    }
    (rounds, failures)
}

fn options_json(options: &Options) -> Value {
    let pace = options.pace();
    json!({
        "cases": options.cases,
        "quick": options.quick,
        "rounds": pace.rounds,
        "warm_up_seconds": pace.warm_up_seconds,
        "seconds": pace.seconds,
        "baseline_seconds": pace.baseline_seconds,
    })
}

fn write(options: &Options, results: &Value) -> Result<()> {
    if let Some(folder) = options.json.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let text = serde_json::to_string_pretty(results)? + "\n";
    std::fs::write(&options.json, text)
        .with_context(|| format!("{} can't be written", options.json.display()))
}
