//! Entries of the journal.

use super::rows::{Refused, Rows};

pub(super) fn refused(rows: &Rows<'_>) -> Vec<Refused> {
    let Rows {
        offer_id,
        customer,
        account,
        missing,
        ..
    } = rows;
    vec![
        (
            "journal_entries_bucket",
            rows.entry(&format!("{account}, 'POCKET', 1, 'HOLD', {offer_id}, NULL")),
        ),
        (
            "journal_entries_amount_not_zero",
            rows.entry(&format!("{account}, 'HELD', 0, 'HOLD', {offer_id}, NULL")),
        ),
        (
            "journal_entries_kind",
            rows.entry(&format!("{account}, 'HELD', 1, 'GIFT', {offer_id}, NULL")),
        ),
        (
            "journal_entries_one_reference",
            rows.entry(&format!("{account}, 'HELD', 1, 'HOLD', NULL, NULL")),
        ),
        (
            "journal_entries_one_reference",
            rows.entry(&format!(
                "{account}, 'HELD', 1, 'HOLD', {offer_id}, {customer}"
            )),
        ),
        (
            "journal_entries_account|FOREIGN KEY",
            rows.entry(&format!("{missing}, 'HELD', 1, 'HOLD', {offer_id}, NULL")),
        ),
        (
            "journal_entries_account|FOREIGN KEY",
            rows.entry(&format!(
                "{account}, 'AVAILABLE', -1, 'HOLD', {offer_id}, NULL), \
                 ({offer_id}, 1, {account}, 'HELD', 1, 'HOLD', {offer_id}, NULL), \
                 ({offer_id}, 1, {missing}, 'HELD', 1, 'HOLD', {offer_id}, NULL"
            )),
        ),
        (
            "journal_entries_one_reference",
            rows.subject("PAYMENT", "NULL, NULL, NULL"),
        ),
        (
            "journal_entries_one_reference",
            rows.subject("PAYMENT", &format!("{offer_id}, NULL, NULL")),
        ),
        (
            "journal_entries_one_reference",
            rows.subject("HOLD", &format!("NULL, NULL, {offer_id}")),
        ),
        (
            "journal_entries_one_reference",
            rows.subject("DEPOSIT", &format!("NULL, {customer}, {customer}")),
        ),
    ]
}
