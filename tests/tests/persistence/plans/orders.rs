//! Orders, withdrawals, and requests that were answered.

use anyhow::Result;
use p2p_application::order::{OrderFilter, OrderQueries};
use p2p_application::ports::{IdempotencyKey, Maintenance, Store};
use p2p_application::withdrawal::{WithdrawalFilter, WithdrawalQueries};
use p2p_domain::order::OrderStatus;
use p2p_domain::withdrawal::WithdrawalStatus;
use p2p_domain::{Order, OrderId, Timestamp, TypedId, Withdrawal, WithdrawalId};
use p2p_persistence::Database;

use super::LIMIT;
use super::counter::{Counter, TIMES};
use super::market::{ORDER, USER, WITHDRAWAL, user};

/// Somebody's answered requests, of those that the market remembers.
pub(crate) fn answered(turns: impl Iterator<Item = u128>) -> Vec<IdempotencyKey> {
    let mut keys: Vec<_> = turns
        .map(|i| IdempotencyKey {
            caller: USER + i % 2 * 1_000,
            operation: "POST /api/orders".to_owned(),
            key: format!("key {i}"),
        })
        .collect();
    keys.sort_unstable();
    keys
}

pub(crate) async fn orders(counter: &Counter) -> Result<()> {
    let id = OrderId::from_u128(ORDER + 30_000);
    counter
        .check("find_order", 2, 1, async |db| {
            Ok(db.find_order(id).await?.into_iter().collect())
        })
        .await?;
    let of = |who: Option<u128>, status, after| OrderFilter {
        user: who.map(user),
        status,
        after,
        limit: LIMIT,
    };
    let (new, cancelled) = (Some(OrderStatus::New), Some(OrderStatus::Cancelled));
    let finished = Some(OrderStatus::Finished);
    for (name, filter, least) in [
        ("everybody's", of(None, None, None), 20),
        ("everybody's, next page", of(None, None, Some(id)), 20),
        ("of one with many", of(Some(1_000), None, None), 20),
        ("the next page", of(Some(1_000), None, Some(id)), 20),
        ("of one with few", of(Some(1_501), None, None), 0),
        ("of one with none", of(Some(5_900), None, None), 0),
        ("new", of(Some(1_000), new, None), 20),
        ("new of long ago", of(Some(1_000), new, Some(id)), 0),
        ("cancelled", of(Some(1_000), cancelled, Some(id)), 20),
        ("finished", of(Some(1_000), finished, Some(id)), 20),
    ] {
        counter
            .check(&format!("list_orders: {name}"), 30, least, async |db| {
                Ok(db.list_orders(&filter).await?)
            })
            .await?;
    }
    Ok(())
}

pub(crate) async fn withdrawals(counter: &Counter) -> Result<()> {
    let id = WithdrawalId::from_u128(WITHDRAWAL + 15_000);
    counter
        .check("find_withdrawal", 2, 1, async |db| {
            Ok(db.find_withdrawal(id).await?.into_iter().collect())
        })
        .await?;
    let of = |who: Option<u128>, status, after| WithdrawalFilter {
        user: who.map(user),
        status,
        after,
        limit: LIMIT,
    };
    let requested = Some(WithdrawalStatus::Requested);
    let rejected = Some(WithdrawalStatus::Rejected);
    for (name, filter, least) in [
        ("everybody's", of(None, None, Some(id)), 20),
        ("to decide", of(None, requested, None), 20),
        ("to decide, next page", of(None, requested, Some(id)), 20),
        ("rejected", of(None, rejected, Some(id)), 20),
        ("of one with many", of(Some(1_000), None, Some(id)), 20),
        (
            "own to be decided",
            of(Some(1_000), requested, Some(id)),
            20,
        ),
        ("own rejected", of(Some(1_000), rejected, None), 20),
        ("of one with none", of(Some(5_900), requested, None), 0),
    ] {
        counter
            .check(
                &format!("list_withdrawals: {name}"),
                30,
                least,
                async |db| Ok(db.list_withdrawals(&filter).await?),
            )
            .await?;
    }
    Ok(())
}

/// As a batch of a few dozen commands would load.
pub(crate) async fn locks(counter: &Counter) -> Result<()> {
    let picks = || (1..=30u128).map(|i| i * 97);
    let orders: Vec<_> = picks().map(|i| OrderId::from_u128(ORDER + i)).collect();
    let withdrawals: Vec<_> = picks()
        .map(|i| WithdrawalId::from_u128(WITHDRAWAL + i))
        .collect();
    let keys = answered(picks());
    let begin = async |db: &Database| anyhow::Ok(db.begin().await?);
    counter
        .check("replies", 40, 15, async |db| {
            Ok(begin(db).await?.replies(&keys).await?)
        })
        .await?;
    counter
        .check("lock_orders", 40, 30, async |db| {
            Ok(begin(db).await?.load_by_key::<Order>(&orders).await?)
        })
        .await?;
    counter
        .check("lock_withdrawals", 40, 30, async |db| {
            Ok(begin(db)
                .await?
                .load_by_key::<Withdrawal>(&withdrawals)
                .await?)
        })
        .await
}

/// Removes what it finds: what was removed at an earlier turn may be come upon until the index forgets it.
pub(crate) async fn forgetting(counter: &Counter) -> Result<()> {
    let removed = i64::from(LIMIT) * (TIMES - 1) / 2;
    counter
        .check("forget_replies, nothing to forget", 2, 0, async |db| {
            let count = db.forget_replies(Timestamp::from_micros(1), LIMIT).await?;
            Ok(vec![(); usize::try_from(count)?])
        })
        .await?;
    counter
        .check("forget_replies", 60 + removed, 20, async |db| {
            let before = Timestamp::from_micros(9_000);
            let count = db.forget_replies(before, LIMIT).await?;
            Ok(vec![(); usize::try_from(count)?])
        })
        .await
}
