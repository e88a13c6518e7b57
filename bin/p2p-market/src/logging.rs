//! Structured logs on standard error.

use std::io::IsTerminal;

use anyhow::Result;
use tracing_subscriber::filter::targets::Targets;
use tracing_subscriber::prelude::*;

use crate::config::{Log, LogFormat};

/// Starts logging as configured.
pub(crate) fn start(log: &Log) -> Result<()> {
    let filter: Targets = log.filter.parse()?;
    let lines = tracing_subscriber::fmt::layer()
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr);
    let registry = tracing_subscriber::registry().with(filter);
    match log.format {
        LogFormat::Json => registry.with(lines.json().flatten_event(true)).try_init()?,
        LogFormat::Pretty => registry.with(lines).try_init()?,
    }
    Ok(())
}
