//! Deadlines that have passed.

use p2p_application::ports::Maintenance;
use std::time::Duration;

use p2p_domain::offer::State;
use p2p_domain::{Asset, ExchangeType, OfferId, Timestamp};

use super::Backend;
use crate::harness::{Harness, Offering, START, Stage, Storage, hours, minutes};

async fn due<S: Storage>(harness: &Harness<S>, now: Timestamp, limit: u32) -> Vec<OfferId> {
    harness.store.due_offers(now, limit).await.unwrap()
}

/// The probe behind the health check.
pub async fn storage_answers<B: Backend>(backend: &B) {
    backend.open().await.ping().await.unwrap();
}

/// At the deadline to the microsecond, not before.
pub async fn a_deal_is_due_from_its_deadline_on<B: Backend>(backend: &B) {
    let harness = Harness::open(backend.open().await).await;
    for stage in [Stage::Pending, Stage::Approved, Stage::Paid] {
        let deal = harness.deal(ExchangeType::FiatToCrypto, stage).await;
        let offer = harness.deal_now(deal.id()).await;
        let deadline = offer.deadline().expect("it waits");
        let tick = Duration::from_micros(1);
        assert!(
            !due(&harness, deadline.before(tick), 10)
                .await
                .contains(&offer.id),
            "{stage:?}"
        );
        assert!(
            due(&harness, deadline, 10).await.contains(&offer.id),
            "{stage:?}"
        );
        assert!(
            due(&harness, deadline.after(tick), 10)
                .await
                .contains(&offer.id),
            "{stage:?}"
        );
    }
    harness.close().await;
}

/// By deadline, not by id; no more than asked for.
pub async fn the_most_overdue_comes_first<B: Backend>(backend: &B) {
    let harness = Harness::open(backend.open().await).await;
    let (anna, berta) = (
        harness.exchanger("anna").await,
        harness.customer("berta").await,
    );
    harness.deposit(berta, "1000", Asset::Usdt).await;
    let windows = [60, 10, 30, 20].map(minutes);
    let mut deals = Vec::new();
    for payment_window in windows {
        let payment_window = Some(payment_window);
        let offering = Offering {
            payment_window,
            ..Offering::of(ExchangeType::CryptoToFiat)
        };
        let listing = harness.publish(anna, &offering).await;
        let offer = harness.offer(berta, &listing, "10").await;
        deals.push(harness.accept(&offer).await.id);
    }
    let late = START.after(hours(10));
    let expected = [1, 3, 2, 0].map(|index: usize| deals[index]);
    assert_eq!(due(&harness, late, 10).await, expected);
    assert_eq!(due(&harness, late, 3).await, expected[..3]);
    assert_eq!(
        due(&harness, START.after(minutes(20)), 10).await,
        expected[..2]
    );
    assert_eq!(due(&harness, START.after(minutes(9)), 10).await, []);
    harness.close().await;
}

/// Disputes wait for a moderator, and what has ended waits for nobody.
pub async fn only_waiting_deals_are_due<B: Backend>(backend: &B) {
    let harness = Harness::open(backend.open().await).await;
    let mut waiting = Vec::new();
    for stage in Stage::ALL {
        let deal = harness.deal(ExchangeType::CryptoToFiat, stage).await;
        let offer = harness.deal_now(deal.id()).await;
        let waits = matches!(stage, Stage::Pending | Stage::Approved | Stage::Paid);
        assert_eq!(offer.deadline().is_some(), waits, "{stage:?}");
        assert_eq!(
            matches!(offer.state, State::DisputeOpen { .. }),
            stage == Stage::Disputed
        );
        if waits {
            waiting.push(offer.id);
        }
    }
    let mut found = due(&harness, START.after(hours(1_000)), 100).await;
    found.sort_unstable();
    assert_eq!(found, waiting);
    harness.close().await;
}
