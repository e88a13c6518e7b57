//! Orders: kept as they were, listed newest first.

use p2p_application::order::{OrderFilter, OrderQueries};
use p2p_application::ports::{ChangeSet, Store};
use p2p_domain::order::{OrderState, OrderStatus};
use p2p_domain::purchase::Purchase;
use p2p_domain::user::Caller;
use p2p_domain::{Asset, Decline, Money, Order, OrderId, TypedId, UserId};

use super::paying::{order, roubles};
use super::rows::{assert_conflict, assert_rejected, changed, commit, new};
use super::{Backend, walk};
use crate::harness::{Harness, START, Storage};

const ALL: OrderFilter = OrderFilter {
    user: None,
    status: None,
    after: None,
    limit: 1_000,
};

/// One in every state.
fn states<S: Storage>(harness: &Harness<S>) -> [OrderState; 4] {
    let finished = |refunded_at| OrderState::Finished {
        payment: harness.market.fresh(),
        at: START,
        refunded_at,
    };
    [
        OrderState::New,
        finished(None),
        finished(Some(START)),
        OrderState::Cancelled {
            reason: Decline::InsufficientFunds,
            at: START,
        },
    ]
}

async fn keep<S: Storage>(harness: &Harness<S>, orders: &[Order]) {
    let changes = ChangeSet {
        orders: orders.iter().cloned().map(new).collect(),
        ..ChangeSet::default()
    };
    commit(&harness.store, &changes).await.unwrap();
}

/// Two buyers with an order in every state each, in turns, oldest first.
async fn fixture<S: Storage>(harness: &Harness<S>) -> ([Caller; 2], Vec<Order>) {
    let buyers = [harness.customer("a").await, harness.customer("b").await];
    let mut orders = Vec::new();
    for _ in 0..2 {
        for state in states(harness) {
            for buyer in buyers {
                let order = order(harness, buyer, roubles(5));
                orders.push(Order { state, ..order });
            }
        }
    }
    keep(harness, &orders).await;
    (buyers, orders)
}

async fn list<S: Storage>(harness: &Harness<S>, filter: OrderFilter) -> Vec<Order> {
    harness.store.list_orders(&filter).await.unwrap()
}

/// Found by its id, and loaded by it, whatever became of it.
pub async fn an_order_is_kept_as_it_was_in_every_state<B: Backend>(backend: &B) {
    let harness = Harness::open(backend.open().await).await;
    let buyer = harness.customer("anna").await;
    let merchant = harness.customer("boris").await;
    let mut orders = Vec::new();
    for state in states(&harness) {
        let order = order(&harness, buyer, Money::new(i64::MAX, Asset::Btc));
        let purchase = Purchase {
            merchant: Some(merchant.user),
            ..order.purchase.clone()
        };
        orders.push(Order {
            state,
            purchase,
            version: 7,
            ..order.clone()
        });
        // It comes to be there in its state, or gets there.
        keep(&harness, std::slice::from_ref(&order)).await;
        let moved = Order {
            state,
            version: 2,
            ..order
        };
        let changes = ChangeSet {
            orders: vec![changed(moved.clone(), 1)],
            ..ChangeSet::default()
        };
        harness.store.commit(&changes).await.unwrap();
        let found = harness.store.find_order(moved.id).await.unwrap();
        assert_eq!(found, Some(moved));
    }
    for order in &mut orders {
        order.id = harness.market.fresh();
    }
    keep(&harness, &orders).await;
    let mut ids: Vec<OrderId> = orders.iter().map(|order| order.id).collect();
    ids.push(OrderId::from_u128(u128::MAX));
    let mut unit = harness.store.begin().await.unwrap();
    let mut locked = unit.load_by_key::<Order>(&ids).await.unwrap();
    unit.rollback().await.unwrap();
    locked.sort_unstable_by_key(|order| order.id);
    assert_eq!(locked, orders);
    let nothing = harness.store.find_order(ids[ids.len() - 1]).await.unwrap();
    assert_eq!(nothing, None);
    harness.end().await;
}

/// Newest first: everybody's, somebody's, and those in a state.
pub async fn orders_are_listed<B: Backend>(backend: &B) {
    let harness = Harness::open(backend.open().await).await;
    let (buyers, orders) = fixture(&harness).await;
    let statuses = OrderStatus::ALL.iter().copied().map(Some);
    for status in statuses.chain([None]) {
        for user in [None, Some(buyers[0].user), Some(buyers[1].user)] {
            let newest_first = orders.iter().rev();
            let expected: Vec<Order> = newest_first
                .filter(|order| user.is_none_or(|user| order.purchase.user == user))
                .filter(|order| status.is_none_or(|status| order.status() == status))
                .cloned()
                .collect();
            assert!(!expected.is_empty());
            let filter = OrderFilter {
                user,
                status,
                ..ALL
            };
            assert_eq!(list(&harness, filter).await, expected, "{filter:?}");
        }
    }
    let nobodys = OrderFilter {
        user: Some(UserId::from_u128(u128::MAX)),
        ..ALL
    };
    assert_eq!(list(&harness, nobodys).await, []);
    harness.end().await;
}

/// Every length of page gives the same list.
pub async fn pages_of_orders_neither_repeat_nor_skip<B: Backend>(backend: &B) {
    let harness = Harness::open(backend.open().await).await;
    let (buyers, _) = fixture(&harness).await;
    for user in [None, Some(buyers[1].user)] {
        for status in [None, Some(OrderStatus::Finished), Some(OrderStatus::New)] {
            let whole = OrderFilter {
                user,
                status,
                ..ALL
            };
            let expected = list(&harness, whole).await;
            for limit in 1..=5 {
                let page = async |after| {
                    list(
                        &harness,
                        OrderFilter {
                            after,
                            limit,
                            ..whole
                        },
                    )
                    .await
                };
                let length = usize::try_from(limit).unwrap();
                assert_eq!(walk(length, page, |order| order.id).await, expected);
            }
        }
    }
    harness.end().await;
}

/// One order for an id, and one step for a version.
pub async fn an_order_is_made_and_moved_once<B: Backend>(backend: &B) {
    let harness = Harness::open(backend.open().await).await;
    let buyer = harness.customer("anna").await;
    let order = order(&harness, buyer, roubles(5));
    keep(&harness, std::slice::from_ref(&order)).await;
    for (what, loaded) in [("made again", None), ("moved from elsewhere", Some(9))] {
        let saved = p2p_application::ports::Versioned {
            value: order.clone(),
            expected_version: loaded,
        };
        let changes = ChangeSet {
            orders: vec![saved],
            ..ChangeSet::default()
        };
        assert_conflict(what, &commit(&harness.store, &changes).await);
        assert_conflict(what, &harness.store.commit(&changes).await);
    }
    harness.close().await;
}

/// The last line of defence.
pub async fn impossible_orders_are_rejected<B: Backend>(backend: &B) {
    let harness = Harness::open(backend.open().await).await;
    let buyer = harness.customer("anna").await;
    let sound = order(&harness, buyer, roubles(5));
    let with = |purchase| Order {
        purchase,
        ..sound.clone()
    };
    for (what, order) in [
        (
            "for nothing",
            with(Purchase {
                amount: roubles(0),
                ..sound.purchase.clone()
            }),
        ),
        (
            "of nobody",
            with(Purchase {
                user: UserId::from_u128(0xdead),
                ..sound.purchase.clone()
            }),
        ),
    ] {
        let changes = ChangeSet {
            orders: vec![new(order)],
            ..ChangeSet::default()
        };
        assert_rejected(what, &commit(&harness.store, &changes).await);
        assert_rejected(what, &harness.store.commit(&changes).await);
    }
    assert_eq!(list(&harness, ALL).await, []);
    harness.close().await;
}
