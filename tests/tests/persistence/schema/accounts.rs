//! Users, their accounts and exchangers.

use super::rows::{Refused, Rows};

pub(super) fn refused(rows: &Rows<'_>) -> Vec<Refused> {
    let Rows {
        customer,
        account,
        missing,
        ..
    } = rows;
    vec![
        ("users_roles", "UPDATE users SET roles = 16".to_owned()),
        ("users_version", "UPDATE users SET version = 0".to_owned()),
        (
            "users_email|users.email",
            "UPDATE users SET email = 'same'".to_owned(),
        ),
        (
            "accounts_held_not_negative",
            "UPDATE accounts SET held = -1".to_owned(),
        ),
        (
            "accounts_available_not_negative",
            format!("UPDATE accounts SET available = -1 WHERE id = {account}"),
        ),
        (
            "accounts_owner_asset|accounts.asset",
            "UPDATE accounts SET asset = 'BTC'".to_owned(),
        ),
        (
            "accounts_owner|FOREIGN KEY",
            format!("UPDATE accounts SET owner_id = {missing} WHERE id = {account}"),
        ),
        (
            "exchangers_unanswered",
            "UPDATE exchangers SET unanswered = -1".to_owned(),
        ),
        (
            "users_language",
            format!("UPDATE users SET language = 'xx' WHERE id = {customer}"),
        ),
    ]
}
