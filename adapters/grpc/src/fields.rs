//! Reads the fields of messages into values of the domain. A field that was not sent is empty.

use std::ops::RangeInclusive;

use p2p_domain::{Decimal, IdError, Refusal, TypedId};
use p2p_edge::FieldError;

use crate::rpc_error::RpcError;

/// Reads several fields into variables, and reports all errors at once.
macro_rules! read_fields {
    ($($name:ident = $read:expr;)+) => {
        let mut errors = Vec::new();
        $(let $name = $read.map_err(|error| errors.push(error)).ok();)+
        let ($(Some($name),)+) = ($($name,)+) else {
            return Err($crate::rpc_error::RpcError::invalid(errors));
        };
    };
}

pub(crate) use read_fields;

type Read<T> = Result<T, FieldError>;

fn invalid<T>(field: &'static str, code: &'static str, message: impl Into<String>) -> Read<T> {
    Err(FieldError::new(field, code, message))
}

fn is_required<T>(field: &'static str) -> Read<T> {
    invalid(field, "MISSING_FIELD", "is required")
}

/// The id that a request is about. An invalid one has a code of its own.
pub(crate) fn subject<T: TypedId>(field: &'static str, text: &str) -> Result<T, RpcError> {
    parsed(field, text).map_err(RpcError::in_field)
}

/// A required id.
pub(crate) fn id<T: TypedId>(field: &'static str, text: &str) -> Read<T> {
    if text.is_empty() {
        return is_required(field);
    }
    parsed(field, text)
}

/// An optional id.
pub(crate) fn optional_id<T: TypedId>(field: &'static str, text: &str) -> Read<Option<T>> {
    if text.is_empty() {
        return Ok(None);
    }
    parsed(field, text).map(Some)
}

fn parsed<T: TypedId>(field: &'static str, text: &str) -> Read<T> {
    text.parse().or_else(|error: IdError| {
        let code = match error {
            IdError::Malformed { .. } => "MALFORMED_ID",
            IdError::WrongKind { .. } => "WRONG_ID_KIND",
        };
        invalid(field, code, error.to_string())
    })
}

/// A text of a limited length in characters.
pub(crate) fn text(
    field: &'static str,
    text: String,
    length: RangeInclusive<usize>,
) -> Read<String> {
    if text.contains('\0') {
        let message = "must not contain the character U+0000";
        return invalid(field, "INVALID_CHARACTER", message);
    }
    if !length.contains(&text.chars().count()) {
        let (min, max) = length.into_inner();
        let message = match min {
            0 => format!("must have at most {max} characters"),
            _ => format!("must have {min} to {max} characters"),
        };
        return invalid(field, "INVALID_LENGTH", message);
    }
    Ok(text)
}

/// A required decimal number.
pub(crate) fn amount(field: &'static str, text: &str) -> Read<Decimal> {
    if text.is_empty() {
        return is_required(field);
    }
    text.parse()
        .or_else(|error| invalid(field, Refusal::amount(error).code(), error.to_string()))
}

/// An optional decimal number.
pub(crate) fn optional_amount(field: &'static str, text: &str) -> Read<Option<Decimal>> {
    if text.is_empty() {
        return Ok(None);
    }
    amount(field, text).map(Some)
}

/// An optional value of an enumeration, by its number; `Ok(None)` stands for UNSPECIFIED.
pub(crate) fn optional_choice<E, T>(
    field: &'static str,
    number: i32,
    of: impl Fn(E) -> Option<T>,
) -> Read<Option<T>>
where
    E: TryFrom<i32>,
{
    match E::try_from(number) {
        Ok(choice) => Ok(of(choice)),
        Err(_) => invalid(
            field,
            "UNKNOWN_VALUE",
            "is none of the values that there are",
        ),
    }
}

/// A required value of an enumeration, by its number.
pub(crate) fn choice<E, T>(field: &'static str, number: i32, of: impl Fn(E) -> Option<T>) -> Read<T>
where
    E: TryFrom<i32>,
{
    match optional_choice(field, number, of)? {
        Some(choice) => Ok(choice),
        None => is_required(field),
    }
}

/// An asset, by its code.
pub(crate) fn asset(field: &'static str, code: &str) -> Read<p2p_domain::Asset> {
    if code.is_empty() {
        return is_required(field);
    }
    code.parse().or_else(|_| {
        let codes: Vec<_> = p2p_domain::Asset::ALL
            .iter()
            .map(|one| one.code())
            .collect();
        let message = format!("must be one of {}", codes.join(", "));
        invalid(field, "UNKNOWN_VALUE", message)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use p2p_domain::OfferId;

    fn code<T>(read: Read<T>) -> String {
        read.map_or_else(|error| error.code.into_owned(), |_| "fine".to_owned())
    }

    #[test]
    fn every_error_has_a_code() {
        let user = "user_01jt0c7kq5e8tvb1y9m3x4z6wa";
        let offer = "offer_01jt0c7kq5e8tvb1y9m3x4z6wa";
        assert_eq!(code(id::<OfferId>("a", "")), "MISSING_FIELD");
        assert_eq!(code(id::<OfferId>("a", "x")), "MALFORMED_ID");
        assert_eq!(code(id::<OfferId>("a", user)), "WRONG_ID_KIND");
        assert_eq!(code(id::<OfferId>("a", offer)), "fine");
        assert_eq!(optional_id::<OfferId>("a", ""), Ok(None));
        assert_eq!(code(amount("a", "")), "MISSING_FIELD");
        assert_eq!(code(amount("a", "1,5")), "AMOUNT_MALFORMED");
        assert_eq!(code(amount("a", "1e9999999")), "AMOUNT_TOO_LARGE");
        assert_eq!(optional_amount("a", ""), Ok(None));
        assert_eq!(code(asset("a", "")), "MISSING_FIELD");
        assert_eq!(code(asset("a", "XXX")), "UNKNOWN_VALUE");
    }

    #[test]
    fn the_length_of_a_text_is_in_characters() {
        let of = |given: &str| code(text("a", given.to_owned(), 1..=3));
        assert_eq!(of(""), "INVALID_LENGTH");
        assert_eq!(of("жжж"), "fine");
        assert_eq!(of("жжжж"), "INVALID_LENGTH");
        assert_eq!(of("a\0"), "INVALID_CHARACTER");
    }
}
