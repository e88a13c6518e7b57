//! The errors that operations share, and the problem schema on every error.

use axum::http::StatusCode;
use serde_json::{Value, json};
use utoipa::openapi::path::{Operation, Parameter, ParameterIn};
use utoipa::openapi::response::Response;
use utoipa::openapi::{ContentBuilder, Ref, RefOr, ResponseBuilder};

use crate::ops;
use crate::problem::MEDIA_TYPE;

/// Adds what follows from an operation's token, body, path and query, where the operation says nothing itself.
pub(super) fn add(operation: &mut Operation) {
    for (status, description) in shared(operation) {
        operation
            .responses
            .responses
            .entry(status.as_u16().to_string())
            .or_insert_with(|| RefOr::T(ResponseBuilder::new().description(description).build()));
    }
    for (status, response) in &mut operation.responses.responses {
        if let RefOr::T(response) = response
            && status.starts_with(['4', '5'])
        {
            describe(status, response);
        }
    }
}

fn shared(operation: &Operation) -> Vec<(StatusCode, String)> {
    use StatusCode as S;
    if operation.tags.iter().flatten().any(|tag| tag == ops::TAG) {
        return Vec::new();
    }
    let changes = operation.request_body.is_some();
    let mut errors: Vec<(StatusCode, &str)> = vec![
        (S::INTERNAL_SERVER_ERROR, "`INTERNAL`: a defect of ours."),
        (
            S::GATEWAY_TIMEOUT,
            "`TIMEOUT`: it took too long; a change may still take effect.",
        ),
        (
            S::SERVICE_UNAVAILABLE,
            "`UNAVAILABLE`: storage is away, nothing was changed. `BUSY`: too many requests are waiting, nothing was \
             changed. Both say in `Retry-After` when to try again. `OUTCOME_UNKNOWN`: the connection was lost during \
             the commit; look before you try again.",
        ),
    ];
    if needs_token(operation) {
        errors.push((
            S::UNAUTHORIZED,
            "`UNAUTHENTICATED`: no token. `INVALID_TOKEN`. `TOKEN_EXPIRED`.",
        ));
    }
    if changes {
        errors.push((
            S::PAYLOAD_TOO_LARGE,
            "`PAYLOAD_TOO_LARGE`: more than 64 KiB.",
        ));
        errors.push((
            S::UNSUPPORTED_MEDIA_TYPE,
            "`UNSUPPORTED_MEDIA_TYPE`: the body must be `application/json`.",
        ));
        errors.push((
            S::UNPROCESSABLE_ENTITY,
            "`VALIDATION_FAILED`, `MISSING_FIELD`, `WRONG_TYPE`, `UNKNOWN_FIELD`, `DUPLICATE_FIELD`: `errors` names \
             every bad field.",
        ));
    }
    let mut all: Vec<_> = errors
        .into_iter()
        .map(|(status, text)| (status, text.to_owned()))
        .collect();
    all.extend(bad_request(operation, changes).map(|text| (S::BAD_REQUEST, text)));
    all
}

fn bad_request(operation: &Operation, has_body: bool) -> Option<String> {
    let has = |wanted: &ParameterIn| {
        let parameters = operation.parameters.iter().flatten();
        parameters
            .filter_map(|parameter| match parameter {
                RefOr::T(parameter) => Some(parameter),
                RefOr::Ref(_) => None,
            })
            .any(|parameter: &Parameter| parameter.parameter_in == *wanted)
    };
    let mut why = Vec::new();
    if has(&ParameterIn::Path) {
        why.push("`MALFORMED_ID`: not an id. `WRONG_ID_KIND`: the id of something else.");
    }
    if has(&ParameterIn::Query) {
        why.push("`INVALID_QUERY`: `errors` names every bad parameter. `INVALID_CURSOR`.");
    }
    if has_body {
        why.push("`MALFORMED_JSON`: the body is not JSON.");
    }
    (!why.is_empty()).then(|| why.join(" "))
}

/// Open operations say so by an empty requirement.
pub(super) fn needs_token(operation: &Operation) -> bool {
    let requirements = operation.security.iter().flatten();
    let empty = utoipa::openapi::security::SecurityRequirement::default();
    !requirements.into_iter().any(|one| *one == empty)
}

/// Every error is a problem.
fn describe(status: &str, response: &mut Response) {
    if !response.content.is_empty() {
        return;
    }
    let code = response.description.split('`').nth(1).unwrap_or("INTERNAL");
    let content = ContentBuilder::new()
        .schema(Some(Ref::from_schema_name("Problem")))
        .example(Some(example(status, code)))
        .build();
    response
        .content
        .insert(MEDIA_TYPE.to_owned(), RefOr::T(content));
}

fn example(status: &str, code: &str) -> Value {
    let status: u16 = status.parse().unwrap_or(500);
    let reason = StatusCode::from_u16(status)
        .ok()
        .and_then(|status| status.canonical_reason());
    json!({
        "type": format!("urn:p2p-market:problem:{code}"),
        "title": reason,
        "status": status,
        "detail": "what happened, in a sentence",
        "code": code,
        "request_id": "0196a0c3f1a77b9e8d1c5a3b2f4e6d70"
    })
}
