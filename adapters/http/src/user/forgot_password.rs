//! `POST /api/auth/password/forgot`.

use axum::extract::State;
use axum::http::StatusCode;
use p2p_application::limits::Class;
use p2p_application::user::request_reset;
use p2p_domain::user::Email;

use super::{AddressRequest, TAG_AUTH};
use crate::app::App;
use crate::policy::{Access, Idempotency, Policy};
use crate::problem::Problem;
use p2p_edge::JsonBody;

/// Ask for a link for a new password.
///
/// Public: no access token is needed. The answer is the same whether the address has an account; nothing changes, so it
/// needs no idempotency key. The link is good once, within an hour.
#[utoipa::path(
    post,
    path = "/api/auth/password/forgot",
    tag = TAG_AUTH,
    extensions(("x-policy" = json!(
        Policy::change(Access::PUBLIC)
            .class(Class::Login)
            .idempotency(Idempotency::Repeatable)
    ))),
    request_body = AddressRequest,
    responses((status = 202, description = "If the address has an account, a mail is on its way."))
)]
pub(crate) async fn forgot_password(
    State(app): State<App>,
    JsonBody(body): JsonBody<AddressRequest>,
) -> Result<StatusCode, Problem> {
    request_reset(app.market(), &Email::new(&body.email)).await?;
    Ok(StatusCode::ACCEPTED)
}
