//! `POST /api/auth/2fa/recovery-codes`.

use axum::Json;
use axum::extract::State;
use p2p_application::second_factor::renew_recovery_codes as renew;
use serde::Serialize;
use utoipa::ToSchema;

use super::TAG;
use crate::app::App;
use crate::extract::Auth;
use crate::policy::{Access, Idempotency, Policy, StepUp};
use crate::problem::Problem;
use p2p_edge::run_to_completion;

/// The way in without the authenticator. Secrets: they are shown here and nowhere else.
#[derive(Serialize, ToSchema)]
pub(crate) struct RecoveryCodesAnswer {
    /// Each is valid once, in place of a code.
    #[schema(example = json!(["4f7k2-9x3mq-0ar8z-w1c5n"]))]
    recovery_codes: Vec<String>,
}

/// Get new recovery codes.
///
/// For users who have shown the second factor within the last ten minutes (a setting). All codes before are worth nothing, and
/// a mail tells of it. The answer is a secret: it is kept nowhere, so there is no idempotency key.
#[utoipa::path(
    post,
    path = "/api/auth/2fa/recovery-codes",
    tag = TAG,
    extensions(("x-policy" = json!(
        Policy::change(Access::AUTHENTICATED)
            .idempotency(Idempotency::SecretAnswer)
            .step_up(StepUp::Required)
    ))),
    responses(
        (status = 200, description = "The new codes.", body = RecoveryCodesAnswer),
        (status = 409, description = "`SECOND_FACTOR_NOT_ENROLLED`: none is in use."),
    )
)]
pub(crate) async fn renew_recovery_codes(
    State(app): State<App>,
    Auth(caller): Auth,
) -> Result<Json<RecoveryCodesAnswer>, Problem> {
    let codes = run_to_completion(async move { renew(app.market(), caller).await }).await?;
    Ok(Json(RecoveryCodesAnswer {
        recovery_codes: codes.0,
    }))
}
