//! `audit`: proves that every law of the ledger holds, or shows where one does not.

use std::process::ExitCode;

use anyhow::Result;
use clap::Args;
use p2p_application::audit_log::compare_heads;
use p2p_application::ports::Maintenance;
use p2p_domain::audit_log::AuditHead;

use crate::config::Config;
use crate::wiring;

#[derive(Debug, Args)]
pub(crate) struct Options {
    /// A head of the audit log that an earlier run printed: fails unless the record of this number still has
    /// this hash. Can be given several times.
    #[arg(long, value_name = "NUMBER:HASH", value_parser = kept)]
    kept: Vec<AuditHead>,
}

fn kept(text: &str) -> Result<AuditHead, String> {
    let read = || {
        let (count, hash) = text.split_once(':')?;
        let count = count.parse().ok().filter(|count| *count > 0)?;
        let hash = hash.parse().ok()?;
        Some(AuditHead { count, hash })
    };
    read().ok_or_else(|| "looks like 42:HASH, with 64 hexadecimal digits".to_owned())
}

pub(crate) async fn run(config: Config, options: Options) -> Result<ExitCode> {
    let database = wiring::database(&config).await?;
    let report = database.audit().await?;
    let rewritten = compare_heads(&database, &options.kept).await?;
    database.close().await?;
    println!(
        "checked {} accounts, {} journal entries, {} open deals",
        report.accounts, report.entries, report.open_deals
    );
    if let Some(end) = report.trail {
        println!(
            "the audit log has {} records and ends with {}",
            end.count, end.hash
        );
        println!("to compare with later: --kept {}:{}", end.count, end.hash);
    }
    let violations = [report.violations, rewritten].concat();
    if violations.is_empty() {
        println!("every law holds");
        return Ok(ExitCode::SUCCESS);
    }
    for violation in &violations {
        println!(
            "VIOLATED {}: {}: {}",
            violation.law, violation.row, violation.detail
        );
    }
    println!("{} violations", violations.len());
    Ok(ExitCode::FAILURE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_that_was_kept_is_a_number_and_a_hash() {
        let hash = "0f".repeat(32);
        let end = kept(&format!("42:{hash}")).unwrap();
        assert_eq!((end.count, end.hash.to_string()), (42, hash.clone()));
        for bad in [
            "",
            "42",
            &hash,
            &format!("0:{hash}"),
            &format!("x:{hash}"),
            "42:0f",
        ] {
            assert!(kept(bad).is_err(), "{bad}");
        }
    }
}
