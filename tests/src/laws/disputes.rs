//! Reading disputes.

use p2p_application::dispute::Decision;
use p2p_application::dispute::{DisputeFilter, DisputeQueries};
use p2p_domain::{Actor, Dispute, DisputeId, ExchangeType, TypedId, UserId};

use super::rows::nothing;
use super::{Backend, walk};
use crate::harness::{Deal, Harness, Stage, Storage};

const ALL: DisputeFilter = DisputeFilter {
    side: None,
    open: None,
    after: None,
    limit: 1_000,
};

async fn list<S: Storage>(harness: &Harness<S>, filter: DisputeFilter) -> Vec<DisputeId> {
    let disputes = harness.store.list_disputes(&filter).await.unwrap();
    disputes.iter().map(|dispute| dispute.id).collect()
}

/// Three deals with four disputes; those of the first are resolved.
async fn fixture<S: Storage>(harness: &Harness<S>) -> ([Deal; 3], Vec<Dispute>) {
    let deals = [
        harness
            .deal(ExchangeType::FiatToCrypto, Stage::Approved)
            .await,
        harness
            .deal(ExchangeType::CryptoToFiat, Stage::Approved)
            .await,
        harness.deal(ExchangeType::FiatToCrypto, Stage::Paid).await,
    ];
    let mut disputes = Vec::new();
    for (deal, by) in [
        (&deals[0], deals[0].customer),
        (&deals[1], deals[1].exchanger),
        (&deals[0], deals[0].exchanger),
        (&deals[2], deals[2].customer),
    ] {
        disputes.push(harness.dispute(&deal.offer, by.user).await);
    }
    harness.resolve(disputes[0].id, Decision::Cancelled).await;
    for dispute in &mut disputes {
        *dispute = harness
            .store
            .find_dispute(dispute.id)
            .await
            .unwrap()
            .unwrap();
    }
    (deals, disputes)
}

/// With what was said, oldest first; and nothing where there is nothing.
pub async fn a_dispute_is_found_with_its_comments<B: Backend>(backend: &B) {
    let harness = Harness::open(backend.open().await).await;
    let (deals, disputes) = fixture(&harness).await;
    let open = disputes[3].id;
    let mut said = Vec::new();
    for (by, text) in [
        (deals[2].customer, "first"),
        (harness.moderator, "second"),
        (deals[2].exchanger, "third"),
    ] {
        harness
            .comment(disputes[1].id, deals[1].customer, "elsewhere")
            .await;
        said.push(harness.comment(open, by, text).await);
    }
    let store = &harness.store;
    assert_eq!(store.dispute_comments(open).await.unwrap(), said);
    assert_eq!(store.dispute_comments(disputes[0].id).await.unwrap(), []);
    assert_eq!(
        store.find_dispute(open).await.unwrap().as_ref(),
        Some(&disputes[3])
    );
    let missing = DisputeId::from_u128(u128::MAX);
    assert_eq!(store.find_dispute(missing).await.unwrap(), None);
    assert_eq!(store.dispute_comments(missing).await.unwrap(), []);
    harness.close().await;
}

/// Oldest first; by side and by whether they wait.
pub async fn disputes_are_a_queue<B: Backend>(backend: &B) {
    let harness = Harness::open(backend.open().await).await;
    let (deals, disputes) = fixture(&harness).await;
    let ids: Vec<_> = disputes.iter().map(|dispute| dispute.id).collect();
    assert_eq!(list(&harness, ALL).await, ids);
    let open = DisputeFilter {
        open: Some(true),
        ..ALL
    };
    assert_eq!(list(&harness, open).await, [ids[1], ids[3]]);
    let resolved = DisputeFilter {
        open: Some(false),
        ..ALL
    };
    assert_eq!(list(&harness, resolved).await, [ids[0], ids[2]]);
    let of = |user: UserId, open| DisputeFilter {
        side: Some(user),
        open,
        ..ALL
    };
    for side in [deals[0].customer.user, deals[0].exchanger.user] {
        assert_eq!(list(&harness, of(side, None)).await, [ids[0], ids[2]]);
        assert_eq!(list(&harness, of(side, Some(true))).await, []);
    }
    assert_eq!(
        list(&harness, of(deals[1].customer.user, Some(true))).await,
        [ids[1]]
    );
    assert_eq!(list(&harness, of(harness.moderator.user, None)).await, []);
    let rows = harness.store.list_disputes(&ALL).await.unwrap();
    assert_eq!(rows, disputes);
    harness.close().await;
}

/// Every length of page gives the same queue.
pub async fn pages_of_disputes_neither_repeat_nor_skip<B: Backend>(backend: &B) {
    let harness = Harness::open(backend.open().await).await;
    let (deals, _) = fixture(&harness).await;
    for side in [None, Some(deals[0].customer.user)] {
        for open in [None, Some(false)] {
            let whole = DisputeFilter { side, open, ..ALL };
            let expected = list(&harness, whole).await;
            assert!(!expected.is_empty());
            for limit in 1..=5 {
                let page = async |after| {
                    list(
                        &harness,
                        DisputeFilter {
                            after,
                            limit,
                            ..whole
                        },
                    )
                    .await
                };
                let length = usize::try_from(limit).unwrap();
                assert_eq!(
                    walk(length, page, |id| *id).await,
                    expected,
                    "pages of {limit}"
                );
            }
        }
    }
    harness.close().await;
}

/// All disputes of a deal, oldest first, and none of another.
pub async fn each_side_has_its_own_dispute_of_a_deal<B: Backend>(backend: &B) {
    let harness = Harness::open(backend.open().await).await;
    let (deals, disputes) = fixture(&harness).await;
    let of = async |deal: &Deal| harness.store.disputes_of(deal.id()).await.unwrap();
    let both = of(&deals[0]).await;
    assert_eq!(both, [disputes[0].clone(), disputes[2].clone()]);
    let openers: Vec<_> = both.iter().map(|dispute| dispute.opened_by).collect();
    assert_eq!(openers, [Actor::Customer, Actor::Exchanger]);
    assert_eq!(of(&deals[2]).await, [disputes[3].clone()]);
    assert_eq!(harness.store.disputes_of(nothing()).await.unwrap(), []);
    harness.close().await;
}
