//! The API's description, made from the handlers themselves.
//!
//! Handlers document what is their own, and declare their policy. What all operations share is added here, by that policy: the idempotency key of changes, the errors
//! that any operation with a token, a body, an id or a key may answer with, rate limits, the problem schema on every error, and
//! an example wherever there is none; and what may be left out is said to be no `null`.

mod errors;
mod keys;
mod limits;
mod optional;
mod samples;

use axum::Router;
use axum::body::Bytes;
use axum::http::header;
use axum::routing::get;
use utoipa::Modify;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{Components, OpenApi, PathItem, path::Operation};
use utoipa_swagger_ui::{Config, SwaggerUi};

use self::errors::Errors;
use crate::app::App;
use crate::policy::Declared;

const DESCRIPTION: &str = include_str!("description.md");

/// Where the description is served.
const OPENAPI_PATH: &str = "/api-docs/openapi.json";

const BEARER: &str = "bearer";

/// Describes the access token.
pub(crate) struct Security;

impl Modify for Security {
    fn modify(&self, api: &mut OpenApi) {
        let scheme = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .bearer_format("JWT")
            .description(Some(
                "The `access_token` that `POST /api/auth/login` answers with.",
            ))
            .build();
        api.components
            .get_or_insert_with(Components::new)
            .add_security_scheme(BEARER, SecurityScheme::Http(scheme));
    }
}

/// The description, complete.
pub(crate) fn complete(mut api: OpenApi) -> OpenApi {
    let errors = Errors::new();
    let mut components = api.components.take().unwrap_or_default();
    errors.declare(&mut components);
    keys::declare(&mut components);
    limits::declare(&mut components);
    for operation in api.paths.paths.values_mut().flat_map(operations) {
        keys::add(operation);
        optional::describe(operation);
        operation.security = Some(vec![if is_public(operation) {
            SecurityRequirement::default()
        } else {
            SecurityRequirement::new(BEARER, Vec::<String>::new())
        }]);
        errors.add(operation);
        limits::add(operation);
        samples::add(operation, &components);
    }
    api.components = Some(components);
    api.info.description = Some([DESCRIPTION, &errors.table()].concat());
    api
}

fn is_public(operation: &Operation) -> bool {
    Declared::of(operation).is_some_and(|policy| policy.public)
}

/// The operations of a path.
fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    [
        &mut item.get,
        &mut item.put,
        &mut item.post,
        &mut item.delete,
        &mut item.patch,
    ]
    .into_iter()
    .flatten()
}

/// The description as text, ready to be committed: pretty, always the same, with a newline at its end.
pub(crate) fn to_json(api: &OpenApi) -> String {
    // The description's own map keeps the order in which it is built, which is always the same.
    api.to_pretty_json().unwrap_or_default() + "\n"
}

/// Swagger UI and the description that it shows.
pub(crate) fn pages(api: &OpenApi) -> Router<App> {
    let json = Bytes::from(to_json(api));
    let config = Config::from(OPENAPI_PATH)
        .persist_authorization(true)
        .try_it_out_enabled(true)
        .display_request_duration(true)
        .display_operation_id(true)
        .filter(true)
        .doc_expansion("list")
        .default_models_expand_depth(0);
    let openapi = move || {
        let json = json.clone();
        async move { ([(header::CONTENT_TYPE, "application/json")], json) }
    };
    Router::new()
        .merge(SwaggerUi::new("/swagger-ui").config(config))
        .route(OPENAPI_PATH, get(openapi))
}

#[cfg(test)]
mod tests;
