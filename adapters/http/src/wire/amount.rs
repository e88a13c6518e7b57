//! Amounts and prices: read exactly from the JSON text itself, written as decimal strings. No float comes near them.

use std::borrow::Cow;

use p2p_domain::{Decimal, MoneyError};
use serde::Deserialize;
use serde_json::value::RawValue;
use utoipa::openapi::schema::{ObjectBuilder, OneOfBuilder, Schema, Type};
use utoipa::openapi::{RefOr, schema::SchemaType};

use p2p_edge::InvalidValue;

use super::serialize_as_text;

/// An amount as clients send it: a JSON number or a decimal string.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Amount(pub(crate) Decimal);

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let raw = <&RawValue>::deserialize(from)?;
        read_json(raw.get())
            .map(Self)
            .map_err(serde::de::Error::custom)
    }
}

/// Reads the text of a JSON number or string.
fn read_json(json: &str) -> Result<Decimal, InvalidValue> {
    if json.starts_with(|first: char| first == '-' || first.is_ascii_digit()) {
        return read(json);
    }
    if !json.starts_with('"') {
        return Err(InvalidValue::new(
            "WRONG_TYPE",
            "an amount is a JSON number or a decimal string",
        ));
    }
    let text = match json.get(1..json.len() - 1) {
        Some(plain) if !plain.contains('\\') => Cow::Borrowed(plain),
        _ => Cow::Owned(serde_json::from_str::<String>(json).unwrap_or_default()),
    };
    read(&text)
}

/// Reads a decimal number.
pub(crate) fn read(text: &str) -> Result<Decimal, InvalidValue> {
    text.parse().map_err(fault)
}

impl Amount {
    /// Reads an amount that did not come in JSON.
    pub(crate) fn from_text(text: &str) -> Result<Self, InvalidValue> {
        read(text).map(Self)
    }
}

/// Why something is not an amount, by the code that the domain gives it as well.
pub(crate) fn fault(error: MoneyError) -> InvalidValue {
    InvalidValue::new(p2p_domain::Refusal::amount(error).code(), error.to_string())
}

/// A decimal number above zero.
const POSITIVE: &str = r"^(0*[1-9][0-9]*(\.[0-9]+)?|0+\.0*[1-9][0-9]*)([eE][+-]?[0-9]+)?$";

/// A decimal number.
const ANY: &str = r"^-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?$";

fn text_schema(pattern: &str) -> ObjectBuilder {
    ObjectBuilder::new()
        .schema_type(SchemaType::Type(Type::String))
        .pattern(Some(pattern))
        .examples(["100.0"])
}

fn amount_schema(what: &str, pattern: &str, number: ObjectBuilder) -> RefOr<Schema> {
    OneOfBuilder::new()
        .description(Some(format!(
            "{what}, as a decimal string or a JSON number; read exactly, never rounded. More decimals than the asset has \
             are an error (`TOO_MANY_DECIMALS`)."
        )))
        .item(text_schema(pattern))
        .item(number.schema_type(SchemaType::Type(Type::Number)))
        .into()
}

impl utoipa::PartialSchema for Amount {
    fn schema() -> RefOr<Schema> {
        let number = ObjectBuilder::new().exclusive_minimum(Some(0));
        amount_schema("Above zero", POSITIVE, number)
    }
}

impl utoipa::ToSchema for Amount {}

/// How an [`Amount`] is described where one that is not above zero is no bad request, but gets an answer of its own.
pub(crate) struct AnyAmount;

impl utoipa::PartialSchema for AnyAmount {
    fn schema() -> RefOr<Schema> {
        amount_schema("Of any sign", ANY, ObjectBuilder::new())
    }
}

impl utoipa::ToSchema for AnyAmount {}

/// How an amount is described where there is only text: in a query.
pub(crate) struct AmountText;

impl utoipa::PartialSchema for AmountText {
    fn schema() -> RefOr<Schema> {
        text_schema(POSITIVE).into()
    }
}

impl utoipa::ToSchema for AmountText {}

/// An amount of one asset, at its full scale.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Money(pub(crate) p2p_domain::Money);

/// Fiat per one whole unit of crypto.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Price(pub(crate) p2p_domain::Price);

serialize_as_text!(Money);
serialize_as_text!(Price);

fn decimal_schema(description: &str, example: &str) -> RefOr<Schema> {
    ObjectBuilder::new()
        .schema_type(SchemaType::Type(Type::String))
        .description(Some(description))
        .pattern(Some(r"^-?[0-9]+(\.[0-9]+)?$"))
        .examples([example])
        .into()
}

impl utoipa::PartialSchema for Money {
    fn schema() -> RefOr<Schema> {
        decimal_schema(
            "A decimal number as a string, with all decimals that the asset has.",
            "100.000000",
        )
    }
}

impl utoipa::ToSchema for Money {}

impl utoipa::PartialSchema for Price {
    fn schema() -> RefOr<Schema> {
        decimal_schema(
            "Fiat per one whole unit of crypto, as a decimal string with eight decimals.",
            "0.99500000",
        )
    }
}

impl utoipa::ToSchema for Price {}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn amount(json: &str) -> Result<Decimal, String> {
        serde_json::from_str::<Amount>(json)
            .map(|amount| amount.0)
            .map_err(|error| {
                InvalidValue::from_text(&error.to_string())
                    .code
                    .into_owned()
            })
    }

    fn decimal(text: &str) -> Result<Decimal, String> {
        Ok(text.parse().unwrap())
    }

    #[test]
    fn numbers_and_strings_are_exact() {
        for (json, text) in [
            ("0.1", "0.1"),
            ("1e-7", "0.0000001"),
            ("1E2", "100"),
            ("100.0", "100"),
            (
                "12345678901234567890.123456789",
                "12345678901234567890.123456789",
            ),
            ("0.30000000000000004", "0.30000000000000004"),
            ("\"100.0\"", "100.0"),
            ("\"1e-7\"", "0.0000001"),
            ("\"\\u0031.5\"", "1.5"),
            ("-0", "0"),
        ] {
            assert_eq!(amount(json), decimal(text), "{json}");
        }
    }

    #[test]
    fn what_is_no_amount_is_told_apart() {
        for (json, code) in [
            ("true", "WRONG_TYPE"),
            ("null", "WRONG_TYPE"),
            ("[1]", "WRONG_TYPE"),
            ("{}", "WRONG_TYPE"),
            ("\"\"", "AMOUNT_MALFORMED"),
            ("\" 1\"", "AMOUNT_MALFORMED"),
            ("\"1,5\"", "AMOUNT_MALFORMED"),
            ("\"NaN\"", "AMOUNT_MALFORMED"),
            ("\"\\u0000\"", "AMOUNT_MALFORMED"),
            ("1e9999999", "AMOUNT_TOO_LARGE"),
        ] {
            assert_eq!(amount(json), Err(code.to_owned()), "{json}");
        }
    }

    proptest! {
        #[test]
        fn every_decimal_is_read_as_it_is_written(whole in 0u64.., fraction in "[0-9]{1,8}") {
            let text = format!("{whole}.{fraction}");
            prop_assert_eq!(amount(&text), decimal(&text));
            prop_assert_eq!(amount(&format!("\"{text}\"")), decimal(&text));
        }
    }
}
