//! Reads of orders and withdrawals.

use application::ports::{
    OrderFilter, OrderQueries, StorageError, WithdrawalFilter, WithdrawalQueries,
};
use async_trait::async_trait;
use domain::{Order, OrderId, Withdrawal, WithdrawalId};

use crate::queries::take;
use crate::store::Memory;

#[async_trait]
impl OrderQueries for Memory {
    async fn find_order(&self, id: OrderId) -> Result<Option<Order>, StorageError> {
        self.ask(|tables| tables.orders.get(&id).cloned()).await
    }

    async fn list_orders(&self, filter: &OrderFilter) -> Result<Vec<Order>, StorageError> {
        let fits = |order: &Order| {
            filter.user.is_none_or(|user| order.purchase.user == user)
                && filter.status.is_none_or(|status| order.status() == status)
                && filter.after.is_none_or(|after| order.id < after)
        };
        self.ask(|tables| {
            let newest_first = tables.orders.values().rev();
            take(newest_first.filter(|row| fits(row)).cloned(), filter.limit)
        })
        .await
    }
}

#[async_trait]
impl WithdrawalQueries for Memory {
    async fn find_withdrawal(&self, id: WithdrawalId) -> Result<Option<Withdrawal>, StorageError> {
        self.ask(|tables| tables.withdrawals.get(&id).cloned())
            .await
    }

    async fn list_withdrawals(
        &self,
        filter: &WithdrawalFilter,
    ) -> Result<Vec<Withdrawal>, StorageError> {
        let fits = |row: &Withdrawal| {
            filter.user.is_none_or(|user| row.user == user)
                && filter.status.is_none_or(|status| row.status() == status)
                && filter.after.is_none_or(|after| row.id < after)
        };
        self.ask(|tables| {
            let newest_first = tables.withdrawals.values().rev();
            take(newest_first.filter(|row| fits(row)).cloned(), filter.limit)
        })
        .await
    }
}
