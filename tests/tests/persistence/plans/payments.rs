//! Payments, and the accounts between which they go.

use anyhow::Result;
use p2p_application::payment::PaymentQueries;
use p2p_application::ports::{SnapshotQuery, Store};
use p2p_domain::payment::PaymentOrigin;
use p2p_domain::{AccountId, OrderId, Payment, PaymentId, TypedId};

use super::counter::Counter;
use super::market::{ACCOUNT, ORDER, PAYMENT, user};

/// As a batch of a few dozen commands would name them; others at each turn.
fn picks(turn: usize) -> impl Iterator<Item = u128> {
    (1..=30).map(move |i| i * 97 + 7 * turn as u128)
}

fn of_callers(turn: usize) -> Vec<PaymentOrigin> {
    let origins = picks(turn).map(|i| {
        let i = i * 2 + 1;
        PaymentOrigin::Caller {
            user: user(i % 5_000),
            key: format!("key {i}"),
        }
    });
    let mut origins: Vec<_> = origins.collect();
    origins.sort_unstable();
    origins
}

fn of_orders(turn: usize) -> Vec<PaymentOrigin> {
    let orders = picks(turn).map(|i| OrderId::from_u128(ORDER + i * 2));
    orders.map(PaymentOrigin::Order).collect()
}

/// The first account of each of so many people.
fn accounts(turn: usize) -> Vec<AccountId> {
    picks(turn)
        .map(|i| AccountId::from_u128(ACCOUNT + i * 16 + 1))
        .collect()
}

/// All of it as a look finds it.
pub(crate) fn snapshot_query(turn: usize) -> SnapshotQuery {
    SnapshotQuery {
        payments: [of_orders(turn), of_callers(turn)].concat(),
        accounts: accounts(turn),
        ..SnapshotQuery::default()
    }
}

pub(crate) async fn queries(counter: &Counter) -> Result<()> {
    let payment = PaymentId::from_u128(PAYMENT + 15_000);
    counter
        .check("find_payment", 12, 1, async |db| {
            Ok(db.find_payment(payment).await?.into_iter().collect())
        })
        .await?;
    let account = AccountId::from_u128(ACCOUNT + 3_000 * 16 + 2);
    counter
        .check("find_account", 12, 1, async |db| {
            Ok(db.find_account(account).await?.into_iter().collect())
        })
        .await
}

pub(crate) async fn locks(counter: &Counter) -> Result<()> {
    for (what, origins) in [("callers", of_callers(0)), ("orders", of_orders(0))] {
        counter
            .check(&format!("lock_payments of {what}"), 40, 30, async |db| {
                Ok(db.begin().await?.load_by_key::<Payment>(&origins).await?)
            })
            .await?;
    }
    let ids = accounts(0);
    counter
        .check("account_keys", 40, 30, async |db| {
            Ok(db.begin().await?.account_keys(&ids).await?)
        })
        .await
}
