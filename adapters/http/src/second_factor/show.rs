//! `POST /api/auth/2fa/verify`.

use axum::Json;
use axum::extract::State;
use p2p_application::second_factor::verify;

use super::{CodeRequest, TAG};
use crate::app::App;
use crate::extract::{Auth, ClientOrigin};
use crate::policy::{Access, Idempotency, Policy};
use crate::problem::Problem;
use crate::session::view::AccessAnswer;
use p2p_edge::JsonBody;
use p2p_edge::run_to_completion;

/// Show the second factor.
///
/// For users who have one in use: before what asks for it (`SECOND_FACTOR_REQUIRED`). The new access token says that it was
/// shown, for ten minutes (a setting). A recovery code will do. The answer is a secret: it is kept nowhere, so there is no
/// idempotency key, and a code is good once.
#[utoipa::path(
    post,
    path = "/api/auth/2fa/verify",
    tag = TAG,
    extensions(("x-policy" = json!(
        Policy::change(Access::AUTHENTICATED)
            .idempotency(Idempotency::SecretAnswer)
    ))),
    request_body = CodeRequest,
    responses(
        (status = 200, description = "Shown: go on with this access token.", body = AccessAnswer),
        (
            status = 401,
            description = "`SECOND_FACTOR_WRONG`: not a code of it, or one that was used before. `UNAUTHENTICATED`: no token. \
                `INVALID_TOKEN`. `TOKEN_EXPIRED`. `SESSION_OVER`: it was ended."
        ),
        (status = 409, description = "`SECOND_FACTOR_NOT_ENROLLED`: none is in use."),
        (status = 429, description = "`TOO_MANY_ATTEMPTS`: too many have failed; `Retry-After` says how long to wait."),
    )
)]
pub(crate) async fn show_second_factor(
    State(app): State<App>,
    Auth(caller): Auth,
    ClientOrigin(origin): ClientOrigin,
    JsonBody(body): JsonBody<CodeRequest>,
) -> Result<Json<AccessAnswer>, Problem> {
    let showing = async move { verify(app.market(), caller, &body.code, origin).await };
    let access = run_to_completion(showing).await?;
    Ok(Json(access.into()))
}
