//! Listings.

use super::rows::{Refused, Rows};

pub(super) fn refused(_: &Rows<'_>) -> Vec<Refused> {
    vec![
        (
            "listings_exchange_type",
            "UPDATE listings SET exchange_type = 'GIFT'".to_owned(),
        ),
        (
            "listings_price",
            "UPDATE listings SET price_e8 = 0".to_owned(),
        ),
        (
            "listings_amounts_add_up",
            "UPDATE listings SET frozen = frozen + 1".to_owned(),
        ),
        (
            "listings_amounts_not_negative",
            "UPDATE listings SET executed = -1, remaining = remaining + 1".to_owned(),
        ),
        (
            "listings_limits",
            "UPDATE listings SET min_fiat = max_fiat + 1".to_owned(),
        ),
        (
            "listings_payment_window",
            "UPDATE listings SET payment_window_seconds = 0".to_owned(),
        ),
        (
            "listings_state",
            "UPDATE listings SET state = 'SOLD'".to_owned(),
        ),
    ]
}
