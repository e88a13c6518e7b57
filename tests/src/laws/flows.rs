//! Whole deals through the market, over the adapter at hand: that the use cases and the storage fit each other.

use p2p_application::dispute::Decision;
use p2p_application::dispute::DisputeQueries;
use p2p_domain::listing::{ListingState, Switch};
use p2p_domain::{Asset, ExchangeType, Money, Status};

use super::Backend;
use crate::harness::{Deal, Harness, Offering, Stage, Storage, decimal, hours, minutes};

/// The deal's holder and payer: available and held of each, in minor units of USDT.
async fn books<S: Storage>(harness: &Harness<S>, deal: &Deal) -> [(i64, i64); 2] {
    harness.assert_clean().await;
    [
        harness.wallet(deal.holder.user, Asset::Usdt).await,
        harness.wallet(deal.payer.user, Asset::Usdt).await,
    ]
}

const UNTOUCHED: [(i64, i64); 2] = [(1_000_000_000, 0), (0, 0)];
const IN_ESCROW: [(i64, i64); 2] = [(900_000_000, 100_000_000), (0, 0)];
const PAID_OUT: [(i64, i64); 2] = [(900_000_000, 0), (99_900_000, 0)];

async fn amounts<S: Storage>(harness: &Harness<S>, deal: &Deal) -> (i64, i64, i64) {
    let listing = harness.listing(deal.listing.id).await;
    let parts = [listing.remaining(), listing.frozen, listing.executed];
    let [remaining, frozen, executed] = parts.map(Money::minor);
    (remaining, frozen, executed)
}

/// Created, accepted, paid, received: the payer gets the crypto less 0.1 %.
pub async fn a_deal_in_each_direction_to_the_end<B: Backend>(backend: &B) {
    let harness = Harness::open(backend.open().await).await;
    for exchange_type in ExchangeType::ALL {
        let deal = harness.deal(exchange_type, Stage::Pending).await;
        assert_eq!(books(&harness, &deal).await, IN_ESCROW);
        assert_eq!(
            amounts(&harness, &deal).await,
            (900_000_000, 100_000_000, 0)
        );
        let offer = harness.accept(&deal.offer).await;
        let offer = harness.pay(&offer).await;
        assert_eq!(books(&harness, &deal).await, IN_ESCROW);
        let offer = harness.receive(&offer).await;
        assert_eq!(offer.status(), Status::Finished);
        assert_eq!(harness.deal_now(deal.id()).await, offer);
        assert_eq!(books(&harness, &deal).await, PAID_OUT);
        assert_eq!(
            amounts(&harness, &deal).await,
            (900_000_000, 0, 100_000_000)
        );
    }
    harness.close().await;
}

/// Declined, cancelled by either side where each may, or proposed and agreed: the escrow goes back.
pub async fn a_deal_called_off_in_every_way<B: Backend>(backend: &B) {
    let harness = Harness::open(backend.open().await).await;
    for exchange_type in ExchangeType::ALL {
        let declined = harness.deal(exchange_type, Stage::Declined).await;
        let cancelled = harness.deal(exchange_type, Stage::Cancelled).await;
        let given_up = harness.deal(exchange_type, Stage::Approved).await;
        harness.cancel(&given_up.offer, given_up.payer.user).await;
        let agreed = harness.deal(exchange_type, Stage::Paid).await;
        let proposed = harness.cancel(&agreed.offer, agreed.holder.user).await;
        assert!(proposed.state.cancel_proposed());
        assert_eq!(harness.deal_now(agreed.id()).await, proposed);
        assert_eq!(books(&harness, &agreed).await, IN_ESCROW);
        harness.cancel(&agreed.offer, agreed.payer.user).await;
        for (deal, status) in [
            (&declined, Status::Declined),
            (&cancelled, Status::Cancelled),
            (&given_up, Status::Cancelled),
            (&agreed, Status::Cancelled),
        ] {
            assert_eq!(harness.deal_now(deal.id()).await.status(), status);
            assert_eq!(books(&harness, deal).await, UNTOUCHED);
            assert_eq!(amounts(&harness, deal).await, (1_000_000_000, 0, 0));
        }
    }
    harness.close().await;
}

/// Finished, cancelled, split; both sides' disputes are resolved together.
pub async fn a_dispute_decided_in_every_way<B: Backend>(backend: &B) {
    let harness = Harness::open(backend.open().await).await;
    let split = Decision::Split {
        payer_amount: decimal("40.000009"),
    };
    for (decision, status, after, executed) in [
        (Decision::Finished, Status::Finished, PAID_OUT, 100_000_000),
        (Decision::Cancelled, Status::Cancelled, UNTOUCHED, 0),
        // 0.1 % of 40.000009 is 0.040000009: rounded down, 0.040000.
        (
            split,
            Status::Finished,
            [(959_999_991, 0), (39_960_009, 0)],
            40_000_009,
        ),
    ] {
        let deal = harness
            .deal(ExchangeType::FiatToCrypto, Stage::Disputed)
            .await;
        let second = harness.dispute(&deal.offer, deal.exchanger.user).await;
        harness
            .comment(second.id, harness.moderator, "show me the statement")
            .await;
        harness.resolve(second.id, decision).await;
        let disputes = harness.store.disputes_of(deal.id()).await.unwrap();
        assert_eq!(disputes.len(), 2);
        assert!(
            disputes.iter().all(|dispute| !dispute.is_open()),
            "{disputes:?}"
        );
        assert_eq!(harness.deal_now(deal.id()).await.status(), status);
        assert_eq!(books(&harness, &deal).await, after);
        assert_eq!(
            amounts(&harness, &deal).await,
            (1_000_000_000 - executed, 0, executed)
        );
    }
    harness.close().await;
}

/// Each wait ends by itself: without an answer or a payment the deal is off, without a receipt a moderator is called.
pub async fn a_deal_that_nobody_moves<B: Backend>(backend: &B) {
    let harness = Harness::open(backend.open().await).await;
    for (stage, wait, status, after) in [
        (Stage::Pending, minutes(30), Status::Cancelled, UNTOUCHED),
        (Stage::Approved, minutes(30), Status::Cancelled, UNTOUCHED),
        (Stage::Paid, hours(24), Status::DisputeOpen, IN_ESCROW),
    ] {
        let deal = harness.deal(ExchangeType::CryptoToFiat, stage).await;
        let tick = std::time::Duration::from_micros(1);
        assert_eq!(harness.sweep_after(wait - tick).await, 0);
        assert_eq!(harness.sweep_after(tick).await, 1);
        assert_eq!(harness.deal_now(deal.id()).await.status(), status);
        assert_eq!(books(&harness, &deal).await, after);
    }
    harness.close().await;
}

/// The whole story of an exchanger who does not answer.
pub async fn six_unanswered_offers_freeze_and_a_moderator_thaws<B: Backend>(backend: &B) {
    let harness = Harness::open(backend.open().await).await;
    let (anna, customer) = (
        harness.exchanger("anna").await,
        harness.customer("customer").await,
    );
    harness.deposit(customer, "1000", Asset::Usdt).await;
    let offering = Offering::of(ExchangeType::CryptoToFiat);
    let (first, second) = (
        harness.publish(anna, &offering).await,
        harness.publish(anna, &offering).await,
    );
    let closed = harness.publish(anna, &offering).await;
    harness.take_down(&closed).await;
    for _ in 0..6 {
        harness.offer(customer, &first, "10").await;
    }
    assert_eq!(harness.sweep_after(minutes(30)).await, 6);
    let record = harness.exchanger_record(anna.user).await;
    assert_eq!(
        (record.unanswered, record.frozen_at),
        (6, Some(harness.market.now()))
    );
    for (listing, state) in [
        (&first, ListingState::Paused),
        (&second, ListingState::Paused),
        (&closed, ListingState::Closed),
    ] {
        assert_eq!(harness.listing(listing.id).await.state, state);
    }
    assert_eq!(
        harness.wallet(customer.user, Asset::Usdt).await,
        (1_000_000_000, 0)
    );
    let thawed = harness.unfreeze(anna).await;
    assert_eq!((thawed.unanswered, thawed.frozen_at), (0, None));
    harness.turn(&first, Switch::Resume).await;
    harness.offer(customer, &first, "10").await;
    harness.close().await;
}

/// Many commands on the same rows in as few commits as it takes.
pub async fn a_hundred_offers_in_one_batch<B: Backend>(backend: &B) {
    let harness = Harness::open(backend.open().await).await;
    let (anna, customer) = (
        harness.exchanger("anna").await,
        harness.customer("customer").await,
    );
    harness.deposit(customer, "10000", Asset::Usdt).await;
    let offering = Offering {
        total: "10000",
        ..Offering::of(ExchangeType::CryptoToFiat)
    };
    let listing = harness.publish(anna, &offering).await;
    let offers = (0..100).map(|_| harness.opening(customer, &listing, "10"));
    let made: Result<Vec<_>, _> = harness.together(offers).await.into_iter().collect();
    assert_eq!(made.unwrap().len(), 100);
    assert_eq!(
        harness.wallet(customer.user, Asset::Usdt).await,
        (9_000_000_000, 1_000_000_000)
    );
    assert_eq!(
        harness.listing(listing.id).await.frozen,
        Money::new(1_000_000_000, Asset::Usdt)
    );
    assert_eq!(harness.sweep_after(minutes(31)).await, 100);
    assert_eq!(
        harness.wallet(customer.user, Asset::Usdt).await,
        (10_000_000_000, 0)
    );
    harness.close().await;
}
