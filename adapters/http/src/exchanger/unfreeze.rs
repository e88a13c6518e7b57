//! `POST /api/p2p/exchanger/{exchanger_id}/unfreeze`.

use axum::extract::State;
use axum::response::Response;
use p2p_application::exchanger::UnfreezeExchanger;
use p2p_domain::Role;
use p2p_domain::UserId;

use super::TAG;
use super::view::ExchangerAnswer;
use crate::app::App;
use crate::extract::{Auth, PathId};
use crate::idempotency::{Idempotent, NoBody, ok};
use crate::policy::{Access, Policy, StepUp};
use crate::problem::Problem;
use crate::wire;

/// Lift a freeze.
///
/// For MODERATOR, and not for oneself. The count of unanswered offers starts anew; the listings stay paused until their
/// owner resumes them. Where there is no freeze, nothing happens. No body is needed.
#[utoipa::path(
    post,
    path = "/api/p2p/exchanger/{exchanger_id}/unfreeze",
    tag = TAG,
    extensions(("x-policy" = json!(
        Policy::change(Access::not_owner_with(Role::Moderator))
            .step_up(StepUp::Required)
    ))),
    params(("exchanger_id" = inline(wire::UserId), Path)),
    responses(
        (status = 200, description = "The exchanger is not frozen (any more).", body = ExchangerAnswer, example = json!({
            "exchanger_id": "user_01jt0c7kq5e8tvb1y9m3x4z6wa",
            "online": true,
            "message": "Exchanger unfrozen"
        })),
        (status = 403, description = "`ROLE_REQUIRED`: MODERATOR. `CONFLICT_OF_INTEREST`: the own account."),
        (status = 404, description = "`EXCHANGER_NOT_FOUND`"),
    )
)]
pub(crate) async fn unfreeze_exchanger(
    State(app): State<App>,
    Auth(caller): Auth,
    PathId(exchanger): PathId<UserId>,
    Idempotent(NoBody, once): Idempotent<NoBody>,
) -> Result<Response, Problem> {
    let command = UnfreezeExchanger { caller, exchanger };
    once.carry_out(&app, caller, command, |exchanger| {
        ok(&ExchangerAnswer::of(&exchanger, "Exchanger unfrozen"))
    })
    .await
}
