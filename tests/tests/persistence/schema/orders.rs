//! Orders.

use super::rows::{Refused, Rows};

pub(super) fn refused(rows: &Rows<'_>) -> Vec<Refused> {
    let Rows {
        customer, missing, ..
    } = rows;
    vec![
        (
            "orders_amount_positive",
            rows.order(customer, 0, "NEW", "NULL, NULL, NULL, NULL"),
        ),
        (
            "orders_status",
            rows.order(customer, 1, "LOST", "NULL, NULL, 1, NULL"),
        ),
        (
            "orders_settled_as_a_whole",
            rows.order(customer, 1, "NEW", "NULL, NULL, 1, NULL"),
        ),
        (
            "orders_settled_as_a_whole",
            rows.order(customer, 1, "NEW", "NULL, NULL, NULL, 1"),
        ),
        (
            "orders_settled_as_a_whole",
            rows.order(customer, 1, "FINISHED", "NULL, NULL, 1, NULL"),
        ),
        (
            "orders_settled_as_a_whole",
            rows.order(customer, 1, "CANCELLED", "NULL, NULL, 1, NULL"),
        ),
        (
            "orders_settled_as_a_whole",
            rows.order(customer, 1, "CANCELLED", "NULL, 'x', NULL, NULL"),
        ),
        (
            "orders_two_sides",
            "UPDATE orders SET merchant_id = user_id".to_owned(),
        ),
        ("orders_version", "UPDATE orders SET version = 0".to_owned()),
        (
            "orders_user|FOREIGN KEY",
            rows.order(missing, 1, "NEW", "NULL, NULL, NULL, NULL"),
        ),
    ]
}
