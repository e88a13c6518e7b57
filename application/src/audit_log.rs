//! The audit trail: writing behind its end, reading it, and proving that it is whole.

use p2p_domain::audit_log::{AuditAction, AuditHead, AuditNote, AuditRecord, ChainHash};
use p2p_domain::user::Caller;
use p2p_domain::{Refusal, Role, Timestamp};
use sha2::{Digest, Sha256};

use crate::engine::{Command, ReadSet, UnitOfWork};
use crate::ports::{AuditAppend, StorageError, TrailFilter, TrailQueries, Violation};
use crate::{CommandError, Market, Page, QueryError};

/// What is read at once when the whole trail is gone along.
pub const PAGE: u32 = 1_000;

/// The notes of a batch as records behind the end of the trail. A note is only ever taken where the end is known.
pub(crate) fn append(
    head: Option<AuditHead>,
    notes: Vec<AuditNote>,
    at: Timestamp,
) -> Option<AuditAppend> {
    let after = head.filter(|_| !notes.is_empty())?;
    let mut end = after;
    let record = |note| {
        let number = end.count + 1;
        let hash = hash(end.hash, number, at, &note);
        end = AuditHead {
            count: number,
            hash,
        };
        AuditRecord {
            number,
            at,
            note,
            hash,
        }
    };
    let records = notes.into_iter().map(record).collect();
    Some(AuditAppend { after, records })
}

/// SHA-256 over the hash of the record before and all fields of this one, each text with its length before it: no two
/// records have the same bytes.
#[must_use]
pub fn hash(previous: ChainHash, number: u64, at: Timestamp, note: &AuditNote) -> ChainHash {
    let text = |value: Option<String>| value.unwrap_or_default();
    let mut digest = Sha256::new();
    digest.update(previous.0);
    digest.update(number.to_be_bytes());
    digest.update(at.as_micros().to_be_bytes());
    for field in [
        text(note.actor.map(|actor| actor.to_string())).as_str(),
        text(note.session.map(|session| session.to_string())).as_str(),
        text(note.address.map(|address| address.to_string())).as_str(),
        note.action.name(),
        &note.subject,
        &note.detail,
    ] {
        digest.update((field.len() as u64).to_be_bytes());
        digest.update(field.as_bytes());
    }
    ChainHash(digest.finalize().into())
}

/// Goes along a trail, record by record from its beginning.
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
    /// What is wrong with the next record, if anything is.
    pub fn next(&mut self, record: &AuditRecord) -> Option<Violation> {
        let wanted = self.end.count + 1;
        let expected = hash(self.end.hash, record.number, record.at, &record.note);
        // Goes on from what is stored: one altered record is told once.
        self.end = AuditHead {
            count: record.number,
            hash: record.hash,
        };
        let detail = if record.number != wanted {
            format!("follows where record {wanted} is wanted")
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

    /// What is wrong with the end of the trail, if anything is.
    #[must_use]
    pub fn end(&self, head: AuditHead) -> Option<Violation> {
        (head != self.end).then(|| {
            let detail = format!(
                "the trail should end with record {} and the hash {}, it ends with record {} and {}",
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

/// Records of the trail, newest first. For MODERATOR.
pub async fn list(
    market: &Market,
    caller: Caller,
    filter: TrailFilter,
) -> Result<Page<AuditRecord>, QueryError> {
    caller.require(Role::Moderator)?;
    let limit = filter.limit.clamp(1, crate::MAX_PAGE);
    let one_more = TrailFilter {
        limit: limit + 1,
        ..filter
    };
    let rows = market.queries().list_trail(&one_more).await?;
    Ok(Page::of(rows, limit))
}

/// Writes down with which numbers the operator runs the market, where they are others than the last time.
#[derive(Debug, Clone)]
pub struct RecordSettings {
    /// As a JSON object.
    pub settings: String,
}

impl Command for RecordSettings {
    type Outcome = ();

    fn read_set(&self, reads: &mut ReadSet) {
        reads.trail();
    }

    fn decide(&self, uow: &mut UnitOfWork<'_>) -> Result<(), Refusal> {
        let (action, detail) = (AuditAction::SettingsChanged, self.settings.clone());
        uow.note(AuditNote::by_system(action, String::new(), detail))
    }
}

/// Does so if it is to be done; answers whether it was.
pub async fn record_settings(market: &Market, settings: String) -> Result<bool, QueryError> {
    let filter = TrailFilter {
        action: Some(AuditAction::SettingsChanged),
        limit: 1,
        ..TrailFilter::default()
    };
    let last = market.queries().list_trail(&filter).await?;
    if last
        .first()
        .is_some_and(|last| last.note.detail == settings)
    {
        return Ok(false);
    }
    let done = market.execute(RecordSettings { settings }).await;
    done.map(|()| true).map_err(|error| match error {
        CommandError::Refused(refusal) => QueryError::Refused(refusal),
        other => QueryError::Storage(StorageError::Unavailable {
            source: Box::new(other),
        }),
    })
}

/// Goes along the whole trail; at most `most` violations are told.
pub async fn inspect(
    trail: &(impl TrailQueries + ?Sized),
    most: usize,
) -> Result<(AuditHead, Vec<Violation>), StorageError> {
    // What is appended meanwhile is not looked at.
    let head = trail.trail_head().await?;
    let (mut inspector, mut violations) = (ChainVerifier::default(), Vec::new());
    loop {
        let records = trail.trail_after(inspector.count(), PAGE).await?;
        let mut any = false;
        for record in records {
            if record.number > head.count {
                break;
            }
            any = true;
            violations.extend(inspector.next(&record));
        }
        if !any || violations.len() >= most {
            break;
        }
    }
    if violations.len() < most {
        violations.extend(inspector.end(head));
    }
    violations.truncate(most);
    Ok((head, violations))
}

/// What is wrong with the trail, by ends that somebody has kept of it elsewhere: in a trail that is whole, a record that has the
/// hash which it had once shows that it was not rewritten since, and nothing before it.
pub async fn compare(
    trail: &(impl TrailQueries + ?Sized),
    kept: &[AuditHead],
) -> Result<Vec<Violation>, StorageError> {
    let mut violations = Vec::new();
    for AuditHead { count, hash } in kept {
        let found = trail.trail_after(count.saturating_sub(1), 1).await?;
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

    const NOW: Timestamp = Timestamp::from_micros(1_000_000);

    fn note(subject: &str, detail: &str) -> AuditNote {
        AuditNote::by_system(AuditAction::DepositBooked, subject.into(), detail.into())
    }

    fn trail() -> Vec<AuditRecord> {
        let first = append(
            Some(AuditHead::EMPTY),
            vec![note("a", "{}"), note("b", "{}")],
            NOW,
        );
        let first = first.unwrap();
        let second = append(Some(first.head()), vec![note("c", "{}")], NOW).unwrap();
        [first.records, second.records].concat()
    }

    fn faults(trail: &[AuditRecord]) -> usize {
        let mut inspector = ChainVerifier::default();
        let head = self::trail().last().map(|last| AuditHead {
            count: last.number,
            hash: last.hash,
        });
        let told = trail.iter().filter_map(|one| inspector.next(one)).count();
        told + usize::from(inspector.end(head.unwrap()).is_some())
    }

    #[test]
    fn a_trail_is_whole_until_somebody_lays_hands_on_it() {
        assert_eq!(faults(&trail()), 0);
        let mut altered = trail();
        altered[1].note.detail = "{ }".into();
        assert_eq!(faults(&altered), 1);
        let mut rehashed = trail();
        rehashed[1].note.detail = "{ }".into();
        rehashed[1].hash = hash(rehashed[0].hash, 2, NOW, &rehashed[1].note);
        assert_eq!(faults(&rehashed), 1, "the next one does not fit any more");
        let mut removed = trail();
        removed.remove(1);
        assert_eq!(faults(&removed), 1);
        let mut swapped = trail();
        swapped.swap(0, 1);
        assert!(faults(&swapped) > 0);
        assert_eq!(faults(&trail()[..2]), 1, "the end is missing");
    }

    #[test]
    fn no_two_notes_have_the_same_bytes() {
        let of = |subject, detail| hash(ChainHash::GENESIS, 1, NOW, &note(subject, detail));
        assert_ne!(of("ab", "c"), of("a", "bc"));
        assert_ne!(of("", "a"), of("a", ""));
    }

    #[test]
    fn where_the_end_is_not_known_nothing_is_appended() {
        assert_eq!(append(None, vec![], NOW), None);
        assert_eq!(append(Some(AuditHead::EMPTY), vec![], NOW), None);
    }
}
