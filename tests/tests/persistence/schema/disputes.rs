//! Disputes.

use super::rows::{Refused, Rows};

pub(super) fn refused(rows: &Rows<'_>) -> Vec<Refused> {
    let Rows { customer, .. } = rows;
    vec![
        (
            "disputes_opener_is_a_person",
            rows.dispute("state", "'OPEN'"),
        ),
        (
            "disputes_state",
            rows.dispute("opener_id, state", &format!("{customer}, 'LOST'")),
        ),
        (
            "disputes_resolution",
            rows.dispute(
                "opener_id, state, resolution, resolved_by, resolution_comment, resolved_at",
                &format!("{customer}, 'RESOLVED', 'LOST', {customer}, '', 1"),
            ),
        ),
        (
            "disputes_resolved_as_a_whole",
            rows.dispute(
                "opener_id, state, resolution",
                &format!("{customer}, 'OPEN', 'RESOLVED_FINISHED'"),
            ),
        ),
        (
            "disputes_resolved_as_a_whole",
            rows.dispute("opener_id, state", &format!("{customer}, 'RESOLVED'")),
        ),
        (
            "disputes_payer_amount",
            rows.dispute(
                "opener_id, state, resolution, resolved_by, resolution_comment, resolved_at",
                &format!("{customer}, 'RESOLVED', 'RESOLVED_SPLIT', {customer}, '', 1"),
            ),
        ),
        (
            "disputes_payer_amount",
            rows.dispute(
                "opener_id, state, payer_amount, payer_asset",
                &format!("{customer}, 'OPEN', 1, 'USDT'"),
            ),
        ),
    ]
}
