//! Looking at orders.

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

/// News may be lost: so often whoever waits looks for themself.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Which orders somebody wants to see.
#[derive(Debug, Clone, Copy, Default)]
pub struct OrderList {
    /// Whose; one's own if nothing is said.
    pub user: Option<UserId>,
    pub status: Option<OrderStatus>,
    pub after: Option<OrderId>,
    pub limit: u32,
}

/// An order: one's own, or anybody's for ADMIN. To others it does not exist.
pub async fn get_order(market: &Market, caller: Caller, id: OrderId) -> Result<Order, QueryError> {
    let order = with_timeout(market.queries().find_order(id)).await?;
    let visible =
        |order: &Order| order.purchase.user == caller.user || caller.require(Role::Admin).is_ok();
    let order = order.filter(visible);
    Ok(order.ok_or(Refusal::NotFound(Resource::Order))?)
}

/// Orders, newest first: one's own, or anybody's for ADMIN.
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

/// One's own order as soon as its payment is decided, or as it stands when the time is up.
pub async fn await_order(
    market: &Market,
    hub: &Hub,
    caller: Caller,
    id: OrderId,
    until: Instant,
) -> Result<Order, QueryError> {
    // Heard first, looked after: nothing falls between.
    let mut news = hub.watch(caller.user);
    loop {
        news.mark_seen();
        let order = get_order(market, caller, id).await?;
        let now = Instant::now();
        if order.status() != OrderStatus::New || now >= until {
            return Ok(order);
        }
        let _ = timeout_at(until.min(now + LOOK_EVERY), news.changed()).await;
    }
}
