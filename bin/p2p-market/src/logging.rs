//! Structured logs on standard error.

use std::io::IsTerminal;

use anyhow::Result;
use tracing::Level;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::filter::targets::Targets;
use tracing_subscriber::prelude::*;

use crate::config::{Log, LogFormat};

/// Starts logging as configured.
pub(crate) fn start(log: &Log) -> Result<()> {
    let filter: Targets = log.filter.parse()?;
    let lines = tracing_subscriber::fmt::layer()
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr);
    // RabbitMQ's driver shows whole messages in its warnings, and in its traces the password.
    let discreet =
        filter_fn(|line| !line.target().starts_with("lapin") || *line.level() <= Level::ERROR);
    let registry = tracing_subscriber::registry().with(filter).with(discreet);
    match log.format {
        LogFormat::Json => registry.with(lines.json().flatten_event(true)).try_init()?,
        LogFormat::Pretty => registry.with(lines).try_init()?,
    }
    Ok(())
}
