//! How orders are read from storage.

use async_trait::async_trait;
use p2p_domain::order::OrderStatus;
use p2p_domain::{Order, OrderId, UserId};

use crate::ports::StorageError;

/// Which orders to list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OrderFilter {
    /// Only this user's; `None`: all users'.
    pub user: Option<UserId>,
    pub status: Option<OrderStatus>,
    pub after: Option<OrderId>,
    pub limit: u32,
}

/// Orders.
#[async_trait]
pub trait OrderQueries: Send + Sync {
    async fn find_order(&self, id: OrderId) -> Result<Option<Order>, StorageError>;

    /// By id, newest first.
    async fn list_orders(&self, filter: &OrderFilter) -> Result<Vec<Order>, StorageError>;
}
