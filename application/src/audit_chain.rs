//! The hash chain of the audit log: each record's hash covers the record and the hash before it.

use p2p_domain::Timestamp;
use p2p_domain::audit_log::{AuditHead, AuditNote, AuditRecord, ChainHash};
use sha2::{Digest, Sha256};

use crate::ports::AuditAppend;

/// The notes of a batch as records behind the head of the log. `None` without notes; a note is only taken by a unit of work
/// that has read the head.
pub(crate) fn append(
    head: Option<AuditHead>,
    notes: Vec<AuditNote>,
    at: Timestamp,
) -> Option<AuditAppend> {
    let after = head.filter(|_| !notes.is_empty())?;
    let mut end = after;
    let record = |note| {
        let number = end.count + 1;
        let hash = record_hash(end.hash, number, at, &note);
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

/// SHA-256 over the previous record's hash and all fields of this record. Each text is preceded by its length, so that no two
/// records have the same bytes.
#[must_use]
pub fn record_hash(previous: ChainHash, number: u64, at: Timestamp, note: &AuditNote) -> ChainHash {
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

#[cfg(test)]
mod tests {
    use super::*;
    use p2p_domain::audit_log::AuditAction;

    const NOW: Timestamp = Timestamp::from_micros(1_000_000);

    #[test]
    fn no_two_notes_have_the_same_bytes() {
        let of = |subject: &str, detail: &str| {
            let action = AuditAction::DepositBooked;
            let note = AuditNote::by_system(action, subject.into(), detail.into());
            record_hash(ChainHash::GENESIS, 1, NOW, &note)
        };
        assert_ne!(of("ab", "c"), of("a", "bc"));
        assert_ne!(of("", "a"), of("a", ""));
    }

    #[test]
    fn without_a_head_or_a_note_nothing_is_appended() {
        assert_eq!(append(None, vec![], NOW), None);
        assert_eq!(append(Some(AuditHead::EMPTY), vec![], NOW), None);
    }
}
