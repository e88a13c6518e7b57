//! How much one person may have and do.

use std::time::Duration;

use super::memory;
use p2p_application::withdrawal::RequestWithdrawal;
use p2p_domain::policy::{AccessRules, Limits};
use p2p_domain::refusal::{ConductRefusal, QuotaKind, SecondFactorRefusal};
use p2p_domain::{Asset, ExchangeType, Policy, Refusal, Status};
use p2p_memory::Memory;
use p2p_tests::harness::{Harness, Offering, Setup, decimal, unlimited};

const BUYS: ExchangeType = ExchangeType::CryptoToFiat;

async fn under(limits: Limits, store: Memory) -> Harness<Memory> {
    let policy = Policy {
        limits,
        ..unlimited()
    };
    let setup = Setup {
        policy,
        ..Setup::default()
    };
    Harness::open_with(store, setup).await
}

#[tokio::test]
async fn a_customer_has_so_many_open_deals_and_no_more() {
    let limits = Limits {
        open_offers: 3,
        ..Limits::NONE
    };
    let harness = under(limits, memory()).await;
    let exchanger = harness.exchanger("eve").await;
    let listing = harness.publish(exchanger, &Offering::of(BUYS)).await;
    let [anna, berta] = [harness.customer("a").await, harness.customer("b").await];
    for who in [anna, berta] {
        harness.deposit(who, "1000", Asset::Usdt).await;
    }
    let offers = (0..10).map(|_| harness.opening(anna, &listing, "10"));
    let all = harness.together(offers.collect::<Vec<_>>()).await;
    let made: Vec<_> = all.iter().filter_map(|one| one.as_ref().ok()).collect();
    assert_eq!(made.len(), 3);
    let refused = Refusal::TooMany {
        kind: QuotaKind::OpenOffers,
        max: 3,
    };
    let again = harness.refused(harness.opening(anna, &listing, "10"));
    assert_eq!(again.await, refused);
    harness.done(harness.opening(berta, &listing, "10")).await;
    harness.cancel(made[0], anna.user).await;
    harness.done(harness.opening(anna, &listing, "10")).await;
    harness.close().await;
}

#[tokio::test]
async fn who_calls_off_too_many_deals_has_to_pause() {
    let limits = Limits {
        cancels_per_day: 2,
        cancel_pause: Duration::from_secs(600),
        ..Limits::NONE
    };
    let harness = under(limits, memory()).await;
    let exchanger = harness.exchanger("eve").await;
    let listing = harness.publish(exchanger, &Offering::of(BUYS)).await;
    let anna = harness.customer("anna").await;
    harness.deposit(anna, "1000", Asset::Usdt).await;
    for _ in 0..3 {
        let offer = harness.done(harness.opening(anna, &listing, "10")).await;
        harness.cancel(&offer, anna.user).await;
    }
    let until = harness.market.now().after(limits.cancel_pause);
    let refused = harness.refused(harness.opening(anna, &listing, "10")).await;
    assert_eq!(
        refused,
        Refusal::Conduct(ConductRefusal::CancelledTooOften { until })
    );
    harness.clock.advance(limits.cancel_pause);
    harness.done(harness.opening(anna, &listing, "10")).await;
    harness.close().await;
}

#[tokio::test]
async fn who_never_pays_has_to_pause_too_and_who_agrees_to_part_has_not() {
    let limits = Limits {
        cancels_per_day: 1,
        cancel_pause: Duration::from_secs(3_600),
        ..Limits::NONE
    };
    let harness = under(limits, memory()).await;
    let exchanger = harness.exchanger("eve").await;
    harness.deposit(exchanger, "1000", Asset::Usdt).await;
    let offering = Offering::of(ExchangeType::FiatToCrypto);
    let listing = harness.publish(exchanger, &offering).await;
    let anna = harness.customer("anna").await;
    let accepted = async || {
        let offer = harness.done(harness.opening(anna, &listing, "10")).await;
        harness.accept(&offer).await
    };
    for _ in 0..3 {
        let offer = accepted().await;
        harness.cancel(&offer, exchanger.user).await;
        let parted = harness.cancel(&offer, anna.user).await;
        assert_eq!(parted.status(), Status::Cancelled);
    }
    for _ in 0..2 {
        accepted().await;
    }
    let window = harness.market.policy().default_payment_window;
    assert_eq!(harness.sweep_after(window).await, 2);
    let until = harness.market.now().after(limits.cancel_pause);
    let refused = harness.refused(harness.opening(anna, &listing, "10")).await;
    assert_eq!(
        refused,
        Refusal::Conduct(ConductRefusal::CancelledTooOften { until })
    );
    harness.close().await;
}

#[tokio::test]
async fn an_exchanger_has_so_many_listings() {
    let limits = Limits {
        listings: 2,
        ..Limits::NONE
    };
    let harness = under(limits, memory()).await;
    let anna = harness.exchanger("anna").await;
    let offering = Offering::of(BUYS);
    let first = harness.publish(anna, &offering).await;
    harness.publish(anna, &offering).await;
    let kind = QuotaKind::Listings;
    let refused = harness.refused(harness.publication(anna, &offering)).await;
    assert_eq!(refused, Refusal::TooMany { kind, max: 2 });
    harness.take_down(&first).await;
    harness.publish(anna, &offering).await;
    harness.close().await;
}

#[tokio::test]
async fn withdrawals_wait_for_a_decision_a_few_at_a_time_and_may_take_a_second_factor() {
    let policy = Policy {
        limits: Limits {
            open_withdrawals: 2,
            ..Limits::NONE
        },
        access: AccessRules {
            withdrawal_second_factor: true,
            ..AccessRules::default()
        },
        ..Policy::default()
    };
    let setup = Setup {
        policy,
        ..Setup::default()
    };
    let harness = Harness::open_with(memory(), setup).await;
    let anna = harness.customer("anna").await;
    harness.deposit(anna, "10", Asset::Usdt).await;
    let request = |caller| RequestWithdrawal {
        id: harness.market.fresh(),
        caller,
        asset: Asset::Usdt,
        amount: decimal("1"),
        destination: "somewhere".into(),
    };
    let unproved = p2p_application::Caller {
        proved_at: None,
        ..anna
    };
    let refused = harness.refused(request(unproved)).await;
    assert_eq!(
        refused,
        Refusal::SecondFactor(SecondFactorRefusal::Required)
    );
    let all = harness.together((0..5).map(|_| request(anna))).await;
    assert_eq!(all.iter().filter(|one| one.is_ok()).count(), 2);
    harness.close().await;
}
