//! `audit`: proves that every law of the ledger holds, or shows where one does not.

use std::process::ExitCode;

use anyhow::Result;
use application::ports::Maintenance;

use crate::config::Config;
use crate::wiring;

pub(crate) async fn run(config: Config) -> Result<ExitCode> {
    let database = wiring::database(&config).await?;
    let report = database.audit().await?;
    database.close().await?;
    println!(
        "looked at {} accounts, {} journal entries, {} open deals",
        report.accounts, report.entries, report.open_deals
    );
    if let Some(end) = report.trail {
        println!(
            "the audit trail has {} records and ends with {}",
            end.count, end.hash
        );
    }
    if report.violations.is_empty() {
        println!("every law holds");
        return Ok(ExitCode::SUCCESS);
    }
    for violation in &report.violations {
        println!(
            "VIOLATED {}: {}: {}",
            violation.law, violation.row, violation.detail
        );
    }
    println!("{} violations", report.violations.len());
    Ok(ExitCode::FAILURE)
}
