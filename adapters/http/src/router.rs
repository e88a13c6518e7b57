//! The router: the one place that knows all nouns and puts their routes together.

use axum::Router;
use axum::middleware::from_fn_with_state;
use p2p_application::Market;
use p2p_edge::{ProblemBody, ProblemDetails};
use utoipa::OpenApi as _;
use utoipa_axum::router::OpenApiRouter;

use crate::app::App;
use crate::docs::Security;
use crate::policy::Policies;
use crate::server_state::ServerState;
use crate::settings::HttpSettings;
use crate::{
    audit_log, dispute, docs, exchanger, listing, middleware, notification, offer, ops, order,
    payment, payment_report, push, second_factor, session, user, wallet, withdrawal,
};

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
        (name = session::TAG, description = "Log in, refresh, log out; and the caller's other sessions."),
        (name = second_factor::TAG, description = "Codes of an authenticator: required at every log-in of users who have one, and \
            of staff before they move money or rights."),
        (name = listing::TAG, description = "What exchangers offer: browse it, or publish your own."),
        (name = offer::TAG, description = "A customer's offer on a listing, and the deal that grows from it: \
            PENDING → APPROVED → PAYMENT_CONFIRMED → FINISHED, with the crypto in escrow from the first to the last."),
        (name = dispute::TAG, description = "Where the two sides of a deal disagree, a moderator decides."),
        (name = exchanger::TAG, description = "Online and offline, and the freeze of those who leave customers without \
            an answer."),
        (name = order::TAG, description = "Orders that a customer pays from the wallet: NEW → FINISHED or CANCELLED, once \
            the payment is decided."),
        (name = wallet::TAG, description = "The caller's balances, and everything that moved them."),
        (name = wallet::TAG_BILLING, description = "Deposits, withdrawals, and the balances of other users."),
        (name = payment::TAG, description = "Money from account to account, booked at once, and what is on an account."),
        (name = notification::TAG, description = "What has happened to the caller's deals, in the caller's language; for moderators also \
            disputes and freezes, for administrators also withdrawals."),
        (name = push::TAG, description = "The same as it happens, as server-sent events or over a WebSocket."),
        (name = payment_report::TAG, description = "Payments outside the market, as payment providers report them."),
        (name = user::TAG, description = "Accounts and their roles."),
        (name = audit_log::TAG, description = "Who did what to which object, when and from where."),
        (name = ops::TAG, description = "For operators: liveness, readiness and metrics."),
    )
)]
struct Api;

/// All documented routes, with their description as the handlers give it.
fn documented() -> OpenApiRouter<App> {
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

/// The whole API of a running market, with its documentation.
pub fn router(market: Market, settings: HttpSettings, state: ServerState) -> Router {
    let cors = middleware::cors(&settings.cors);
    let (routes, api) = documented().split_for_parts();
    let app = App::new(market, settings, state, Policies::of(&api));
    let router = routes
        .merge(docs::pages(&docs::complete(api)))
        .fallback(no_such_route)
        .layer(from_fn_with_state(app.clone(), middleware::outer))
        .with_state(app.clone());
    match cors {
        Some(cors) => router
            .layer(cors)
            .layer(from_fn_with_state(app, middleware::covered)),
        None => router,
    }
}

/// The description of the API.
#[must_use]
pub fn openapi() -> utoipa::openapi::OpenApi {
    docs::complete(documented().into_openapi())
}

/// The description of the API as it is published: pretty JSON that is the same every time, with a newline at its end.
#[must_use]
pub fn openapi_json() -> String {
    docs::to_json(&openapi())
}

async fn no_such_route() -> ProblemDetails {
    ProblemDetails::no_such_route()
}
