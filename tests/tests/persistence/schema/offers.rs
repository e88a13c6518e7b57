//! Offers and their history.

use super::rows::{Refused, Rows};

pub(super) fn refused(rows: &Rows<'_>) -> Vec<Refused> {
    let Rows {
        offer_id, missing, ..
    } = rows;
    vec![
        (
            "offers_two_sides",
            rows.offer_with("customer_id", "exchanger_id"),
        ),
        (
            "offers_exchange_type",
            "UPDATE offers SET exchange_type = 'GIFT'".to_owned(),
        ),
        (
            "offers_amounts_positive",
            "UPDATE offers SET amount = 0".to_owned(),
        ),
        (
            "offers_amounts_positive",
            "UPDATE offers SET fiat_amount = -1".to_owned(),
        ),
        (
            "offers_fee",
            "UPDATE offers SET fee_basis_points = -1".to_owned(),
        ),
        (
            "offers_status",
            "UPDATE offers SET status = 'RECEIPT_CONFIRMED', deadline = NULL".to_owned(),
        ),
        (
            "offers_deadline_while_waiting",
            "UPDATE offers SET deadline = NULL".to_owned(),
        ),
        (
            "offers_deadline_while_waiting",
            "UPDATE offers SET status = 'FINISHED', closed_at = 1".to_owned(),
        ),
        (
            "offers_disputed_at",
            "UPDATE offers SET status = 'DISPUTE_OPEN', deadline = NULL".to_owned(),
        ),
        (
            "offers_closed_at",
            "UPDATE offers SET closed_at = 1".to_owned(),
        ),
        (
            "offers_closed_at",
            "UPDATE offers SET status = 'CANCELLED', deadline = NULL".to_owned(),
        ),
        (
            "offers_cancel_proposed",
            format!(
                "UPDATE offers SET cancel_proposed = {}",
                if rows.test.is_sqlite() { "1" } else { "true" }
            ),
        ),
        (
            "never changes what its rows refer to|FOREIGN KEY",
            format!("UPDATE offers SET listing_id = {missing}"),
        ),
        (
            "offers_listing|FOREIGN KEY",
            rows.offer_with("listing_id", missing),
        ),
        (
            "offers_customer|FOREIGN KEY",
            rows.offer_with("customer_id", missing),
        ),
        (
            "offers_exchanger|FOREIGN KEY",
            rows.offer_with("exchanger_id", missing),
        ),
        (
            "offer_history_offer|FOREIGN KEY",
            format!(
                "INSERT INTO offer_history (offer_id, version, status, actor, at) VALUES ({missing}, 1, 'PENDING', 'SYSTEM', 1)"
            ),
        ),
        (
            "offer_history_user|FOREIGN KEY",
            format!(
                "INSERT INTO offer_history (offer_id, version, status, actor, user_id, at) VALUES ({offer_id}, 9, 'PENDING', 'CUSTOMER', {missing}, 1)"
            ),
        ),
        (
            "offer_history_status",
            format!(
                "INSERT INTO offer_history (offer_id, version, status, actor, at) VALUES ({offer_id}, 9, 'LOST', 'SYSTEM', 1)"
            ),
        ),
        (
            "offer_history_actor",
            format!(
                "INSERT INTO offer_history (offer_id, version, status, actor, at) VALUES ({offer_id}, 9, 'PENDING', 'NOBODY', 1)"
            ),
        ),
        (
            "offer_history_key|offer_history.version",
            format!(
                "INSERT INTO offer_history (offer_id, version, status, actor, at) VALUES ({offer_id}, 1, 'PENDING', 'SYSTEM', 1)"
            ),
        ),
    ]
}
