//! `POST /api/auth/2fa/enroll`.

use axum::Json;
use axum::extract::State;
use p2p_application::limits::Class;
use p2p_application::ports::Enrolment;
use p2p_application::second_factor::enrol;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use validator::Validate;

use super::TAG;
use crate::app::App;
use crate::extract::{Auth, ClientOrigin};
use crate::policy::{Access, Idempotency, Policy};
use crate::problem::Problem;
use p2p_edge::JsonBody;
use p2p_edge::run_to_completion;

/// The proof that it is the owner who asks.
#[derive(Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"password": "correct horse battery"}))]
pub(crate) struct EnrolRequest {
    #[validate(length(min = 1, max = 200))]
    #[schema(min_length = 1, max_length = 200, format = "password")]
    password: String,
}

/// What an authenticator needs. Secrets: they are shown here and nowhere else.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({
    "secret": "JBSWY3DP…",
    "uri": "otpauth://totp/p2p-market:ada@example.com?secret=JBSWY3DP…",
    "qr_svg": "<svg>…</svg>"
}))]
pub(crate) struct EnrolAnswer {
    /// In base 32, to be typed in.
    secret: String,
    /// For authenticators on the same device.
    uri: String,
    /// The same as a QR code, to be scanned: an SVG image.
    qr_svg: String,
}

impl From<Enrolment> for EnrolAnswer {
    fn from(enrolment: Enrolment) -> Self {
        Self {
            secret: enrolment.secret,
            uri: enrolment.uri,
            qr_svg: enrolment.qr_svg,
        }
    }
}

/// Begin a second factor.
///
/// For any authenticated user who knows the password. The answer is for an authenticator (TOTP, RFC 6238); nothing is asked
/// for before `POST /api/auth/2fa/confirm` has seen its first code. Asked again, the secret before is worth nothing. A wrong
/// password counts like a log-in that failed. The answer is a secret: it is kept nowhere, so there is no idempotency key.
#[utoipa::path(
    post,
    path = "/api/auth/2fa/enroll",
    tag = TAG,
    extensions(("x-policy" = json!(
        Policy::change(Access::AUTHENTICATED)
            .class(Class::Login)
            .idempotency(Idempotency::SecretAnswer)
    ))),
    request_body = EnrolRequest,
    responses(
        (status = 200, description = "Begun: confirm it.", body = EnrolAnswer),
        (
            status = 401,
            description = "`BAD_CREDENTIALS`: the password is another one. `UNAUTHENTICATED`: no token. `INVALID_TOKEN`. \
                `TOKEN_EXPIRED`. `SESSION_OVER`: it was ended."
        ),
        (status = 409, description = "`SECOND_FACTOR_ACTIVE`: remove it first."),
        (status = 429, description = "`TOO_MANY_ATTEMPTS`: too many have failed; `Retry-After` says how long to wait."),
    )
)]
pub(crate) async fn enrol_second_factor(
    State(app): State<App>,
    Auth(caller): Auth,
    ClientOrigin(origin): ClientOrigin,
    JsonBody(body): JsonBody<EnrolRequest>,
) -> Result<Json<EnrolAnswer>, Problem> {
    let enrolling = async move { enrol(app.market(), caller, body.password, origin).await };
    let enrolment = run_to_completion(enrolling).await?;
    Ok(Json(enrolment.into()))
}
