//! Reading orders.

use std::time::Duration;

use p2p_domain::order::OrderStatus;
use p2p_domain::refusal::Resource;
use p2p_domain::user::Caller;
use p2p_domain::{Order, OrderId, Refusal, Role, UserId};
use tokio::time::{Instant, timeout_at};

use super::ports::OrderFilter;
use crate::notification::Hub;
use crate::timeout::with_timeout;
use crate::{MAX_PAGE, Market, Page, QueryError};

/// Broadcasts may be lost, so a waiting caller also reads at this interval.
const POLL_INTERVAL: Duration = Duration::from_millis(500);

/// Which orders to list.
#[derive(Debug, Clone, Copy, Default)]
pub struct OrderList {
    /// The buyer; `None`: the caller.
    pub user: Option<UserId>,
    pub status: Option<OrderStatus>,
    pub after: Option<OrderId>,
    pub limit: u32,
}

/// An order. For its buyer and for ADMIN; for other users it does not exist.
pub async fn get_order(market: &Market, caller: Caller, id: OrderId) -> Result<Order, QueryError> {
    let order = with_timeout(market.queries().find_order(id)).await?;
    let visible =
        |order: &Order| order.purchase.user == caller.user || caller.require(Role::Admin).is_ok();
    let order = order.filter(visible);
    Ok(order.ok_or(Refusal::NotFound(Resource::Order))?)
}

/// Orders of one user, newest first. For the user and for ADMIN.
pub async fn list_orders(
    market: &Market,
    caller: Caller,
    list: OrderList,
) -> Result<Page<Order>, QueryError> {
    let user = list.user.unwrap_or(caller.user);
    if user != caller.user {
        caller.require(Role::Admin)?;
    }
    let limit = list.limit.clamp(1, MAX_PAGE);
    let filter = OrderFilter {
        user: Some(user),
        status: list.status,
        after: list.after,
        limit: limit + 1,
    };
    let rows = market.queries().list_orders(&filter).await?;
    Ok(Page::of(rows, limit))
}

/// The caller's order as soon as its payment is decided, or in its present state at `until`.
pub async fn await_order(
    market: &Market,
    hub: &Hub,
    caller: Caller,
    id: OrderId,
    until: Instant,
) -> Result<Order, QueryError> {
    // Watches first and reads afterwards, so that no change falls between.
    let mut watch = hub.watch(caller.user);
    loop {
        watch.mark_seen();
        let order = get_order(market, caller, id).await?;
        let now = Instant::now();
        if order.status() != OrderStatus::New || now >= until {
            return Ok(order);
        }
        let _ = timeout_at(until.min(now + POLL_INTERVAL), watch.changed()).await;
    }
}
