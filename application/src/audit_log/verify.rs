//! Proving that the audit log is unbroken.

use p2p_domain::audit_log::{AuditHead, AuditRecord};

use super::ports::AuditLogQueries;
use crate::audit_chain::record_hash;
use crate::ports::{StorageError, Violation};

/// Records read at a time while the whole log is verified.
const PAGE: u32 = 1_000;

/// Verifies the hash chain record by record, from the first.
#[derive(Debug)]
pub struct ChainVerifier {
    end: AuditHead,
}

impl Default for ChainVerifier {
    fn default() -> Self {
        Self {
            end: AuditHead::EMPTY,
        }
    }
}

impl ChainVerifier {
    /// What is wrong with the next record, if anything.
    pub fn next(&mut self, record: &AuditRecord) -> Option<Violation> {
        let wanted = self.end.count + 1;
        let expected = record_hash(self.end.hash, record.number, record.at, &record.note);
        // Continues from the stored hash, so that one altered record is reported once.
        self.end = AuditHead {
            count: record.number,
            hash: record.hash,
        };
        let detail = if record.number != wanted {
            format!("stands in the place of record {wanted}")
        } else if record.hash != expected {
            format!("has the hash {}, its content {expected}", record.hash)
        } else {
            return None;
        };
        Some(violation(record.number, detail))
    }

    /// How many records there were.
    #[must_use]
    pub const fn count(&self) -> u64 {
        self.end.count
    }

    /// What is wrong with the end of the log, if anything.
    #[must_use]
    pub fn end(&self, head: AuditHead) -> Option<Violation> {
        (head != self.end).then(|| {
            let detail = format!(
                "the log should end with record {} and the hash {}, it ends with record {} and {}",
                head.count, head.hash, self.end.count, self.end.hash
            );
            violation(head.count, detail)
        })
    }
}

fn violation(number: u64, detail: String) -> Violation {
    Violation {
        law: "the audit trail is whole",
        row: format!("audit_trail {number}"),
        detail,
    }
}

/// Verifies the whole log; reports at most `limit` violations.
pub async fn verify_chain(
    log: &(impl AuditLogQueries + ?Sized),
    limit: usize,
) -> Result<(AuditHead, Vec<Violation>), StorageError> {
    // Records appended from here on are left out.
    let head = log.audit_head().await?;
    let (mut verifier, mut violations) = (ChainVerifier::default(), Vec::new());
    loop {
        let records = log.audit_records_after(verifier.count(), PAGE).await?;
        let mut any = false;
        for record in records {
            if record.number > head.count {
                break;
            }
            any = true;
            violations.extend(verifier.next(&record));
        }
        if !any || violations.len() >= limit {
            break;
        }
    }
    if violations.len() < limit {
        violations.extend(verifier.end(head));
    }
    violations.truncate(limit);
    Ok((head, violations))
}

/// Compares the log with heads that were noted elsewhere. If a record still has the hash noted earlier, it and everything
/// before it are unchanged, provided that the log is unbroken.
pub async fn compare_heads(
    log: &(impl AuditLogQueries + ?Sized),
    noted: &[AuditHead],
) -> Result<Vec<Violation>, StorageError> {
    let mut violations = Vec::new();
    for AuditHead { count, hash } in noted {
        let found = log.audit_records_after(count.saturating_sub(1), 1).await?;
        let detail = match found.first().filter(|record| record.number == *count) {
            Some(record) if record.hash == *hash => continue,
            Some(record) => format!("had the hash {hash} and has {} now", record.hash),
            None => format!("had the hash {hash} and is missing"),
        };
        violations.push(violation(*count, detail));
    }
    Ok(violations)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit_chain::append;
    use p2p_domain::Timestamp;
    use p2p_domain::audit_log::{AuditAction, AuditNote};

    const NOW: Timestamp = Timestamp::from_micros(1_000_000);

    fn note(subject: &str, detail: &str) -> AuditNote {
        AuditNote::by_system(AuditAction::DepositBooked, subject.into(), detail.into())
    }

    fn log() -> Vec<AuditRecord> {
        let first = append(
            Some(AuditHead::EMPTY),
            vec![note("a", "{}"), note("b", "{}")],
            NOW,
        );
        let first = first.unwrap();
        let second = append(Some(first.head()), vec![note("c", "{}")], NOW).unwrap();
        [first.records, second.records].concat()
    }

    fn violations(records: &[AuditRecord]) -> usize {
        let mut verifier = ChainVerifier::default();
        let head = log().last().map(|last| AuditHead {
            count: last.number,
            hash: last.hash,
        });
        let found = records.iter().filter_map(|one| verifier.next(one)).count();
        found + usize::from(verifier.end(head.unwrap()).is_some())
    }

    #[test]
    fn every_alteration_of_the_log_is_found() {
        assert_eq!(violations(&log()), 0);
        let mut altered = log();
        altered[1].note.detail = "{ }".into();
        assert_eq!(violations(&altered), 1);
        let mut rehashed = log();
        rehashed[1].note.detail = "{ }".into();
        rehashed[1].hash = record_hash(rehashed[0].hash, 2, NOW, &rehashed[1].note);
        assert_eq!(violations(&rehashed), 1, "the next record does not fit");
        let mut removed = log();
        removed.remove(1);
        assert_eq!(violations(&removed), 1);
        let mut swapped = log();
        swapped.swap(0, 1);
        assert!(violations(&swapped) > 0);
        assert_eq!(violations(&log()[..2]), 1, "the last record is missing");
    }
}
