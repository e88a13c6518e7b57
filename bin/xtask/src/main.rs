//! The project's own chores: `cargo xtask --help`.
//!
//! One file per chore (`demo`, `check`, `test`, `deny`, `postman`, `grpc`, `schemathesis`, `contracts`, `bench`), each a list of
//! steps. The checks of the sources are `architecture`, `cycles`, `sizes`, `words` and `outgoing`; `sources`, `lexer`,
//! `modules`, `test_code` and `prose` read the files for them, without a compiler. `services` provides the servers that tests
//! need, `python` the packages of programs that are written in it, `process` runs children so that none outlives us. A new
//! chore is a variant of [`Task`] and a file. Depends on no other crate of the workspace, so that it builds when they do not.
//! Unix only.
#![expect(
    clippy::print_stderr,
    reason = "a command line tool tells what it does"
)]

mod architecture;
mod bench;
mod check;
mod contracts;
mod cycles;
mod demo;
mod deny;
mod grpc;
mod lexer;
mod modules;
mod outgoing;
mod postman;
mod process;
mod prose;
mod python;
mod report;
mod riddles;
mod schemathesis;
mod services;
mod sizes;
mod sources;
mod test;
mod test_code;
mod vocabulary;
mod words;
mod workspace;

use std::ffi::OsString;
use std::process::ExitCode;

use anyhow::Result;
use clap::builder::FalseyValueParser;
use clap::{Args, Parser, Subcommand};

use crate::workspace::Workspace;

/// The chores of p2p-market.
#[derive(Debug, Parser)]
#[command(name = "xtask", bin_name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Build p2p-market and run its demo: one process, nothing to install.
    Demo {
        /// Build with optimisations: slower to build, faster to run.
        #[arg(long)]
        release: bool,
        /// Passed on to `p2p-market demo`.
        #[arg(last = true)]
        args: Vec<OsString>,
    },
    /// Check formatting, lints, architecture, import cycles, sizes and words: the fast loop.
    Check,
    /// List the import cycles of these crates, or of all.
    Cycles { crates: Vec<String> },
    /// List retired words and sentences about unnamed persons, at these paths or everywhere.
    Words { paths: Vec<String> },
    /// Check everything, then run all tests against PostgreSQL, RabbitMQ and Redis.
    ///
    /// The servers are those of DATABASE_URL, AMQP_URL and REDIS_URL if set, else any found on the usual local ports, else
    /// private throw-away ones, which are gone at the end. As root on Debian, missing server packages are installed.
    /// Where Node.js is, the Postman collection is run too, and where Python is, a gRPC client and schemathesis, which
    /// takes some minutes: each against a demo that is gone at the end.
    Test {
        #[command(flatten)]
        servers: Servers,
        /// Leave the check of the dependencies out, for example without a network.
        #[arg(long, env = "P2P_XTASK_NO_DENY", value_parser = FalseyValueParser::new())]
        no_deny: bool,
        /// Leave the Postman collection out even where Node.js is, for example without a network.
        #[arg(long, env = "P2P_XTASK_NO_POSTMAN", value_parser = FalseyValueParser::new())]
        no_postman: bool,
        /// Leave the gRPC client out even where Python is, for example without a network.
        #[arg(long, env = "P2P_XTASK_NO_GRPC_CLIENT", value_parser = FalseyValueParser::new())]
        no_grpc_client: bool,
        /// Leave schemathesis out even where Python is, for example without a network or in a hurry.
        #[arg(long, env = "P2P_XTASK_NO_SCHEMATHESIS", value_parser = FalseyValueParser::new())]
        no_schemathesis: bool,
    },
    /// Check the dependencies against deny.toml: licences, sources, bans, and known weaknesses where they can be fetched.
    ///
    /// By cargo-deny, which is compiled once and kept under the target folder, unless the right version is installed.
    Deny,
    /// Run the Postman collection, tests/postman, against a demo that is gone at the end. Needs Node.js with npm.
    Postman,
    /// Run the independent gRPC client, tests/grpc, against a demo that is gone at the end. Needs Python with venv.
    GrpcClient,
    /// Explore the whole REST interface with schemathesis, tests/schemathesis, as each role and without a token, against a demo
    /// that is gone at the end. Needs Python with venv.
    Schemathesis,
    /// Regenerate the published contract, openapi/openapi.json.
    Contracts,
    /// Measure the release build against the same market in hand-written SQL, both on PostgreSQL.
    ///
    /// `cargo xtask bench -- --help` shows what can be chosen. Writes target/bench.json.
    Bench {
        #[command(flatten)]
        servers: Servers,
        /// Passed on to p2p-bench.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<OsString>,
    },
}

#[derive(Clone, Copy, Debug, Args)]
struct Servers {
    /// Start private servers even where DATABASE_URL, AMQP_URL or the usual ports offer some.
    #[arg(long, env = "P2P_XTASK_OWN_SERVICES", value_parser = FalseyValueParser::new())]
    own_services: bool,
}

fn main() -> ExitCode {
    match run(Cli::parse().task) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            if process::interrupted() {
                ExitCode::from(130)
            } else {
                ExitCode::FAILURE
            }
        }
    }
}

fn run(task: Task) -> Result<ExitCode> {
    process::catch_signals()?;
    let workspace = Workspace::load()?;
    match task {
        Task::Demo { release, args } => match demo::run(&workspace, release, &args)? {},
        Task::Check => check::run(&workspace)?,
        Task::Cycles { crates } => cycles::list(&workspace, &crates)?,
        Task::Words { paths } => words::list(&workspace, &paths)?,
        Task::Test {
            servers,
            no_deny,
            no_postman,
            no_grpc_client,
            no_schemathesis,
        } => {
            let left_out = test::LeftOut {
                deny: no_deny,
                postman: no_postman,
                grpc_client: no_grpc_client,
                schemathesis: no_schemathesis,
            };
            return test::run(&workspace, servers.own_services, left_out);
        }
        Task::Deny => deny::run(&workspace)?,
        Task::Postman => postman::run(&workspace)?,
        Task::GrpcClient => grpc::run(&workspace)?,
        Task::Schemathesis => schemathesis::run(&workspace)?,
        Task::Contracts => contracts::write(&workspace)?,
        Task::Bench { servers, args } => bench::run(&workspace, servers.own_services, &args)?,
    }
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn what_follows_is_passed_on() {
        let passed = |line: &[&str]| match Cli::try_parse_from(line).unwrap().task {
            Task::Demo { release, args } => (release, args),
            Task::Bench { servers, args } => (servers.own_services, args),
            other => panic!("{other:?}"),
        };
        let args = vec![OsString::from("--port"), OsString::from("1")];
        assert_eq!(
            passed(&["xtask", "demo", "--release", "--", "--port", "1"]),
            (true, args.clone())
        );
        assert_eq!(
            passed(&["xtask", "bench", "--own-services", "--port", "1"]),
            (true, args)
        );
    }
}
