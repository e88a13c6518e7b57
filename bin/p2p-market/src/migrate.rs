//! `migrate`: applies, reverts or lists schema changes.

use std::process::ExitCode;

use anyhow::Result;
use clap::{Args, Subcommand};

use crate::config::Config;
use crate::wiring;

#[derive(Debug, Args)]
pub(crate) struct Options {
    #[command(subcommand)]
    direction: Option<Direction>,
}

#[derive(Debug, Clone, Copy, Subcommand)]
enum Direction {
    /// Applies all changes that are not applied yet (the default).
    Up,
    /// Reverts the last changes. Their data is lost.
    Down {
        /// Number of changes.
        #[arg(long, default_value_t = 1)]
        steps: u32,
    },
    /// Lists the changes that are not applied yet.
    Status,
}

pub(crate) async fn run(config: Config, options: Options) -> Result<ExitCode> {
    let database = wiring::database(&config).await?;
    match options.direction.unwrap_or(Direction::Up) {
        Direction::Up => {
            database.migrate().await?;
            println!("the schema is up to date");
        }
        Direction::Down { steps } => {
            database.migrate_down(steps).await?;
            println!("took back {steps} change(s)");
        }
        Direction::Status => {
            let pending = database.pending_migrations().await?;
            if pending.is_empty() {
                println!("the schema is up to date");
            }
            for name in pending {
                println!("pending: {name}");
            }
        }
    }
    database.close().await?;
    Ok(ExitCode::SUCCESS)
}
