//! `POST /api/auth/verify-email/resend`.

use axum::extract::State;
use axum::http::StatusCode;
use p2p_application::limits::Class;
use p2p_application::user::request_verification;
use p2p_domain::user::Email;

use super::{AddressRequest, TAG_AUTH};
use crate::app::App;
use crate::policy::{Access, Idempotency, Policy};
use crate::problem::Problem;
use p2p_edge::JsonBody;

/// Ask for the mail with the link again.
///
/// Public: no access token is needed. The answer is the same whether the address has an account, and whether it is
/// verified already; nothing changes, so it needs no idempotency key.
#[utoipa::path(
    post,
    path = "/api/auth/verify-email/resend",
    tag = TAG_AUTH,
    extensions(("x-policy" = json!(
        Policy::change(Access::PUBLIC)
            .class(Class::Login)
            .idempotency(Idempotency::Repeatable)
    ))),
    request_body = AddressRequest,
    responses((status = 202, description = "If there is anything to verify, a mail is on its way."))
)]
pub(crate) async fn resend_verification(
    State(app): State<App>,
    JsonBody(body): JsonBody<AddressRequest>,
) -> Result<StatusCode, Problem> {
    request_verification(app.market(), &Email::new(&body.email)).await?;
    Ok(StatusCode::ACCEPTED)
}
