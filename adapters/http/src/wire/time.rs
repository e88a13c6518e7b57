//! Points in time: RFC 3339 in UTC.

use p2p_domain::Timestamp;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, Schema, SchemaFormat, SchemaType, Type};

use super::serialize_as_text;

/// A point in time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Time(pub(crate) Timestamp);

serialize_as_text!(Time);

impl utoipa::PartialSchema for Time {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(SchemaType::Type(Type::String))
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)))
            .description(Some("RFC 3339, in UTC."))
            .examples(["2025-04-18T15:00:00Z"])
            .into()
    }
}

impl utoipa::ToSchema for Time {}
