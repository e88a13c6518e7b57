//! Records of the audit trail as moderators see them.

use p2p_domain::audit_log::AuditRecord;
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};
use utoipa::ToSchema;

use crate::problem::Problem;
use crate::wire;

/// Something that was done.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({
    "number": 42,
    "at": "2025-04-18T15:00:00Z",
    "actor_id": "user_01jt0c7kq5e8tvb1y9m3x4z6wa",
    "session_id": "session_01jt0c7kq5e8tvb1y9m3x4z6wa",
    "address": "198.51.100.7",
    "action": "ROLES_CHANGED",
    "object_id": "user_01jt0c7kq5e8tvb1y9m3x4z6wb",
    "detail": {"before": ["CUSTOMER"], "after": ["CUSTOMER", "EXCHANGER"]},
    "hash": "b5bb9d8014a0f9b1d61e21e796d78dccdf1352f23cd32812f4850b878ae4944c"
}))]
pub(crate) struct AuditRecordView {
    /// Its place in the trail: 1, 2, 3, … without gaps.
    number: u64,
    at: wire::Time,
    /// Who did it; `null`: the market itself, or a caller who had not authenticated.
    #[schema(required = true)]
    actor_id: Option<wire::UserId>,
    /// In which session.
    #[schema(required = true)]
    session_id: Option<wire::SessionId>,
    /// From where.
    #[schema(required = true, example = "198.51.100.7")]
    address: Option<String>,
    action: wire::AuditAction,
    /// The id of what it was done to; `null` where there is none.
    #[schema(required = true)]
    object_id: Option<String>,
    /// What else there is to know, byte for byte as it went into the hash.
    #[schema(value_type = Object)]
    detail: Box<RawValue>,
    /// SHA-256 of this record and the hash of the one before, in hexadecimal digits.
    hash: String,
}

impl TryFrom<AuditRecord> for AuditRecordView {
    type Error = Problem;

    fn try_from(record: AuditRecord) -> Result<Self, Problem> {
        let note = record.note;
        let detail = RawValue::from_string(note.detail)
            // The record was tampered with; moderators should see how.
            .or_else(|error| to_raw_value(&format!("no JSON: {error}")))
            .map_err(|error| Problem::internal(error.to_string()))?;
        Ok(Self {
            number: record.number,
            at: wire::Time(record.at),
            actor_id: note.actor.map(wire::UserId),
            session_id: note.session.map(wire::SessionId),
            address: note.address.map(|address| address.to_string()),
            action: wire::AuditAction(note.action),
            object_id: Some(note.subject).filter(|subject| !subject.is_empty()),
            detail,
            hash: record.hash.to_string(),
        })
    }
}
