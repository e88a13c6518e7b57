//! `dead-letters`: lists messages that could not take effect, and replays them once the cause is fixed.

use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::{Args, Subcommand};
use p2p_application::ports::DeadLetter;

use crate::config::Config;
use crate::wiring;

#[derive(Debug, Args)]
pub(crate) struct Options {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Prints the oldest dead letters, which stay where they are.
    List {
        /// How many at most.
        #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=10_000))]
        limit: u32,
    },
    /// Sends dead letters back to the queues that they came from, oldest first.
    Replay {
        /// Only the message with this id.
        #[arg(long)]
        id: Option<String>,
        /// How many at most.
        #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=10_000))]
        limit: u32,
    },
}

pub(crate) async fn run(config: Config, options: Options) -> Result<ExitCode> {
    let database = wiring::database(&config).await?;
    let broker = wiring::broker(&config, &database)?;
    match options.what {
        What::List { limit } => {
            let letters = broker.dead_letters(limit).await;
            let letters = letters.context("the dead letters can't be read")?;
            letters.iter().for_each(print);
            println!("{} dead letters", letters.len());
        }
        What::Replay { id, limit } => {
            let sent = broker.replay(id.as_deref(), limit).await;
            let sent = sent.context("the dead letters can't be sent back")?;
            println!("{sent} dead letters sent back");
        }
    }
    database.close().await?;
    Ok(ExitCode::SUCCESS)
}

/// A few lines each. Bytes are escaped, so that a body can't send commands to a terminal.
fn print(letter: &DeadLetter) {
    let message = &letter.message;
    let body = String::from_utf8_lossy(&message.body);
    println!(
        "{} {}",
        message.id.escape_debug(),
        message.name.escape_debug()
    );
    println!("  queue:  {}", letter.queue.escape_debug());
    println!("  reason: {}", letter.reason.escape_debug());
    println!("  body:   {}", body.escape_debug());
}
