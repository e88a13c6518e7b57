//! Withdrawals: kept as they were, listed newest first.

use p2p_application::ports::{ChangeSet, Store, Versioned};
use p2p_application::withdrawal::{WithdrawalFilter, WithdrawalQueries};

use p2p_domain::user::Caller;
use p2p_domain::withdrawal::{WithdrawalState, WithdrawalStatus};
use p2p_domain::{Asset, Money, TypedId, UserId, Withdrawal, WithdrawalId};

use super::paying::roubles;
use super::rows::{assert_conflict, assert_rejected, changed, commit, new};
use super::{Backend, walk};
use crate::harness::{Harness, START, Storage};

const ALL: WithdrawalFilter = WithdrawalFilter {
    user: None,
    status: None,
    after: None,
    limit: 1_000,
};

/// One in every state.
fn states() -> [WithdrawalState; 3] {
    let by = UserId::from_u128(u128::MAX);
    let words = || "SEPA 'x' \"y\" 🦀".to_owned();
    [
        WithdrawalState::Requested,
        WithdrawalState::Approved {
            by,
            at: START,
            reference: words(),
        },
        WithdrawalState::Rejected {
            by,
            at: START,
            reason: words(),
        },
    ]
}

fn requested<S: Storage>(harness: &Harness<S>, owner: Caller, amount: Money) -> Withdrawal {
    let (id, now) = (harness.market.fresh(), harness.market.now());
    let words = "ёлка".to_owned();
    let step = Withdrawal::request(id, owner.user, amount, words, now);
    step.unwrap().withdrawal
}

async fn keep<S: Storage>(harness: &Harness<S>, withdrawals: &[Withdrawal]) {
    let changes = ChangeSet {
        withdrawals: withdrawals.iter().cloned().map(new).collect(),
        ..ChangeSet::default()
    };
    commit(&harness.store, &changes).await.unwrap();
}

/// Two owners with two withdrawals in every state each, in turns, oldest first.
async fn fixture<S: Storage>(harness: &Harness<S>) -> ([Caller; 2], Vec<Withdrawal>) {
    let owners = [harness.customer("a").await, harness.customer("b").await];
    let mut all = Vec::new();
    for _ in 0..2 {
        for state in states() {
            for owner in owners {
                let state = state.clone();
                let withdrawal = requested(harness, owner, roubles(5));
                all.push(Withdrawal {
                    state,
                    ..withdrawal
                });
            }
        }
    }
    keep(harness, &all).await;
    (owners, all)
}

async fn list<S: Storage>(harness: &Harness<S>, filter: WithdrawalFilter) -> Vec<Withdrawal> {
    harness.store.list_withdrawals(&filter).await.unwrap()
}

/// Found by its id, and loaded by it, whatever was decided.
pub async fn a_withdrawal_is_kept_as_it_was_in_every_state<B: Backend>(backend: &B) {
    let harness = Harness::open(backend.open().await).await;
    let owner = harness.customer("anna").await;
    let mut all = Vec::new();
    for state in states() {
        let before = requested(&harness, owner, Money::new(i64::MAX, Asset::Btc));
        keep(&harness, std::slice::from_ref(&before)).await;
        let decided = Withdrawal {
            state,
            version: 2,
            ..before
        };
        let changes = ChangeSet {
            withdrawals: vec![changed(decided.clone(), 1)],
            ..ChangeSet::default()
        };
        harness.store.commit(&changes).await.unwrap();
        let found = harness.store.find_withdrawal(decided.id).await.unwrap();
        assert_eq!(found.as_ref(), Some(&decided));
        all.push(decided);
    }
    let mut ids: Vec<WithdrawalId> = all.iter().map(|row| row.id).collect();
    ids.push(WithdrawalId::from_u128(u128::MAX));
    let mut unit = harness.store.begin().await.unwrap();
    let mut locked = unit.load_by_key::<Withdrawal>(&ids).await.unwrap();
    unit.rollback().await.unwrap();
    locked.sort_unstable_by_key(|row| row.id);
    assert_eq!(locked, all);
    let nothing = harness.store.find_withdrawal(ids[3]).await.unwrap();
    assert_eq!(nothing, None);
    harness.end().await;
}

/// Newest first: everybody's, somebody's, and those in a state.
pub async fn withdrawals_are_listed<B: Backend>(backend: &B) {
    let harness = Harness::open(backend.open().await).await;
    let (owners, all) = fixture(&harness).await;
    let statuses = WithdrawalStatus::ALL.iter().copied().map(Some);
    for status in statuses.chain([None]) {
        for user in [None, Some(owners[0].user), Some(owners[1].user)] {
            let expected: Vec<Withdrawal> = all
                .iter()
                .rev()
                .filter(|row| user.is_none_or(|user| row.user == user))
                .filter(|row| status.is_none_or(|status| row.status() == status))
                .cloned()
                .collect();
            assert!(!expected.is_empty());
            let filter = WithdrawalFilter {
                user,
                status,
                ..ALL
            };
            assert_eq!(list(&harness, filter).await, expected, "{filter:?}");
        }
    }
    let nobodys = WithdrawalFilter {
        user: Some(UserId::from_u128(u128::MAX)),
        ..ALL
    };
    assert_eq!(list(&harness, nobodys).await, []);
    harness.end().await;
}

/// Every length of page gives the same list.
pub async fn pages_of_withdrawals_neither_repeat_nor_skip<B: Backend>(backend: &B) {
    let harness = Harness::open(backend.open().await).await;
    let (owners, _) = fixture(&harness).await;
    for user in [None, Some(owners[1].user)] {
        for status in [None, Some(WithdrawalStatus::Requested)] {
            let whole = WithdrawalFilter {
                user,
                status,
                ..ALL
            };
            let expected = list(&harness, whole).await;
            for limit in 1..=5 {
                let page = async |after| {
                    let filter = WithdrawalFilter {
                        after,
                        limit,
                        ..whole
                    };
                    list(&harness, filter).await
                };
                let length = usize::try_from(limit).unwrap();
                assert_eq!(walk(length, page, |row| row.id).await, expected);
            }
        }
    }
    harness.end().await;
}

/// One withdrawal for an id, and one decision for a version.
pub async fn a_withdrawal_is_made_and_decided_once<B: Backend>(backend: &B) {
    let harness = Harness::open(backend.open().await).await;
    let owner = harness.customer("anna").await;
    let withdrawal = requested(&harness, owner, roubles(5));
    keep(&harness, std::slice::from_ref(&withdrawal)).await;
    for (what, expected_version) in [("made again", None), ("decided elsewhere", Some(9))] {
        let value = withdrawal.clone();
        let changes = ChangeSet {
            withdrawals: vec![Versioned {
                value,
                expected_version,
            }],
            ..ChangeSet::default()
        };
        assert_conflict(what, &commit(&harness.store, &changes).await);
        assert_conflict(what, &harness.store.commit(&changes).await);
    }
    harness.end().await;
}

/// The last line of defence.
pub async fn impossible_withdrawals_are_rejected<B: Backend>(backend: &B) {
    let harness = Harness::open(backend.open().await).await;
    let owner = harness.customer("anna").await;
    let sound = requested(&harness, owner, roubles(5));
    let for_nothing = Withdrawal {
        amount: roubles(0),
        ..sound.clone()
    };
    let of_nobody = Withdrawal {
        user: UserId::from_u128(0xdead),
        ..sound
    };
    for (what, row) in [("for nothing", for_nothing), ("of nobody", of_nobody)] {
        let changes = ChangeSet {
            withdrawals: vec![new(row)],
            ..ChangeSet::default()
        };
        assert_rejected(what, &commit(&harness.store, &changes).await);
        assert_rejected(what, &harness.store.commit(&changes).await);
    }
    assert_eq!(list(&harness, ALL).await, []);
    harness.close().await;
}
