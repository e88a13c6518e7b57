//! Where a page ends and the next one begins: opaque to clients, and checked when it comes back.

use p2p_application::listing::{ListingCursor, ListingOrder};
use p2p_application::wallet::StatementCursor;
use p2p_domain::ledger::Bucket;
use p2p_domain::{ListingId, TransferId, TypedId};
use p2p_edge::ProblemDetails;

use crate::problem::Problem;

/// A list that is ordered by id has the last id as its cursor.
pub(crate) fn read_id<T: TypedId>(text: Option<&str>) -> Result<Option<T>, Problem> {
    text.map(|text| {
        text.parse()
            .map_err(|_| ProblemDetails::invalid_cursor().into())
    })
    .transpose()
}

/// A list that is ordered by number has the last number as its cursor.
pub(crate) fn read_number(text: Option<&str>) -> Result<Option<u64>, Problem> {
    // Storage counts no further.
    let number = |text: &str| text.parse::<i64>().ok().and_then(|one| one.try_into().ok());
    text.map(|text| number(text).ok_or_else(|| ProblemDetails::invalid_cursor().into()))
        .transpose()
}

const fn order_mark(order: ListingOrder) -> char {
    match order {
        ListingOrder::Newest => 'n',
        ListingOrder::PriceAscending => 'a',
        ListingOrder::PriceDescending => 'd',
    }
}

/// The cursor of a list of listings, which is good for one order only.
pub(crate) fn write_listing(order: ListingOrder, cursor: ListingCursor) -> String {
    let mark = order_mark(order);
    format!("{mark}{:x}-{:x}", cursor.price_e8, cursor.id.as_u128())
}

pub(crate) fn read_listing(
    order: ListingOrder,
    text: Option<&str>,
) -> Result<Option<ListingCursor>, Problem> {
    let read = |text: &str| {
        let (price, id) = text.strip_prefix(order_mark(order))?.split_once('-')?;
        Some(ListingCursor {
            price_e8: i64::from_str_radix(price, 16).ok()?,
            id: ListingId::from_u128(u128::from_str_radix(id, 16).ok()?),
        })
    };
    text.map(|text| read(text).ok_or_else(|| ProblemDetails::invalid_cursor().into()))
        .transpose()
}

/// The cursor of a statement.
pub(crate) fn write_statement(cursor: StatementCursor) -> String {
    let mark = match cursor.bucket {
        Bucket::Available => 'a',
        Bucket::Held => 'h',
    };
    format!("{mark}{:x}", cursor.transfer.as_u128())
}

pub(crate) fn read_statement(text: Option<&str>) -> Result<Option<StatementCursor>, Problem> {
    let read = |text: &str| {
        let (bucket, id) = match text.strip_prefix('a') {
            Some(id) => (Bucket::Available, id),
            None => (Bucket::Held, text.strip_prefix('h')?),
        };
        let transfer = TransferId::from_u128(u128::from_str_radix(id, 16).ok()?);
        Some(StatementCursor { transfer, bucket })
    };
    text.map(|text| read(text).ok_or_else(|| ProblemDetails::invalid_cursor().into()))
        .transpose()
}

#[cfg(test)]
mod tests {
    use super::*;
    use p2p_domain::OfferId;
    use proptest::prelude::*;

    const ORDERS: [ListingOrder; 3] = [
        ListingOrder::Newest,
        ListingOrder::PriceAscending,
        ListingOrder::PriceDescending,
    ];

    proptest! {
        #[test]
        fn what_is_given_out_is_taken_back(price_e8 in 1i64.., bits: u128, pick in 0usize..3) {
            let order = ORDERS[pick];
            let cursor = ListingCursor { price_e8, id: ListingId::from_u128(bits) };
            let text = write_listing(order, cursor);
            prop_assert_eq!(read_listing(order, Some(&text)).unwrap(), Some(cursor));
            for other in ORDERS.into_iter().filter(|other| *other != order) {
                prop_assert!(read_listing(other, Some(&text)).is_err());
            }
            for bucket in [Bucket::Available, Bucket::Held] {
                let cursor = StatementCursor { transfer: TransferId::from_u128(bits), bucket };
                let text = write_statement(cursor);
                prop_assert_eq!(read_statement(Some(&text)).unwrap(), Some(cursor));
            }
        }

        #[test]
        fn no_text_panics(text in ".{0,60}") {
            for order in ORDERS {
                let _ = read_listing(order, Some(&text));
            }
            let _ = read_statement(Some(&text));
            let _ = read_id::<OfferId>(Some(&text));
            let _ = read_number(Some(&text));
        }
    }

    #[test]
    fn nonsense_is_refused_by_code() {
        for text in ["", "n", "nzz-1", "a1", "n1-", "x1-1", "n1-1-1"] {
            let problem = read_listing(ListingOrder::Newest, Some(text)).unwrap_err();
            assert_eq!(problem.code(), "INVALID_CURSOR", "{text}");
        }
        assert!(read_statement(Some("1")).is_err());
        assert!(read_id::<OfferId>(Some("listing_01jt0c7kq5e8tvb1y9m3x4z6wa")).is_err());
        assert_eq!(read_id::<OfferId>(None).unwrap(), None);
        for text in ["", "-1", "x", "1.0", "9223372036854775808"] {
            assert!(read_number(Some(text)).is_err(), "{text}");
        }
        assert_eq!(read_number(Some("42")).unwrap(), Some(42));
    }
}
