//! The idempotency key: described once, on every operation whose policy takes one.

use serde_json::json;
use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::path::{Operation, Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{ObjectBuilder, SchemaType, Type};
use utoipa::openapi::{Components, Ref, RefOr, Required};

use crate::policy::{Declared, Idempotency};
use p2p_edge::idempotency::HEADER;

/// How the marker of an answer that was given before is called in the description.
const REPLAYED: &str = "Idempotency-Replayed";

/// Visible ASCII, as it is or as a quoted string (RFC 8941).
const KEY: &str = r#"^([!#-~][!-~]*|"([!#-\[\]-~]|\\["\\])+")$"#;

const ANSWERED: &str = "A text of the client's choice, another one for each new request, such as a UUID; in quotes or without. \
    The same request under the same key takes effect once and gets the same answer, a refusal too, for 24 hours.";

const CALLED: &str = "What the caller calls the payment, another text for each one, such as a UUID; in quotes or without. There \
    is one payment at most for each caller and key, for ever: the same request again is answered with it, as DUPLICATE.";

/// Describes the marker of replayed answers once.
pub(super) fn declare(components: &mut Components) {
    let marker = HeaderBuilder::new()
        .description(Some(
            "`true`, where this answer was given before, to the same request under the same idempotency key.",
        ))
        .build();
    components
        .headers
        .insert(REPLAYED.to_owned(), RefOr::T(marker));
}

/// Gives an operation that takes a key its parameter, and its answers the marker.
pub(super) fn add(operation: &mut Operation) {
    let Some(policy) = Declared::of(operation).filter(|policy| policy.idempotency.takes_key())
    else {
        return;
    };
    let named = policy.idempotency == Idempotency::KeyIsName;
    let description = if named { CALLED } else { ANSWERED };
    let key = parameter(policy.idempotency.requires_key(), description);
    operation
        .parameters
        .get_or_insert_default()
        .push(RefOr::T(key));
    for (status, response) in &mut operation.responses.responses {
        // What is kept under its own name answers a repeat in a way of its own, and no other.
        if let RefOr::T(response) = response
            && (!named || status == "200")
        {
            let marker = Ref::new(format!("#/components/headers/{REPLAYED}"));
            response
                .headers
                .insert(REPLAYED.to_owned(), RefOr::Ref(marker));
        }
    }
}

/// Whether an operation takes a key.
pub(super) fn takes_one(operation: &Operation) -> bool {
    let mut parameters = operation.parameters.iter().flatten();
    parameters.any(|parameter| matches!(parameter, RefOr::T(parameter) if parameter.name == HEADER))
}

fn parameter(required: bool, description: &str) -> Parameter {
    let schema = ObjectBuilder::new()
        .schema_type(SchemaType::Type(Type::String))
        .min_length(Some(1))
        .max_length(Some(128))
        .pattern(Some(KEY));
    ParameterBuilder::new()
        .name(HEADER)
        .parameter_in(ParameterIn::Header)
        .required(if required {
            Required::True
        } else {
            Required::False
        })
        .description(Some(description))
        .schema(Some(schema))
        .example(Some(json!("8e03978e-40d5-43dd-bc93-6894a57f9324")))
        .build()
}
