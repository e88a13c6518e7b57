//! How the domain's values look on the wire: read exactly, written exactly, and described to the API's documentation.
//!
//! A value that can't be read says why by a stable code, which travels through serde's errors in front of the message:
//! see [`InvalidValue`](p2p_edge::InvalidValue).

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
