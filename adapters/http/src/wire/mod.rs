//! How the domain's values look on the wire: read exactly, written exactly, and described to the API's documentation.
//!
//! A value that can't be read says why by a stable code, which travels through serde's errors in front of the message:
//! see [`Fault`].

mod amount;
mod ids;
mod names;
mod time;

pub(crate) use amount::{Amount, AmountText, AnyAmount, Money, Price, fault as amount_fault};
pub(crate) use ids::fault as id_fault;
pub(crate) use ids::{
    AccountId, CommentId, DisputeId, ListingId, NotificationId, OfferId, OrderId, PaymentId,
    ReportId, SessionId, TransferId, UserId, WithdrawalId,
};
pub(crate) use names::{
    Actor, Asset, AuditAction, Bucket, CryptoAsset, Decline, DisputeStage, DisputeStageName,
    DisputeStatus, EntryKind, Event, ExchangeType, FiatCurrency, Language, ListingStatus,
    ListingSwitch, OrderStatus, PaymentAnswer, PaymentOutcome, PaymentStatus, Receipt, ReceiptKind,
    ReportOutcome, Resolution, ResolutionKind, ResponseAction, ResponseKind, Role, Side, Sort,
    SortKind, Status, WithdrawalStatus,
};
pub(crate) use time::Time;

use std::borrow::Cow;
use std::fmt;

/// Why a field's text can't be used: a stable code and a sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) code: Cow<'static, str>,
    pub(crate) message: String,
}

impl Fault {
    pub(crate) fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self {
            code: Cow::Borrowed(code),
            message: message.into(),
        }
    }

    /// Reads a fault back out of the text of a serde error: by our own code, or by what serde itself complains of.
    pub(crate) fn from_text(text: &str) -> Self {
        let is_code = |head: &str| {
            head.len() > 2 && head.bytes().all(|b| b == b'_' || b.is_ascii_uppercase())
        };
        match text.split_once(": ") {
            Some((code, message)) if is_code(code) => Self {
                code: Cow::Owned(code.to_owned()),
                message: message.to_owned(),
            },
            _ if text.starts_with("unknown field") => Self::new("UNKNOWN_FIELD", text),
            _ if text.starts_with("duplicate field") => Self::new("DUPLICATE_FIELD", text),
            _ => Self::new("WRONG_TYPE", text),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.message)
    }
}

/// Reads a value from a JSON or query string, without copying it.
macro_rules! deserialize_from_text {
    ($name:ident, $what:expr, $read:expr) => {
        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                struct Visitor;
                impl serde::de::Visitor<'_> for Visitor {
                    type Value = $name;

                    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        f.write_str($what)
                    }

                    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<$name, E> {
                        $read(text).map_err(E::custom)
                    }
                }
                from.deserialize_str(Visitor)
            }
        }
    };
}

/// Writes a value by its `Display`.
macro_rules! serialize_as_text {
    ($name:ident) => {
        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                to.collect_str(&self.0)
            }
        }
    };
}

pub(crate) use {deserialize_from_text, serialize_as_text};
