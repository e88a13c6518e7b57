//! The audit: every law over one snapshot.

use p2p_application::audit_log::verify_chain;
use p2p_application::ports::{LedgerReport, StorageError, Violation};
use sea_orm::sea_query::Value;
use sea_orm::{
    AccessMode, ConnectionTrait, DatabaseTransaction, DbBackend, IsolationLevel, QueryResult,
    Statement, TransactionOptions, TransactionTrait,
};
use uuid::Uuid;

use super::laws::{self, Law};
use crate::audit_log::queries::Snapshot;
use crate::database::Database;
use crate::error;

pub(super) async fn audit(database: &Database) -> Result<LedgerReport, StorageError> {
    // On SQLite a transaction of the reading connections is a snapshot from its first statement on.
    let options = match database.backend() {
        DbBackend::Postgres => TransactionOptions {
            isolation_level: Some(IsolationLevel::RepeatableRead),
            access_mode: Some(AccessMode::ReadOnly),
            ..TransactionOptions::default()
        },
        _ => TransactionOptions::default(),
    };
    let snapshot = database.reader().begin_with_options(options).await;
    let snapshot = snapshot.map_err(error::storage)?;
    let outcome = examine(&snapshot).await;
    // There is nothing to commit.
    if let Err(error) = snapshot.rollback().await {
        tracing::debug!(%error, "ending an audit failed");
    }
    outcome
}

async fn examine(snapshot: &DatabaseTransaction) -> Result<LedgerReport, StorageError> {
    let mut report = LedgerReport::default();
    let counts = query(snapshot, laws::COUNTS).await?;
    if let Some(row) = counts.first() {
        report.accounts = count(row, "accounts")?;
        report.entries = count(row, "entries")?;
        report.open_deals = count(row, "open_deals")?;
    }
    for law in laws::all() {
        let limit = remaining_findings(&report, law.name);
        for row in query(snapshot, &law.sql).await?.iter().take(limit) {
            report.violations.push(violation(&law, row)?);
        }
    }
    trail(snapshot, &mut report).await?;
    Ok(report)
}

/// How many more violations of a law are told: some laws are looked at in two ways.
fn remaining_findings(report: &LedgerReport, law: &str) -> usize {
    let listed = report.violations.iter().filter(|one| one.law == law);
    laws::MAX_FINDINGS.saturating_sub(listed.count())
}

/// Goes along the audit trail. A record that can't be read is no failure of the audit but what it looks for.
async fn trail(
    snapshot: &DatabaseTransaction,
    report: &mut LedgerReport,
) -> Result<(), StorageError> {
    match verify_chain(&Snapshot(snapshot), remaining_findings(report, laws::TRAIL)).await {
        Ok((head, violations)) => {
            report.trail = Some(head);
            report.violations.extend(violations);
            Ok(())
        }
        Err(StorageError::Corrupt { table, id, reason }) => {
            report.violations.push(Violation {
                law: laws::TRAIL,
                row: format!("{table} {id}"),
                detail: reason,
            });
            Ok(())
        }
        Err(error) => Err(error),
    }
}

async fn query(
    snapshot: &DatabaseTransaction,
    sql: &str,
) -> Result<Vec<QueryResult>, StorageError> {
    let nothing: [Value; 0] = [];
    let statement = Statement::from_sql_and_values(snapshot.get_database_backend(), sql, nothing);
    let found = snapshot.query_all_raw(statement).await;
    found.map_err(error::storage)
}

fn violation(law: &Law, row: &QueryResult) -> Result<Violation, StorageError> {
    let id: Option<Uuid> = row.try_get("", "id").map_err(error::storage)?;
    let label: String = row.try_get("", "label").map_err(error::storage)?;
    Ok(Violation {
        law: law.name,
        row: (law.row)(id.unwrap_or_default()),
        detail: format!(
            "{label}: {} {}, {} {}",
            law.found,
            number(row, "found")?,
            law.expected,
            number(row, "expected")?
        ),
    })
}

/// A number from its halves.
fn number(row: &QueryResult, name: &str) -> Result<i128, StorageError> {
    let half = |end: &str| row.try_get::<i64>("", &format!("{name}_{end}"));
    let high = half("high").map_err(error::storage)?;
    let low = half("low").map_err(error::storage)?;
    Ok((i128::from(high) << 32) + i128::from(low))
}

fn count(row: &QueryResult, name: &str) -> Result<u64, StorageError> {
    let count: i64 = row.try_get("", name).map_err(error::storage)?;
    Ok(u64::try_from(count).unwrap_or_default())
}
