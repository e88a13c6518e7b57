//! Payment reports.

use super::rows::{Refused, Rows};
use crate::common::report;

pub(super) fn refused(rows: &Rows<'_>) -> Vec<Refused> {
    let Rows {
        offer_id, missing, ..
    } = rows;
    vec![
        (
            "payment_reports_callback|payment_reports.callback",
            report(rows.test, "'a', 1, 'EUR', NULL, 'UNKNOWN_DEAL'"),
        ),
        (
            "payment_reports_paid",
            report(rows.test, "'b', 0, 'EUR', NULL, 'UNKNOWN_DEAL'"),
        ),
        (
            "payment_reports_outcome",
            report(rows.test, &format!("'b', 1, 'EUR', {offer_id}, 'LOST'")),
        ),
        (
            "payment_reports_deal",
            report(rows.test, "'b', 1, 'EUR', NULL, 'WRONG_AMOUNT'"),
        ),
        (
            "payment_reports_deal",
            report(
                rows.test,
                &format!("'b', 1, 'EUR', {offer_id}, 'UNKNOWN_DEAL'"),
            ),
        ),
        (
            "payment_reports_offer|FOREIGN KEY",
            report(rows.test, &format!("'b', 1, 'EUR', {missing}, 'APPLIED'")),
        ),
    ]
}
