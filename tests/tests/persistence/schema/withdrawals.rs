//! Withdrawals.

use super::rows::{Refused, Rows};

pub(super) fn refused(rows: &Rows<'_>) -> Vec<Refused> {
    let Rows {
        customer, missing, ..
    } = rows;
    vec![
        (
            "withdrawals_amount_positive",
            rows.withdrawal(customer, "0, 'REQUESTED', NULL, NULL, NULL"),
        ),
        (
            "withdrawals_status",
            rows.withdrawal(customer, &format!("1, 'LOST', {missing}, 1, 'x'")),
        ),
        (
            "withdrawals_decided_as_a_whole",
            rows.withdrawal(customer, &format!("1, 'REQUESTED', {missing}, NULL, NULL")),
        ),
        (
            "withdrawals_decided_as_a_whole",
            rows.withdrawal(customer, &format!("1, 'APPROVED', {missing}, 1, NULL")),
        ),
        (
            "withdrawals_version",
            "UPDATE withdrawals SET version = 0".to_owned(),
        ),
        (
            "withdrawals_user|FOREIGN KEY",
            rows.withdrawal(missing, "1, 'REQUESTED', NULL, NULL, NULL"),
        ),
    ]
}
