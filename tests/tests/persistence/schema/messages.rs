//! The outbox, the inbox, dead letters, stored replies and the heartbeat.

use super::rows::{Refused, Rows};

pub(super) fn refused(rows: &Rows<'_>) -> Vec<Refused> {
    let Rows { missing, .. } = rows;
    vec![
        (
            "outbox_aggregate_type",
            format!(
                "INSERT INTO outbox (id, name, aggregate_type, aggregate_id, version, body, created_at) VALUES ({missing}, 'x', 'y', {missing}, 1, '', 1)"
            ),
        ),
        (
            "inbox_pkey|inbox_key|inbox.message",
            "INSERT INTO inbox (consumer, message, taken_at) VALUES ('c', 'm', 2)".to_owned(),
        ),
        (
            "idempotency_keys_pkey|idempotency_keys_key|idempotency_keys.key",
            rows.reply(200),
        ),
        (
            "idempotency_keys_tag",
            "UPDATE idempotency_keys SET tag = -1".to_owned(),
        ),
        (
            "dead_letters_aggregate_type",
            format!(
                "INSERT INTO dead_letters (message_id, queue, name, aggregate_type, aggregate_id, version, body, created_at, reason, died_at) \
                 VALUES ({missing}, 'q', 'x', 'y', {missing}, 1, '', 1, '', 1)"
            ),
        ),
        (
            "heartbeat_one_row",
            "INSERT INTO heartbeat (id) VALUES (2)".to_owned(),
        ),
    ]
}
