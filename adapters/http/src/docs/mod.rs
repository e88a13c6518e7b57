//! The API's description, made from the handlers themselves.
//!
//! Handlers document what is their own. What all operations share is added here: the idempotency key of changes, the errors
//! that any operation with a token, a body, an id or a key may answer with, rate limits, the problem schema on every error, and
//! an example wherever there is none; and what may be left out is said to be no `null`.

mod errors;
mod keys;
mod limits;
mod optional;
mod proofs;
mod samples;

pub(crate) use errors::needs_token;

use axum::Router;
use axum::body::Bytes;
use axum::http::header;
use axum::routing::get;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{Components, OpenApi, PathItem, path::Operation};
use utoipa::{Modify, OpenApi as _};
use utoipa_axum::router::OpenApiRouter;
use utoipa_swagger_ui::{Config, SwaggerUi};

use self::errors::Errors;
use crate::app::App;
use crate::{
    audit_log, dispute, exchanger, listing, notification, offer, ops, order, payment,
    payment_report, push, second_factor, session, user, wallet, withdrawal,
};
use p2p_edge::ProblemBody;

const DESCRIPTION: &str = include_str!("description.md");

/// Where the description is served.
const OPENAPI_PATH: &str = "/api-docs/openapi.json";

const BEARER: &str = "bearer";

#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "p2p-market",
        license(name = "MIT OR Apache-2.0", identifier = "MIT OR Apache-2.0"),
    ),
    components(schemas(ProblemBody<'_>)),
    modifiers(&Security),
    tags(
        (name = user::TAG_AUTH, description = "Open an account, verify its e-mail address, get a new password. No token is \
            needed."),
        (name = session::TAG, description = "Log in, go on, log out; and where else one is logged in."),
        (name = second_factor::TAG, description = "Codes of an authenticator: asked for at every log-in of whoever uses one, and \
            of staff before they move money or rights."),
        (name = listing::TAG, description = "What exchangers offer: browse it, or publish your own."),
        (name = offer::TAG, description = "A customer's offer on a listing, and the deal that grows from it: \
            PENDING → APPROVED → PAYMENT_CONFIRMED → FINISHED, with the crypto in escrow from the first to the last."),
        (name = dispute::TAG, description = "Where the two sides of a deal disagree, a moderator decides."),
        (name = exchanger::TAG, description = "Online and offline, and the freeze of those who leave customers without \
            an answer."),
        (name = order::TAG, description = "What somebody buys and pays from the wallet: NEW → FINISHED or CANCELLED, once \
            the payment is decided."),
        (name = wallet::TAG, description = "The own balances, and everything that moved them."),
        (name = wallet::TAG_BILLING, description = "Deposits, withdrawals, and other people's balances."),
        (name = payment::TAG, description = "Money from account to account, booked at once, and what is on an account."),
        (name = notification::TAG, description = "What has happened to the own deals, in the own language; for moderators also \
            disputes and freezes, for administrators also withdrawals."),
        (name = push::TAG, description = "The same as it happens, as server-sent events or over a WebSocket."),
        (name = payment_report::TAG, description = "Payments outside, as payment providers report them."),
        (name = user::TAG, description = "Accounts of people, and what they may do."),
        (name = audit_log::TAG, description = "Who did what to which object, when and from where."),
        (name = ops::TAG, description = "For operators: up, ready, and what has been done."),
    )
)]
struct Api;

struct Security;

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

/// All documented routes, with their description as the handlers give it.
pub(crate) fn documented() -> OpenApiRouter<App> {
    OpenApiRouter::with_openapi(Api::openapi())
        .merge(user::routes())
        .merge(session::routes())
        .merge(second_factor::routes())
        .merge(audit_log::routes())
        .merge(listing::routes())
        .merge(offer::routes())
        .merge(dispute::routes())
        .merge(exchanger::routes())
        .merge(wallet::routes())
        .merge(notification::routes())
        .merge(order::routes())
        .merge(withdrawal::routes())
        .merge(payment::routes())
        .merge(push::routes())
        .merge(payment_report::routes())
        .merge(ops::routes())
}

/// The description, complete.
pub(crate) fn complete(mut api: OpenApi) -> OpenApi {
    let errors = Errors::new();
    let mut components = api.components.take().unwrap_or_default();
    errors.declare(&mut components);
    keys::declare(&mut components);
    limits::declare(&mut components);
    api.paths.paths.values_mut().for_each(keys::add);
    for operation in api.paths.paths.values_mut().flat_map(operations) {
        optional::describe(operation);
        if operation.security.is_none() {
            let bearer = SecurityRequirement::new(BEARER, Vec::<String>::new());
            operation.security = Some(vec![bearer]);
        }
        errors.add(operation);
        limits::add(operation);
        samples::add(operation, &components);
    }
    api.components = Some(components);
    api.info.description = Some([DESCRIPTION, &errors.table()].concat());
    api
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
