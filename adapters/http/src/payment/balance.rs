//! `GET /api/accounts/{account_id}/balance`.

use axum::Json;
use axum::extract::State;
use p2p_application::payment::account_balance;
use p2p_domain::AccountId;
use p2p_domain::Role;

use super::TAG;
use crate::app::App;
use crate::extract::{Auth, PathId};
use crate::policy::{Access, Policy};
use crate::problem::Problem;
use crate::wallet::BalanceView;
use crate::wire;

/// Get the balances of an account.
///
/// For its owner, MODERATOR and ADMIN: what is available and what is held.
#[utoipa::path(
    get,
    path = "/api/accounts/{account_id}/balance",
    tag = TAG,
    extensions(("x-policy" = json!(Policy::read(Access::owner_or(Role::Moderator))))),
    params(("account_id" = inline(wire::AccountId), Path)),
    responses(
        (status = 200, description = "The balances.", body = BalanceView),
        (status = 404, description = "`ACCOUNT_NOT_FOUND`: there is no such account, or it belongs to another user."),
    )
)]
pub(crate) async fn get_account_balance(
    State(app): State<App>,
    Auth(caller): Auth,
    PathId(account): PathId<AccountId>,
) -> Result<Json<BalanceView>, Problem> {
    let account = account_balance(app.market(), caller, account).await?;
    Ok(Json(account.into()))
}
