//! Mailboxes and notifications.

use super::rows::{Refused, Rows};

pub(super) fn refused(rows: &Rows<'_>) -> Vec<Refused> {
    let Rows {
        customer, missing, ..
    } = rows;
    vec![
        (
            "mailboxes_read_to",
            "UPDATE mailboxes SET read_to = 3".to_owned(),
        ),
        (
            "mailboxes_read_to",
            "UPDATE mailboxes SET read_to = -1".to_owned(),
        ),
        (
            "mailboxes_version",
            "UPDATE mailboxes SET version = 0".to_owned(),
        ),
        (
            "mailboxes_user|FOREIGN KEY",
            format!(
                "INSERT INTO mailboxes (user_id, last, read_to, version) VALUES ({missing}, 0, 0, 1)"
            ),
        ),
        (
            "notifications_user|FOREIGN KEY",
            rows.notification(missing, "1, 1, NULL, NULL, NULL, NULL"),
        ),
        (
            "notifications_number|notifications.number",
            rows.notification(customer, "1, 1, NULL, NULL, NULL, NULL"),
        ),
        (
            "notifications_number_positive",
            rows.notification(customer, "0, 1, NULL, NULL, NULL, NULL"),
        ),
        (
            "notifications_version",
            rows.notification(customer, "2, 0, NULL, NULL, NULL, NULL"),
        ),
        (
            "notifications_amounts",
            rows.notification(customer, "2, 1, 1, NULL, NULL, NULL"),
        ),
        (
            "notifications_amounts",
            rows.notification(customer, "2, 1, NULL, NULL, NULL, 'EUR'"),
        ),
    ]
}
