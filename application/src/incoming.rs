//! Reading the messages of others: an envelope with an event's name and its data.

use std::str::FromStr;

use p2p_domain::{Asset, Decimal, Money};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::ports::{InboxKey, Incoming};

/// Why a message is none of ours.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not an event: {0}")]
pub struct DecodeError(pub(crate) String);

/// An event as it travels.
#[derive(Deserialize)]
pub(crate) struct Envelope<'a, D> {
    pub(crate) event: &'a str,
    pub(crate) data: D,
}

impl<'a, D: Deserialize<'a>> Envelope<'a, D> {
    /// Reads a message; what its data must hold is its reader's to say.
    pub(crate) fn read(message: &'a Incoming) -> Result<Self, DecodeError> {
        if message.id.is_empty() {
            return Err(DecodeError("it has no message id".to_owned()));
        }
        serde_json::from_slice(&message.body).map_err(|error| DecodeError(error.to_string()))
    }
}

/// Under which a consumer takes a message in.
pub(crate) fn inbox_key(consumer: &'static str, message: &Incoming) -> InboxKey {
    InboxKey {
        consumer,
        message: message.id.clone(),
    }
}

/// A field that may be missing.
pub(crate) fn parsed<T: FromStr>(
    field: &str,
    text: Option<&str>,
) -> Result<Option<T>, DecodeError> {
    let parse = |text: &str| {
        text.parse()
            .map_err(|_| DecodeError(format!("its {field} {text:?} can't be read")))
    };
    text.map(parse).transpose()
}

/// A field that must be there.
pub(crate) fn required<T>(field: &str, value: Option<T>) -> Result<T, DecodeError> {
    value.ok_or_else(|| DecodeError(format!("it has no {field}")))
}

/// A JSON number, exactly, of an asset.
pub(crate) fn money(number: &RawValue, asset: Asset) -> Result<Money, DecodeError> {
    let text = number.get().trim_matches('"');
    let unreadable = |error: &dyn std::fmt::Display| DecodeError(format!("its amount: {error}"));
    let number: Decimal = text
        .parse()
        .map_err(|error: p2p_domain::MoneyError| unreadable(&error))?;
    Money::from_decimal(number, asset).map_err(|error| unreadable(&error))
}
