//! The market as a program: configuration and wiring. The only crate that knows every concrete type.
#![expect(
    clippy::print_stdout,
    reason = "a command-line program prints its result on standard output"
)]

mod admin;
mod background;
mod config;
mod dead_letters;
mod demo;
mod ledger_check;
mod logging;
mod migrate;
mod secret;
mod serve;
mod totp;
mod wiring;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};
use config::Config;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// A P2P market: crypto against fiat, with escrow on a double-entry ledger.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    /// The configuration file (TOML); see deploy/p2p-market.example.toml.
    #[arg(long, short, env = "P2P_CONFIG", global = true)]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serves the market until it is told to stop (Ctrl-C or SIGTERM).
    Serve,
    /// Serves a market with demo people, listings and money, and prints the log-ins.
    Demo(demo::Options),
    /// Migrates the database's schema up or down.
    Migrate(migrate::Options),
    /// Checks every law of the ledger; fails and prints the offending rows where one does not hold.
    Audit(ledger_check::Options),
    /// Manages administrators.
    Admin(admin::Options),
    /// Lists and replays messages that could not take effect.
    DeadLetters(dead_letters::Options),
    /// Prints the code that an authenticator with this secret shows now: for demonstrations and scripts.
    Totp(totp::Options),
    /// Prints the OpenAPI document of the REST interface.
    Openapi,
}

fn main() -> ExitCode {
    match run(Arguments::parse()) {
        Ok(code) => code,
        Err(error) => {
            print_error(&error);
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: Arguments) -> Result<ExitCode> {
    if matches!(arguments.command, Command::Openapi) {
        print!("{}", p2p_http::openapi_json());
        return Ok(ExitCode::SUCCESS);
    }
    if let Command::Totp(options) = arguments.command {
        return totp::run(options);
    }
    let config = Config::read(arguments.config.as_deref())?;
    logging::start(&config.log)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        match arguments.command {
            Command::Serve => serve::run(config).await,
            Command::Demo(options) => demo::run(config, options).await,
            Command::Migrate(options) => migrate::run(config, options).await,
            Command::Audit(options) => ledger_check::run(config, options).await,
            Command::Admin(options) => admin::run(config, options).await,
            Command::DeadLetters(options) => dead_letters::run(config, options).await,
            Command::Openapi | Command::Totp(_) => Ok(ExitCode::SUCCESS),
        }
    })
}

#[expect(
    clippy::print_stderr,
    reason = "a command-line program reports its failure on standard error"
)]
fn print_error(error: &anyhow::Error) {
    eprintln!("p2p-market: {error:#}");
}
