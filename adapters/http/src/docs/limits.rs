//! Rate limits: their headers and their refusal, described once, on every operation that is limited.

use utoipa::openapi::header::{Header, HeaderBuilder};
use utoipa::openapi::path::Operation;
use utoipa::openapi::schema::{ObjectBuilder, SchemaType, Type};
use utoipa::openapi::{Components, Ref, RefOr};

use crate::policy::Declared;

/// The headers of every answer of such an operation, as they are called in the description.
const HEADERS: [(&str, &str, &str); 2] = [
    (
        "RateLimit-Policy",
        "The limit that is closest to being used up: `q` requests at once, all of which are there again after `w` seconds. \
         Left out where the operator has set none.",
        "^\"[a-z]+\";q=[0-9]+;w=[0-9]+$",
    ),
    (
        "RateLimit",
        "What is left of it: `r` requests; all that there are, after `t` seconds.",
        "^\"[a-z]+\";r=[0-9]+;t=[0-9]+$",
    ),
];

/// Describes the headers once.
pub(super) fn declare(components: &mut Components) {
    for (name, description, pattern) in HEADERS {
        let header = header(description, pattern);
        components.headers.insert(name.to_owned(), RefOr::T(header));
    }
    for response in components.responses.values_mut() {
        if let RefOr::T(response) = response {
            response.headers.extend(references());
        }
    }
}

/// Whether an operation is limited.
pub(super) fn is_limited(operation: &Operation) -> bool {
    Declared::of(operation).is_some_and(|policy| policy.class.is_some())
}

/// Adds them to the answers of an operation, where it is limited.
pub(super) fn add(operation: &mut Operation) {
    if !is_limited(operation) {
        return;
    }
    for response in operation.responses.responses.values_mut() {
        if let RefOr::T(response) = response {
            response.headers.extend(references());
        }
    }
}

fn references() -> impl Iterator<Item = (String, RefOr<Header>)> {
    HEADERS.iter().map(|(name, ..)| {
        let reference = Ref::new(format!("#/components/headers/{name}"));
        ((*name).to_owned(), RefOr::Ref(reference))
    })
}

fn header(description: &str, pattern: &str) -> Header {
    let schema = ObjectBuilder::new()
        .schema_type(SchemaType::Type(Type::String))
        .pattern(Some(pattern));
    HeaderBuilder::new()
        .description(Some(description))
        .schema(Some(schema))
        .build()
}
