//! Who sees which deals and disputes, in memory.

use super::memory;
use p2p_application::QueryError;
use p2p_application::dispute::{DisputeList, get_dispute, list_disputes};
use p2p_application::offer::{OfferList, get_offer, list_offers, offer_status};
use p2p_domain::refusal::Resource;
use p2p_domain::{Actor, DisputeId, ExchangeType, OfferId, Refusal, Status, TypedId};
use p2p_tests::harness::{Harness, Stage, party};

const SELLS: ExchangeType = ExchangeType::FiatToCrypto;
const BUYS: ExchangeType = ExchangeType::CryptoToFiat;

#[tokio::test]
async fn a_deal_is_seen_whole_by_its_sides_and_by_moderators() {
    let harness = Harness::open(memory()).await;
    let deal = harness.deal(BUYS, Stage::Disputed).await;
    for caller in [
        deal.customer,
        deal.exchanger,
        harness.moderator,
        harness.admin,
    ] {
        let view = get_offer(&harness.market, caller, deal.id()).await.unwrap();
        assert_eq!(view.offer, harness.deal_now(deal.id()).await);
        let status = offer_status(&harness.market, caller, deal.id())
            .await
            .unwrap();
        assert_eq!(status, view.offer);
        let steps: Vec<_> = view.history.iter().map(|step| step.status).collect();
        assert_eq!(
            steps,
            [Status::Pending, Status::Approved, Status::DisputeOpen]
        );
        let openers: Vec<_> = view
            .disputes
            .iter()
            .map(|dispute| dispute.opened_by)
            .collect();
        assert_eq!(openers, [Actor::Customer]);
    }
    let stranger = harness.exchanger("stranger").await;
    for (caller, id) in [
        (stranger, deal.id()),
        (harness.admin, OfferId::from_u128(9)),
    ] {
        let whole = get_offer(&harness.market, caller, id)
            .await
            .map(|view| view.offer);
        let status = offer_status(&harness.market, caller, id).await;
        for hidden in [whole, status] {
            assert!(
                matches!(
                    hidden,
                    Err(QueryError::Refused(Refusal::NotFound(Resource::Offer)))
                ),
                "{hidden:?}"
            );
        }
    }
    harness.close().await;
}

#[tokio::test]
async fn everybody_lists_their_own_deals() {
    let harness = Harness::open(memory()).await;
    let deal = harness.deal(BUYS, Stage::Finished).await;
    let (customer, exchanger) = (deal.customer, deal.exchanger);
    harness.deal(BUYS, Stage::Pending).await;
    let open = harness.offer(customer, &deal.listing, "10").await.id;
    let off = harness.offer(customer, &deal.listing, "10").await;
    harness.decline(&off).await;
    let whole = OfferList {
        limit: 10,
        ..OfferList::default()
    };
    let active = OfferList {
        active: true,
        ..whole
    };
    let as_customer = OfferList {
        side: Some(Actor::Customer),
        ..whole
    };
    let all = vec![off.id, open, deal.id()];
    for (caller, list, expected) in [
        (customer, whole, all.clone()),
        (exchanger, whole, all.clone()),
        (customer, active, vec![open, deal.id()]),
        (customer, as_customer, all.clone()),
        (exchanger, as_customer, vec![]),
        (
            customer,
            OfferList {
                after: Some(open),
                ..whole
            },
            vec![deal.id()],
        ),
        (harness.moderator, whole, vec![]),
    ] {
        let page = list_offers(&harness.market, caller, list).await.unwrap();
        let listed: Vec<_> = page.items.iter().map(|offer| offer.id).collect();
        assert_eq!((listed, page.more), (expected, false), "{list:?}");
    }
    for (limit, length, more) in [(0, 1, true), (2, 2, true), (3, 3, false)] {
        let list = OfferList { limit, ..whole };
        let page = list_offers(&harness.market, customer, list).await.unwrap();
        assert_eq!((page.items.len(), page.more), (length, more));
    }
    harness.close().await;
}

#[tokio::test]
async fn a_dispute_is_seen_by_those_concerned() {
    let harness = Harness::open(memory()).await;
    let (deal, other) = (
        harness.deal(SELLS, Stage::Disputed).await,
        harness.deal(SELLS, Stage::Disputed).await,
    );
    let ids: Vec<_> = harness.store.tables().disputes.into_keys().collect();
    for caller in [
        deal.customer,
        deal.exchanger,
        harness.moderator,
        harness.admin,
    ] {
        let view = get_dispute(&harness.market, caller, ids[0]).await.unwrap();
        assert_eq!(view.dispute.offer, deal.id());
    }
    for (caller, id) in [
        (other.customer, ids[0]),
        (deal.customer, ids[1]),
        (harness.admin, DisputeId::from_u128(9)),
    ] {
        let hidden = get_dispute(&harness.market, caller, id).await;
        assert!(
            matches!(
                hidden,
                Err(QueryError::Refused(Refusal::NotFound(Resource::Dispute)))
            ),
            "{hidden:?}"
        );
    }
    let whole = DisputeList {
        limit: 10,
        ..DisputeList::default()
    };
    for (caller, list, expected) in [
        (harness.moderator, whole, &ids[..]),
        (harness.admin, whole, &ids[..]),
        (
            harness.moderator,
            DisputeList {
                after: Some(ids[0]),
                ..whole
            },
            &ids[1..],
        ),
        (
            harness.moderator,
            DisputeList {
                open: Some(false),
                ..whole
            },
            &[],
        ),
        (deal.exchanger, whole, &ids[..1]),
        (other.customer, whole, &ids[1..]),
        (party(harness.admin.user), whole, &[]),
    ] {
        let page = list_disputes(&harness.market, caller, list).await.unwrap();
        let listed: Vec<_> = page.items.iter().map(|dispute| dispute.id).collect();
        assert_eq!(listed, expected, "{list:?}");
    }
    let page = list_disputes(
        &harness.market,
        harness.moderator,
        DisputeList { limit: 1, ..whole },
    )
    .await
    .unwrap();
    assert_eq!((page.items.len(), page.more), (1, true));
    harness.close().await;
}
