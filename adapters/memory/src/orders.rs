//! Reads of orders, payments and withdrawals.

use async_trait::async_trait;
use p2p_application::order::{OrderFilter, OrderQueries};
use p2p_application::payment::PaymentQueries;
use p2p_application::ports::StorageError;
use p2p_application::withdrawal::{WithdrawalFilter, WithdrawalQueries};
use p2p_domain::{
    Account, AccountId, Order, OrderId, Payment, PaymentId, Withdrawal, WithdrawalId,
};

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
impl PaymentQueries for Memory {
    async fn find_payment(&self, id: PaymentId) -> Result<Option<Payment>, StorageError> {
        self.ask(|tables| {
            let mut payments = tables.payments.values();
            payments.find(|payment| payment.id == id).cloned()
        })
        .await
    }

    async fn find_account(&self, id: AccountId) -> Result<Option<Account>, StorageError> {
        self.ask(|tables| {
            let key = tables.account_ids.get(&id)?;
            tables.accounts.get(key).copied()
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
