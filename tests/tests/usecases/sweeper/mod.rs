//! Deadlines and outages on a clock that only moves when it is told to; in memory. Nothing here sleeps.

mod outage;

use std::time::Duration;

use super::memory;
use p2p_application::offer::{CreateOffer, ExpireOffer, Expired};
use p2p_application::ports::StorageError;
use p2p_application::{PipelineSettings, Sweeper};
use p2p_domain::dispute::DisputeState;
use p2p_domain::offer::State;
use p2p_domain::refusal::Resource;
use p2p_domain::{Actor, Asset, ExchangeType, Offer, OfferId, Policy, Refusal, Status, TypedId};
use p2p_memory::Point;
use p2p_tests::fixture::Fixture;
use p2p_tests::harness::{Harness, Setup, Stage, hours, minutes, unlimited};

const SELLS: ExchangeType = ExchangeType::FiatToCrypto;
const BUYS: ExchangeType = ExchangeType::CryptoToFiat;
const TICK: Duration = Duration::from_micros(1);

/// An offer that takes as much work as any, and is refused.
fn refused_offer(fixture: &Fixture) -> CreateOffer {
    fixture
        .harness
        .opening(fixture.customer, &fixture.listing, "0")
}

/// Every deadline is met to the microsecond.
#[tokio::test]
async fn each_wait_lasts_as_long_as_is_configured() {
    let policy = Policy {
        response_window: minutes(7),
        receipt_window: minutes(11),
        default_payment_window: minutes(13),
        ..unlimited()
    };
    for exchange_type in ExchangeType::ALL {
        for (stage, wait, status) in [
            (Stage::Pending, minutes(7), Status::Cancelled),
            (Stage::Approved, minutes(13), Status::Cancelled),
            (Stage::Paid, minutes(11), Status::DisputeOpen),
        ] {
            let harness = Harness::open_with(
                memory(),
                Setup {
                    policy,
                    ..Setup::default()
                },
            )
            .await;
            let deal = harness.deal(exchange_type, stage).await;
            let before = harness.store.tables();
            assert_eq!(harness.sweep_after(wait - TICK).await, 0);
            let mut unchanged = harness.store.tables();
            unchanged.alive_at = before.alive_at;
            assert!(before == unchanged, "{stage:?}: it was moved too early");
            assert_eq!(harness.sweep_after(TICK).await, 1);
            assert_eq!(harness.deal_now(deal.id()).await.status(), status);
            assert_eq!(harness.sweep_after(hours(1_000)).await, 0);
            harness.close().await;
        }
    }
}

#[tokio::test]
async fn what_runs_out_says_so_in_its_history_and_events() {
    let harness = Harness::open(memory()).await;
    for (stage, wait, steps, event) in [
        (
            Stage::Pending,
            minutes(30),
            "response timeout",
            "ExchangeOfferCancelled",
        ),
        (
            Stage::Approved,
            minutes(30),
            "payment timeout",
            "ExchangeOfferCancelled",
        ),
        (Stage::Paid, hours(24), "receipt timeout", "DisputeOpened"),
    ] {
        let deal = harness.deal(SELLS, stage).await;
        let events = harness.event_count();
        assert_eq!(harness.sweep_after(wait).await, 1);
        let offer = harness.deal_now(deal.id()).await;
        let tables = harness.store.tables();
        let last = &tables.history[&(offer.id, offer.version)];
        assert_eq!(
            (last.actor, last.user, last.comment.as_deref()),
            (Actor::System, None, Some(steps))
        );
        assert_eq!(harness.events_since(events), [event]);
        let body = &tables.outbox.values().next_back().unwrap().body;
        assert!(body.contains(r#":"SYSTEM""#), "{body}");
    }
    harness.close().await;
}

#[tokio::test]
async fn a_missing_receipt_calls_a_moderator() {
    let harness = Harness::open(memory()).await;
    let deal = harness.deal(BUYS, Stage::Paid).await;
    harness.sweep_after(hours(24)).await;
    let offer = harness.deal_now(deal.id()).await;
    assert_eq!(
        offer.state,
        State::DisputeOpen {
            since: harness.market.now()
        }
    );
    let tables = harness.store.tables();
    let dispute = tables.disputes.values().next().unwrap();
    assert_eq!(
        (dispute.offer, dispute.opened_by, dispute.opener),
        (deal.id(), Actor::System, None)
    );
    assert_eq!(
        (&dispute.state, dispute.reason.as_str()),
        (&DisputeState::Open, "receipt timeout")
    );
    // Each side can still say its own part, and a moderator decides as always.
    harness.dispute(&offer, deal.customer.user).await;
    harness.dispute(&offer, deal.exchanger.user).await;
    harness
        .resolve(dispute.id, p2p_application::dispute::Decision::Finished)
        .await;
    assert_eq!(
        harness.wallet(deal.payer.user, Asset::Usdt).await,
        (99_900_000, 0)
    );
    harness.close().await;
}

/// A command for a deadline that was met, moved or taken by another replica meanwhile does nothing.
#[tokio::test]
async fn an_expiry_that_comes_too_late_changes_nothing() {
    let harness = Harness::open(memory()).await;
    let expire = |offer: OfferId| ExpireOffer {
        offer,
        dispute: harness.market.fresh(),
        freezes: true,
    };
    for stage in Stage::ALL {
        let deal = harness.deal(SELLS, stage).await;
        let before = harness.store.tables();
        assert_eq!(
            harness.done(expire(deal.id())).await,
            Expired::NotDue,
            "{stage:?}"
        );
        assert!(
            before == harness.store.tables(),
            "{stage:?}: it changed something"
        );
    }
    let missing = harness.refused(expire(OfferId::from_u128(9))).await;
    assert_eq!(missing, Refusal::NotFound(Resource::Offer));

    let deal = harness.deal(SELLS, Stage::Pending).await;
    harness.clock.advance(minutes(30));
    let twice = harness
        .together([expire(deal.id()), expire(deal.id())])
        .await;
    assert_eq!(
        twice,
        [Ok(Expired::Moved(Status::Cancelled)), Ok(Expired::NotDue)]
    );
    harness.close().await;
}

/// More than a sweep takes at a time: it goes on until nothing is due. Six of them freeze the exchanger, once.
#[tokio::test]
async fn a_sweep_goes_on_until_nothing_is_due() {
    let fixture = Fixture::open(memory()).await;
    let offers = fixture.offers(600).await;
    let harness = &fixture.harness;
    assert_eq!(harness.sweep_after(minutes(30)).await, 600);
    let tables = harness.store.tables();
    assert!(
        offers
            .iter()
            .all(|offer| tables.offers[&offer.id].status() == Status::Cancelled)
    );
    let frozen = harness
        .events()
        .into_iter()
        .filter(|name| *name == "ExchangerFrozen")
        .count();
    assert_eq!(frozen, 1);
    let record = tables.exchangers[&fixture.listing.exchanger];
    assert_eq!(
        (record.unanswered, record.frozen_at),
        (600, Some(harness.market.now()))
    );
    assert_eq!(
        harness.wallet(fixture.customer.user, Asset::Usdt).await,
        (100_000_000_000, 0)
    );
    fixture.harness.close().await;
}

/// A pipeline that is too small for all that is due turns some away; they are taken by a later sweep, none is lost.
#[tokio::test]
async fn a_busy_pipeline_only_delays_a_sweep() {
    let pipeline = PipelineSettings {
        queue: 16,
        batch: 8,
        ..PipelineSettings::default()
    };
    let fixture = Fixture::open_with(
        memory(),
        Setup {
            pipeline,
            ..Setup::default()
        },
    )
    .await;
    for _ in 0..10 {
        fixture.offers(10).await;
    }
    let harness = &fixture.harness;
    harness.clock.advance(minutes(30));
    let mut moved = 0;
    let mut sweeps = 0;
    while moved < 100 {
        let now = harness.sweep().await;
        assert!(now > 0, "a sweep made no progress");
        moved += now;
        sweeps += 1;
    }
    assert!(sweeps > 1 && harness.market.pipeline().stats().busy > 0);
    assert_eq!((moved, harness.sweep().await), (100, 0));
    fixture.harness.close().await;
}

/// Where callers fill the pipeline, a sweep steps back at once instead of asking for more and more.
#[tokio::test]
async fn a_sweep_does_not_add_to_an_overload() {
    let pipeline = PipelineSettings {
        queue: 1_000,
        batch: 512,
        ..PipelineSettings::default()
    };
    let setup = Setup {
        pipeline,
        ..Setup::default()
    };
    let fixture = Fixture::open_with(memory(), setup).await;
    fixture.offers(300).await;
    let harness = &fixture.harness;
    harness.clock.advance(minutes(30));

    // One command waits for storage, and callers fill the queue behind it.
    let gate = harness.store.faults().hold(Point::Begin);
    let mut tally = harness.store.tally();
    let asked = tally.borrow().asked;
    let waiting = harness.post(fixture.deposit());
    tally.wait_for(|tally| tally.asked > asked).await.unwrap();
    let offers = (0..1_000).map(|_| harness.post(refused_offer(&fixture)));
    let callers: Vec<_> = offers.collect();
    assert_eq!(harness.sweep().await, 0);
    let rejected = harness.market.pipeline().stats().busy;
    assert!(
        rejected <= 256,
        "{rejected} expiries were sent into an overload"
    );

    drop(gate);
    assert!(waiting.await.is_ok());
    for caller in callers {
        assert!(caller.await.is_err());
    }
    assert_eq!(harness.sweep().await, 300);
    fixture.harness.close().await;
}

/// Deals that can't be read must not keep the others waiting: neither one among them, nor more than a sweep takes at a
/// time, all more overdue than the rest.
#[tokio::test]
async fn deals_that_cannot_be_read_do_not_stop_a_sweep() {
    for bad in [1, 300] {
        // Room for one round of expiries, and not for all that is due.
        let pipeline = PipelineSettings {
            queue: 256,
            batch: 512,
            ..PipelineSettings::default()
        };
        let setup = Setup {
            pipeline,
            ..Setup::default()
        };
        let fixture = Fixture::open_with(memory(), setup).await;
        let harness = &fixture.harness;
        let mut unreadable = fixture.offers(bad / 2).await;
        unreadable.extend(fixture.offers(bad - bad / 2).await);
        harness.clock.advance(TICK);
        let good = fixture.offers(5).await;
        for offer in &unreadable {
            harness.store.faults().corrupt(offer.id);
        }
        assert_eq!(
            harness.sweep_after(minutes(30)).await,
            5,
            "{bad} are unreadable"
        );
        let status = |offer: &Offer| harness.store.tables().offers[&offer.id].status();
        assert!(good.iter().all(|offer| status(offer) == Status::Cancelled));
        assert!(
            unreadable
                .iter()
                .all(|offer| status(offer) == Status::Pending)
        );
        harness.store.faults().clear();
        assert_eq!(harness.sweep().await, u64::try_from(bad).unwrap());
        fixture.harness.close().await;
    }
}

#[tokio::test]
async fn a_sweep_without_storage_fails_and_the_next_one_does_its_work() {
    let fixture = Fixture::open(memory()).await;
    fixture.offers(1).await;
    let harness = &fixture.harness;
    let sweeper = Sweeper::new(harness.market.clone(), hours(1_000));
    harness.clock.advance(minutes(30));
    // The heartbeat, and then the list of what is due.
    for spare in 0..2 {
        let away = StorageError::Unavailable {
            source: "away".into(),
        };
        harness.store.faults().fail_at(Point::Query, spare, away);
        assert!(sweeper.sweep().await.is_err());
    }
    assert_eq!(sweeper.sweep().await.unwrap(), 1);
    drop(sweeper);
    fixture.harness.close().await;
}

/// Again and again, by itself. What is waited for here is the commit, however long it takes.
#[tokio::test]
async fn the_sweeper_runs_by_itself() {
    let fixture = Fixture::open(memory()).await;
    let harness = &fixture.harness;
    let sweeper = Sweeper::new(harness.market.clone(), hours(1_000));
    let running = tokio::spawn(sweeper.run(Duration::from_millis(1)));
    let mut tally = harness.store.tally();
    for _ in 0..3 {
        let offer = fixture.offers(1).await.remove(0);
        let committed = tally.borrow_and_update().committed;
        harness.clock.advance(minutes(30));
        let sweep = tally.wait_for(|tally| tally.committed > committed);
        sweep.await.unwrap();
        let offer = harness.deal_now(offer.id).await;
        assert_eq!(offer.status(), Status::Cancelled);
    }
    running.abort();
    assert!(running.await.unwrap_err().is_cancelled());
    fixture.harness.close().await;
}
