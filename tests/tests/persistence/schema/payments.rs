//! Payments.

use super::rows::{Refused, Rows};

pub(super) fn refused(rows: &Rows<'_>) -> Vec<Refused> {
    let Rows {
        offer_id,
        customer,
        missing,
        ..
    } = rows;
    vec![
        (
            "payments_of_order|payments.order_id",
            rows.payment(&format!(
                "{offer_id}, NULL, NULL, 1, 'DECLINED', 'x', NULL, NULL"
            )),
        ),
        (
            "payments_of_caller|payments.caller_id, payments.key",
            rows.payment(&format!(
                "NULL, {customer}, 'k', 1, 'DECLINED', 'x', NULL, NULL"
            )),
        ),
        (
            "payments_one_origin",
            rows.payment("NULL, NULL, NULL, 1, 'DECLINED', 'x', NULL, NULL"),
        ),
        (
            "payments_one_origin",
            rows.payment(&format!(
                "{missing}, {customer}, 'x', 1, 'DECLINED', 'x', NULL, NULL"
            )),
        ),
        (
            "payments_one_origin",
            rows.payment(&format!(
                "NULL, {customer}, NULL, 1, 'DECLINED', 'x', NULL, NULL"
            )),
        ),
        (
            "payments_status",
            rows.payment(&format!(
                "{missing}, NULL, NULL, 1, 'LOST', NULL, NULL, NULL"
            )),
        ),
        (
            "payments_processed_as_a_whole",
            rows.payment(&format!(
                "{missing}, NULL, NULL, 1, 'DECLINED', NULL, NULL, NULL"
            )),
        ),
        (
            "payments_processed_as_a_whole",
            rows.payment(&format!(
                "{missing}, NULL, NULL, 1, 'REFUNDED', NULL, NULL, 1"
            )),
        ),
        (
            "payments_processed_as_a_whole",
            rows.payment(&format!(
                "{missing}, NULL, NULL, 1, 'AUTHORIZED', NULL, {customer}, NULL"
            )),
        ),
        (
            "payments_moved",
            rows.payment(&format!(
                "{missing}, NULL, NULL, 0, 'AUTHORIZED', NULL, NULL, NULL"
            )),
        ),
        (
            "payments_version",
            "UPDATE payments SET version = 0".to_owned(),
        ),
    ]
}
