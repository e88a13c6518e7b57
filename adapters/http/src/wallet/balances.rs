//! `GET /api/wallet` and `GET /api/billing/balance/{user_id}`.

use axum::Json;
use axum::extract::State;
use p2p_application::wallet::balances;
use p2p_domain::Role;
use p2p_domain::UserId;

use super::view::WalletView;
use super::{TAG, TAG_BILLING};
use crate::app::App;
use crate::extract::{Auth, PathId};
use crate::policy::{Access, Policy};
use crate::problem::Problem;
use crate::wire;

/// Look into the own wallet.
///
/// For any authenticated user: what is available and what is held in escrow, in every asset.
#[utoipa::path(
    get,
    path = "/api/wallet",
    tag = TAG,
    extensions(("x-policy" = json!(Policy::read(Access::AUTHENTICATED)))),
    responses(
        (status = 200, description = "The balances.", body = WalletView),
        (status = 404, description = "`USER_NOT_FOUND`: the token is good, but the account is gone."),
    )
)]
pub(crate) async fn get_wallet(
    State(app): State<App>,
    Auth(caller): Auth,
) -> Result<Json<WalletView>, Problem> {
    let accounts = balances(app.market(), caller, caller.user).await?;
    Ok(Json(WalletView::of(caller.user, accounts)))
}

/// Get the balances of a user.
///
/// For ADMIN, and for the user.
#[utoipa::path(
    get,
    path = "/api/billing/balance/{user_id}",
    tag = TAG_BILLING,
    extensions(("x-policy" = json!(Policy::read(Access::owner_or(Role::Admin))))),
    params(("user_id" = inline(wire::UserId), Path)),
    responses(
        (status = 200, description = "The balances.", body = WalletView),
        (status = 403, description = "`ROLE_REQUIRED`: ADMIN, to see another user."),
        (status = 404, description = "`USER_NOT_FOUND`"),
    )
)]
pub(crate) async fn get_balance(
    State(app): State<App>,
    Auth(caller): Auth,
    PathId(user): PathId<UserId>,
) -> Result<Json<WalletView>, Problem> {
    let accounts = balances(app.market(), caller, user).await?;
    Ok(Json(WalletView::of(user, accounts)))
}
