//! Typed ids as text.

use p2p_domain::{IdError, TypedId};
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};
use utoipa::openapi::{RefOr, schema::SchemaType};

use p2p_edge::InvalidValue;

use super::{deserialize_from_text, serialize_as_text};

/// Why a text is not the id that is wanted, by code.
pub(crate) fn fault(error: &IdError) -> InvalidValue {
    let code = match error {
        IdError::Malformed { .. } => "MALFORMED_ID",
        IdError::WrongKind { .. } => "WRONG_ID_KIND",
    };
    InvalidValue::new(code, error.to_string())
}

/// The part of the examples behind the prefix: `offer_789` in the language of typed ids.
const EXAMPLE: &str = "01jt0c7kq5e8tvb1y9m3x4z6wa";

pub(crate) fn schema<T: TypedId>() -> RefOr<Schema> {
    let prefix = T::PREFIX;
    ObjectBuilder::new()
        .schema_type(SchemaType::Type(Type::String))
        .description(Some(format!(
            "`{prefix}_` and a UUIDv7 in 26 characters of base 32 (TypeID)."
        )))
        .pattern(Some(format!("^{prefix}_[0-7][0-9a-hjkmnp-tv-z]{{25}}$")))
        .examples([serde_json::Value::String(format!("{prefix}_{EXAMPLE}"))])
        .into()
}

macro_rules! ids {
    ($($name:ident),*) => {$(
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) struct $name(pub(crate) p2p_domain::$name);

        deserialize_from_text!(
            $name,
            "an id",
            |text: &str| text.parse().map($name).map_err(|error| fault(&error))
        );
        serialize_as_text!($name);

        impl utoipa::PartialSchema for $name {
            fn schema() -> RefOr<Schema> { schema::<p2p_domain::$name>() }
        }

        impl utoipa::ToSchema for $name {}
    )*};
}

ids! {
    UserId, ListingId, OfferId, DisputeId, CommentId, AccountId, TransferId, NotificationId, ReportId, OrderId, PaymentId,
    WithdrawalId, SessionId
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_is_an_id() {
        let text = format!("\"user_{EXAMPLE}\"");
        let id: UserId = serde_json::from_str(&text).unwrap();
        assert_eq!(serde_json::to_string(&id).unwrap(), text);
    }

    #[test]
    fn faults_travel_through_serde() {
        let error = serde_json::from_str::<UserId>("\"offer_01jt0c7kq5e8tvb1y9m3x4z6wa\"");
        let fault = InvalidValue::from_text(&error.unwrap_err().to_string());
        assert_eq!(fault.code, "WRONG_ID_KIND");
        let error = serde_json::from_str::<UserId>("\"nonsense\"");
        assert_eq!(
            InvalidValue::from_text(&error.unwrap_err().to_string()).code,
            "MALFORMED_ID"
        );
    }
}
