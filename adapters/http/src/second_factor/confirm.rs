//! `POST /api/auth/2fa/confirm`.

use axum::Json;
use axum::extract::State;
use p2p_application::second_factor::confirm;
use serde::Serialize;
use utoipa::ToSchema;

use super::{CodeRequest, TAG};
use crate::app::App;
use crate::extract::{Auth, ClientOrigin};
use crate::policy::{Access, Idempotency, Policy};
use crate::problem::Problem;
use crate::session::view::AccessAnswer;
use p2p_edge::JsonBody;
use p2p_edge::run_to_completion;

/// The way in without the authenticator, and an access token that says that it was shown just now. Secrets: they are shown
/// here and nowhere else.
#[derive(Serialize, ToSchema)]
pub(crate) struct ConfirmAnswer {
    /// Each is valid once, in place of a code. Store them apart from the authenticator.
    #[schema(example = json!(["4f7k2-9x3mq-0ar8z-w1c5n"]))]
    recovery_codes: Vec<String>,
    #[serde(flatten)]
    access: AccessAnswer,
}

/// Confirm a second factor.
///
/// For users who have begun enrolment: with the first code of the authenticator it is in use, and from then on asked for at every
/// log-in. All other sessions end. The answer is a secret: it is kept nowhere, so there is no idempotency key.
#[utoipa::path(
    post,
    path = "/api/auth/2fa/confirm",
    tag = TAG,
    extensions(("x-policy" = json!(
        Policy::change(Access::AUTHENTICATED)
            .idempotency(Idempotency::SecretAnswer)
    ))),
    request_body = CodeRequest,
    responses(
        (status = 200, description = "The second factor is in use.", body = ConfirmAnswer),
        (
            status = 401,
            description = "`SECOND_FACTOR_WRONG`: not a code of it. `UNAUTHENTICATED`: no token. `INVALID_TOKEN`. \
                `TOKEN_EXPIRED`. `SESSION_OVER`: it was ended."
        ),
        (
            status = 409,
            description = "`SECOND_FACTOR_ACTIVE`: it is in use already. `SECOND_FACTOR_NOT_ENROLLED`: none was begun."
        ),
        (status = 429, description = "`TOO_MANY_ATTEMPTS`: too many have failed; `Retry-After` says how long to wait."),
    )
)]
pub(crate) async fn confirm_second_factor(
    State(app): State<App>,
    Auth(caller): Auth,
    ClientOrigin(origin): ClientOrigin,
    JsonBody(body): JsonBody<CodeRequest>,
) -> Result<Json<ConfirmAnswer>, Problem> {
    let confirming = async move { confirm(app.market(), caller, &body.code, origin).await };
    let confirmed = run_to_completion(confirming).await?;
    Ok(Json(ConfirmAnswer {
        recovery_codes: confirmed.codes.0,
        access: confirmed.access.into(),
    }))
}
