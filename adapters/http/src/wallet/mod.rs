//! Wallets: what somebody owns, what moved it, and how money enters.

mod balances;
mod deposit;
mod export;
mod statement;
mod view;

pub(crate) use view::BalanceView;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;

pub(crate) const TAG: &str = "Wallet";
pub(crate) const TAG_BILLING: &str = "Billing";

/// The routes of wallets.
pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::default()
        .routes(routes!(balances::get_wallet))
        .routes(routes!(statement::list_wallet_entries))
        .routes(routes!(export::export_wallet_entries))
        .routes(routes!(deposit::deposit))
        .routes(routes!(balances::get_balance))
}
