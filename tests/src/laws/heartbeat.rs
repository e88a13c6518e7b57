//! The heartbeat: nobody is punished for an outage, and nobody gets the same time twice.

use std::time::Duration;

use p2p_application::ports::{ChangeSet, Store};
use p2p_domain::offer::{Act, State};
use p2p_domain::{Actor, ExchangeType, Offer, Status, Timestamp};

use super::Backend;
use super::rows::changed;
use crate::harness::{Harness, START, Stage, Storage, minutes};

const TOLERANCE: Duration = Duration::from_secs(60);
const TICK: Duration = Duration::from_micros(1);

async fn beat<S: Storage>(store: &S, now: Timestamp) -> Option<Duration> {
    store.heartbeat(now, TOLERANCE).await.unwrap()
}

/// Three deals whose deadlines run, and one of each that has none.
async fn deals_at_every_stage<S: Storage>(harness: &Harness<S>) -> Vec<Offer> {
    let mut deals = Vec::new();
    for stage in Stage::ALL {
        let deal = harness.deal(ExchangeType::FiatToCrypto, stage).await;
        deals.push(harness.deal_now(deal.id()).await);
    }
    deals
}

async fn now_of<S: Storage>(harness: &Harness<S>, deals: &[Offer]) -> Vec<Offer> {
    let mut now = Vec::new();
    for deal in deals {
        now.push(harness.deal_now(deal.id).await);
    }
    now
}

/// The deal as it should be: its deadline this much later, nothing else changed.
fn later(offer: &Offer, gap: Duration) -> Offer {
    let mut offer = offer.clone();
    match &mut offer.state {
        State::Pending {
            respond_by: deadline,
        }
        | State::Approved {
            pay_by: deadline, ..
        }
        | State::PaymentConfirmed {
            receipt_by: deadline,
            ..
        } => *deadline = deadline.after(gap),
        State::DisputeOpen { .. }
        | State::Finished { .. }
        | State::Declined { .. }
        | State::Cancelled { .. } => {}
    }
    offer
}

/// A market that starts for the first time has not been away.
pub async fn the_first_beat_finds_no_gap<B: Backend>(backend: &B) {
    let harness = Harness::open(backend.open().await).await;
    let deals = deals_at_every_stage(&harness).await;
    assert_eq!(beat(&harness.store, START.after(minutes(999))).await, None);
    assert_eq!(now_of(&harness, &deals).await, deals);
    harness.close().await;
}

/// Up to the tolerance, to the microsecond.
pub async fn a_silence_within_the_tolerance_is_no_gap<B: Backend>(backend: &B) {
    let harness = Harness::open(backend.open().await).await;
    let deals = deals_at_every_stage(&harness).await;
    let mut now = START;
    for silence in [Duration::ZERO, TICK, TOLERANCE - TICK, TOLERANCE] {
        now = now.after(silence);
        assert_eq!(beat(&harness.store, now).await, None, "{silence:?}");
    }
    assert_eq!(now_of(&harness, &deals).await, deals);
    let gap = TOLERANCE + TICK;
    assert_eq!(beat(&harness.store, now.after(gap)).await, Some(gap));
    harness.close().await;
}

/// Deadlines that were still running at the last beat move by the gap; those that had passed by then stay.
pub async fn a_gap_puts_off_what_was_still_running<B: Backend>(backend: &B) {
    let gap = minutes(45);
    let harness = Harness::open(backend.open().await).await;
    let passed = deals_at_every_stage(&harness).await;
    harness.clock.advance(TICK);
    let running = deals_at_every_stage(&harness).await;
    // The last sign of life comes exactly when the first response is due: that time had run out already.
    let last = passed[0].deadline().expect("PENDING waits");
    assert_eq!(running[0].deadline(), Some(last.after(TICK)));
    assert_eq!(beat(&harness.store, last).await, None);
    assert_eq!(beat(&harness.store, last.after(gap)).await, Some(gap));

    let is_over = |offer: &Offer| offer.deadline().is_some_and(|deadline| deadline <= last);
    assert_eq!(passed.iter().filter(|offer| is_over(offer)).count(), 2);
    let expected: Vec<Offer> = passed
        .iter()
        .map(|offer| {
            if is_over(offer) {
                offer.clone()
            } else {
                later(offer, gap)
            }
        })
        .collect();
    assert_eq!(now_of(&harness, &passed).await, expected);
    let expected: Vec<Offer> = running.iter().map(|offer| later(offer, gap)).collect();
    assert_eq!(now_of(&harness, &running).await, expected);
    harness.close().await;
}

/// The beat that finds the gap ends it.
pub async fn a_gap_is_made_up_for_once<B: Backend>(backend: &B) {
    let gap = minutes(10);
    let harness = Harness::open(backend.open().await).await;
    let replica = backend.open().await;
    let deals = deals_at_every_stage(&harness).await;
    assert_eq!(beat(&harness.store, START).await, None);
    assert_eq!(beat(&replica, START.after(gap)).await, Some(gap));
    assert_eq!(beat(&harness.store, START.after(gap)).await, None);
    assert_eq!(beat(&replica, START.after(gap + TOLERANCE)).await, None);
    let expected: Vec<Offer> = deals.iter().map(|offer| later(offer, gap)).collect();
    assert_eq!(now_of(&harness, &deals).await, expected);
    harness.close().await;
}

/// Two replicas wake up in the same moment: one of them finds the gap.
pub async fn two_beats_at_once_find_one_gap<B: Backend>(backend: &B) {
    let gap = minutes(10);
    let harness = Harness::open(backend.open().await).await;
    let replicas = [harness.store.clone(), backend.open().await];
    let deals = deals_at_every_stage(&harness).await;
    assert_eq!(beat(&harness.store, START).await, None);
    let mut beats = tokio::task::JoinSet::new();
    for turn in 0..8 {
        let store = replicas[turn % 2].clone();
        beats.spawn(async move { beat(&store, START.after(gap)).await });
    }
    let mut found = beats.join_all().await;
    found.sort_unstable();
    assert_eq!(found, [[None; 7].as_slice(), &[Some(gap)]].concat());
    let expected: Vec<Offer> = deals.iter().map(|offer| later(offer, gap)).collect();
    assert_eq!(now_of(&harness, &deals).await, expected);
    harness.close().await;
}

/// A deadline is put off for good, whoever is moving the deal just then: the beat waits for them, or they for it.
pub async fn a_beat_and_a_step_do_not_overwrite_each_other<B: Backend>(backend: &B) {
    let gap = minutes(45);
    let harness = Harness::open(backend.open().await).await;
    let replica = backend.open().await;
    let deal = harness
        .deal(ExchangeType::CryptoToFiat, Stage::Approved)
        .await;
    assert_eq!(beat(&harness.store, START).await, None);

    // Somebody has loaded the deal with its old deadline, and is about to save it with a proposal to call it off.
    let mut unit = harness.store.begin().await.unwrap();
    let before = unit
        .load_by_key::<Offer>(&[deal.id()])
        .await
        .unwrap()
        .remove(0);
    let step = Act::by(Actor::Customer, deal.customer.user, START);
    let policy = harness.market.policy();
    let moved = before.clone().cancel(step, "never mind".to_owned(), policy);
    let moved = moved.unwrap();
    let changes = ChangeSet {
        offers: vec![changed(moved.offer.clone(), before.version)],
        history: moved.history,
        ..ChangeSet::default()
    };
    let saving = async {
        // Reads meanwhile, to give the beat the time to come in between.
        for _ in 0..20 {
            assert_eq!(harness.deal_now(deal.id()).await, before);
            tokio::task::yield_now().await;
        }
        unit.commit(&changes).await
    };
    let (saved, found) = tokio::join!(saving, beat(&replica, START.after(gap)));
    saved.unwrap();
    assert_eq!(found, Some(gap));
    assert_eq!(harness.deal_now(deal.id()).await, later(&moved.offer, gap));
    harness.close().await;
}

/// Replicas' clocks differ: who is behind does not make the market look as if it had been away.
pub async fn a_slower_clock_does_not_set_the_beat_back<B: Backend>(backend: &B) {
    let harness = Harness::open(backend.open().await).await;
    let deals = deals_at_every_stage(&harness).await;
    assert_eq!(beat(&harness.store, START).await, None);
    assert_eq!(beat(&harness.store, START.before(minutes(10))).await, None);
    assert_eq!(beat(&harness.store, START.after(TOLERANCE)).await, None);
    assert_eq!(now_of(&harness, &deals).await, deals);
    harness.close().await;
}

/// A deal whose deadline was put off is the same deal: it can be moved, and runs out at the new deadline.
pub async fn a_deal_that_was_put_off_goes_on<B: Backend>(backend: &B) {
    let gap = minutes(45);
    let harness = Harness::open(backend.open().await).await;
    let [accepted, left] = [
        harness
            .deal(ExchangeType::CryptoToFiat, Stage::Pending)
            .await,
        harness
            .deal(ExchangeType::CryptoToFiat, Stage::Pending)
            .await,
    ];
    assert_eq!(beat(&harness.store, START).await, None);
    harness.clock.advance(gap);
    assert_eq!(harness.sweep_tolerating(TOLERANCE).await, 0);
    let offer = harness.accept(&accepted.offer).await;
    assert_eq!(offer.status(), Status::Approved);
    assert_eq!(offer.deadline(), Some(START.after(gap + minutes(30))));
    assert_eq!(harness.sweep_after(minutes(30) - TICK).await, 0);
    harness.sweep_after(TICK).await;
    let ran_out = harness.deal_now(left.id()).await;
    assert_eq!(
        ran_out.state,
        State::Cancelled {
            at: START.after(gap + minutes(30))
        }
    );
    harness.close().await;
}
