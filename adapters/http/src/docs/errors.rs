//! The errors that operations share, and a real problem as the example of every error.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use axum::http::StatusCode;
use serde_json::Value;
use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::path::{Operation, ParameterIn};
use utoipa::openapi::response::Response;
use utoipa::openapi::{Components, ContentBuilder, Ref, RefOr, ResponseBuilder};

use super::limits::is_limited;
use super::{is_public, keys};
use crate::policy::{Declared, StepUp};
use crate::problem::{Problem, catalogue};
use p2p_edge::problem::MEDIA_TYPE;

/// What an error of several operations is called, its status and its description.
struct Shared {
    name: &'static str,
    status: StatusCode,
    description: &'static str,
}

const fn shared(name: &'static str, status: StatusCode, description: &'static str) -> Shared {
    Shared {
        name,
        status,
        description,
    }
}

const INTERNAL: Shared = shared(
    "Internal",
    StatusCode::INTERNAL_SERVER_ERROR,
    "`INTERNAL`: a defect of the market.",
);
const TIMEOUT: Shared = shared(
    "Timeout",
    StatusCode::GATEWAY_TIMEOUT,
    "`TIMEOUT`: it took too long; a change may still take effect: send it again under the same idempotency key.",
);
const UNAVAILABLE: Shared = shared(
    "Unavailable",
    StatusCode::SERVICE_UNAVAILABLE,
    "`UNAVAILABLE`: storage is not available, nothing was changed. `BUSY`: too many requests are waiting, nothing was changed. Both \
     say in `Retry-After` when to try again. `OUTCOME_UNKNOWN`: the connection was lost during the commit; check whether it took effect before you \
     try again.",
);
const RATE_LIMITED: Shared = shared(
    "RateLimited",
    StatusCode::TOO_MANY_REQUESTS,
    "`RATE_LIMITED`: too many requests, by you or from your address; nothing was done. `Retry-After` says when to try again.",
);
const UNAUTHENTICATED: Shared = shared(
    "Unauthenticated",
    StatusCode::UNAUTHORIZED,
    "`UNAUTHENTICATED`: no token. `INVALID_TOKEN`. `TOKEN_EXPIRED`. `SESSION_OVER`: it was ended.",
);
const UNPROVED: Shared = shared(
    "Unproved",
    StatusCode::UNAUTHORIZED,
    "`UNAUTHENTICATED`: no token. `INVALID_TOKEN`. `TOKEN_EXPIRED`. `SESSION_OVER`: it was ended. `SECOND_FACTOR_REQUIRED`: \
     staff, and whoever the operator's settings ask it of, show the second factor within the ten minutes before this, at \
     `POST /api/auth/2fa/verify`.",
);
const TOO_LARGE: Shared = shared(
    "TooLarge",
    StatusCode::PAYLOAD_TOO_LARGE,
    "`PAYLOAD_TOO_LARGE`: more than 64 KiB.",
);
const TOO_SLOW: Shared = shared(
    "TooSlow",
    StatusCode::REQUEST_TIMEOUT,
    "`REQUEST_TIMEOUT`: the body did not come in time; nothing was done.",
);
const UNSUPPORTED: Shared = shared(
    "UnsupportedMediaType",
    StatusCode::UNSUPPORTED_MEDIA_TYPE,
    "`UNSUPPORTED_MEDIA_TYPE`: the body must be `application/json`, in UTF-8 and not compressed.",
);
const INVALID: Shared = shared(
    "Invalid",
    StatusCode::UNPROCESSABLE_ENTITY,
    "`VALIDATION_FAILED`, `MISSING_FIELD`, `WRONG_TYPE`, `UNKNOWN_FIELD`, `DUPLICATE_FIELD`: `errors` names the bad \
     fields, up to twenty.",
);
const BAD_ID: Shared = shared(
    "BadId",
    StatusCode::BAD_REQUEST,
    "`MALFORMED_ID`: not an id. `WRONG_ID_KIND`: the id of something else.",
);
const BAD_ID_OR_BODY: Shared = shared(
    "BadIdOrBody",
    StatusCode::BAD_REQUEST,
    "`MALFORMED_ID`: not an id. `WRONG_ID_KIND`: the id of something else. `MALFORMED_JSON`: the body is not JSON.",
);
const BAD_BODY: Shared = shared(
    "BadBody",
    StatusCode::BAD_REQUEST,
    "`MALFORMED_JSON`: the body is not JSON.",
);
const BAD_QUERY: Shared = shared(
    "BadQuery",
    StatusCode::BAD_REQUEST,
    "`INVALID_QUERY`: `errors` names every bad parameter. `INVALID_CURSOR`.",
);

const BAD_KEY_OR_ID: Shared = shared(
    "BadKeyOrId",
    StatusCode::BAD_REQUEST,
    "`MALFORMED_ID`: not an id. `WRONG_ID_KIND`: the id of something else. `IDEMPOTENCY_KEY_INVALID`: the key can't be used.",
);
const BAD_KEY_OR_BODY: Shared = shared(
    "BadKeyOrBody",
    StatusCode::BAD_REQUEST,
    "`MALFORMED_JSON`: the body is not JSON. `IDEMPOTENCY_KEY_INVALID`: the key can't be used. `IDEMPOTENCY_KEY_REQUIRED`: \
     there is none, where one is needed.",
);
const BAD_KEY_ID_OR_BODY: Shared = shared(
    "BadKeyIdOrBody",
    StatusCode::BAD_REQUEST,
    "`MALFORMED_ID`: not an id. `WRONG_ID_KIND`: the id of something else. `MALFORMED_JSON`: the body is not JSON. \
     `IDEMPOTENCY_KEY_INVALID`: the key can't be used.",
);
const KEY_REUSED: Shared = shared(
    "KeyReused",
    StatusCode::UNPROCESSABLE_ENTITY,
    "`IDEMPOTENCY_KEY_REUSED`: the key was used before, for another request.",
);
const KEY_REUSED_OR_INVALID: Shared = shared(
    "KeyReusedOrInvalid",
    StatusCode::UNPROCESSABLE_ENTITY,
    "`VALIDATION_FAILED`, `MISSING_FIELD`, `WRONG_TYPE`, `UNKNOWN_FIELD`, `DUPLICATE_FIELD`: `errors` names every bad \
     field. `IDEMPOTENCY_KEY_REUSED`: the key was used before, for another request.",
);

const ALL: [Shared; 19] = [
    INTERNAL,
    RATE_LIMITED,
    TIMEOUT,
    UNAVAILABLE,
    UNAUTHENTICATED,
    UNPROVED,
    TOO_LARGE,
    TOO_SLOW,
    UNSUPPORTED,
    INVALID,
    BAD_ID,
    BAD_ID_OR_BODY,
    BAD_BODY,
    BAD_QUERY,
    BAD_KEY_OR_ID,
    BAD_KEY_OR_BODY,
    BAD_KEY_ID_OR_BODY,
    KEY_REUSED,
    KEY_REUSED_OR_INVALID,
];

/// Real problems, by code.
pub(super) struct Errors(BTreeMap<String, Problem>);

impl Errors {
    pub(super) fn new() -> Self {
        let all = catalogue().into_iter();
        Self(
            all.map(|problem| (problem.code().to_owned(), problem))
                .collect(),
        )
    }

    /// Every code with its status and title, as a table in Markdown.
    pub(super) fn table(&self) -> String {
        let mut table = "\n### All codes\n\n| code | status | |\n|---|---|---|\n".to_owned();
        for (code, problem) in &self.0 {
            let status = problem.status().as_u16();
            let _ = writeln!(table, "| `{code}` | {status} | {} |", problem.title());
        }
        table
    }

    /// Describes the shared errors once.
    pub(super) fn declare(&self, components: &mut Components) {
        for one in ALL {
            let mut response = ResponseBuilder::new().description(one.description).build();
            self.describe(&mut response);
            give_header(one.status, &mut response);
            let name = one.name.to_owned();
            components.responses.insert(name, RefOr::T(response));
        }
    }

    /// Adds what follows from an operation's token, body, path and query, where the operation says nothing itself.
    pub(super) fn add(&self, operation: &mut Operation) {
        for one in shared_by(operation) {
            let reference = Ref::from_response_name(one.name);
            operation
                .responses
                .responses
                .entry(one.status.as_str().to_owned())
                .or_insert_with(|| RefOr::Ref(reference));
        }
        let has_key = keys::takes_one(operation);
        let limited = is_limited(operation);
        for (status, response) in &mut operation.responses.responses {
            if let RefOr::T(response) = response
                && status.starts_with(['4', '5'])
            {
                for (applies, one) in [(has_key, KEY_REUSED), (limited, RATE_LIMITED)] {
                    if applies && status == one.status.as_str() {
                        response.description += &format!(" {}", one.description);
                    }
                }
                self.describe(response);
                if limited && status == RATE_LIMITED.status.as_str() {
                    give_header(RATE_LIMITED.status, response);
                }
            }
        }
    }

    /// Every error is a problem; the first code that its description names is the example.
    fn describe(&self, response: &mut Response) {
        let code = response.description.split('`').nth(1).unwrap_or_default();
        let example = self.0.get(code).map(|problem| {
            let body = problem.body("0196a0c3f1a77b9e8d1c5a3b2f4e6d70");
            serde_json::to_value(body).unwrap_or(Value::Null)
        });
        let content = ContentBuilder::new()
            .schema(Some(Ref::from_schema_name("Problem")))
            .example(example)
            .build();
        response
            .content
            .insert(MEDIA_TYPE.to_owned(), RefOr::T(content));
    }
}

fn give_header(status: StatusCode, response: &mut Response) {
    if let Some((header, description)) = header_of(status) {
        let value = HeaderBuilder::new().description(Some(description)).build();
        response.headers.insert(header.to_owned(), RefOr::T(value));
    }
}

/// The header that a client needs with an error of this status.
const fn header_of(status: StatusCode) -> Option<(&'static str, &'static str)> {
    match status {
        StatusCode::UNAUTHORIZED => {
            Some(("WWW-Authenticate", "`Bearer`, and what was wrong with it."))
        }
        StatusCode::SERVICE_UNAVAILABLE => {
            Some(("Retry-After", "Seconds; with `BUSY` and `UNAVAILABLE`."))
        }
        StatusCode::TOO_MANY_REQUESTS => Some(("Retry-After", "Seconds; with `RATE_LIMITED`.")),
        _ => None,
    }
}

fn shared_by(operation: &Operation) -> Vec<Shared> {
    if !is_limited(operation) {
        return Vec::new();
    }
    let mut errors = vec![INTERNAL, TIMEOUT, UNAVAILABLE, RATE_LIMITED];
    if !is_public(operation) {
        errors.push(if takes_step_up(operation) {
            UNPROVED
        } else {
            UNAUTHENTICATED
        });
    }
    let has_body = operation.request_body.is_some();
    let has_key = keys::takes_one(operation);
    if has_body {
        errors.extend([TOO_LARGE, TOO_SLOW, UNSUPPORTED]);
    }
    errors.extend(match (has_key, has_body) {
        (true, true) => Some(KEY_REUSED_OR_INVALID),
        (true, false) => Some(KEY_REUSED),
        (false, true) => Some(INVALID),
        (false, false) => None,
    });
    let has_id = takes(operation, &ParameterIn::Path);
    let has_query = takes(operation, &ParameterIn::Query);
    errors.extend(match (has_id, has_body, has_query) {
        (true, true, _) if has_key => Some(BAD_KEY_ID_OR_BODY),
        (true, false, _) if has_key => Some(BAD_KEY_OR_ID),
        (false, true, _) if has_key => Some(BAD_KEY_OR_BODY),
        (true, true, _) => Some(BAD_ID_OR_BODY),
        (true, false, _) => Some(BAD_ID),
        (false, true, _) => Some(BAD_BODY),
        (false, false, true) => Some(BAD_QUERY),
        (false, false, false) => None,
    });
    errors
}

fn takes(operation: &Operation, place: &ParameterIn) -> bool {
    operation
        .parameters
        .iter()
        .flatten()
        .any(|parameter| match parameter {
            RefOr::T(parameter) => parameter.parameter_in == *place,
            RefOr::Ref(_) => false,
        })
}

fn takes_step_up(operation: &Operation) -> bool {
    Declared::of(operation).is_some_and(|policy| policy.step_up != StepUp::Never)
}
