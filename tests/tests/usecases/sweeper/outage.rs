//! Outages put deadlines off; silences that are tolerated don't.

use std::time::Duration;

use super::memory;
use p2p_domain::Timestamp;
use p2p_tests::fixture::Fixture;
use p2p_tests::harness::{START, minutes};

const TOLERANCE: Duration = Duration::from_secs(60);

/// The service was away for longer than tolerated: everybody gets the time back, to the microsecond, and only once.
#[tokio::test]
async fn an_outage_puts_deadlines_off() {
    let fixture = Fixture::open(memory()).await;
    let harness = &fixture.harness;
    let offers = fixture.offers(6).await;
    assert_eq!(harness.sweep_tolerating(TOLERANCE).await, 0);
    // Away over the end of the response window; nobody is cancelled, nobody is counted.
    let away = minutes(40);
    harness.clock.advance(away);
    assert_eq!(harness.sweep_tolerating(TOLERANCE).await, 0);
    let deadline = START.after(minutes(30) + away);
    for offer in &offers {
        assert_eq!(harness.deal_now(offer.id).await.deadline(), Some(deadline));
    }
    let record = harness.exchanger_record(fixture.listing.exchanger).await;
    assert_eq!((record.unanswered, record.frozen_at), (0, None));
    // The rest of the time runs as usual, with a beat often enough.
    let mut now = harness.market.now();
    while now.after(TOLERANCE) < deadline {
        now = now.after(TOLERANCE);
        harness.clock.set(now);
        assert_eq!(harness.sweep_tolerating(TOLERANCE).await, 0);
    }
    harness.clock.set(deadline);
    assert_eq!(harness.sweep_tolerating(TOLERANCE).await, 6);
    fixture.harness.close().await;
}

/// A silence that is tolerated is not an outage: what ran out in it has run out.
#[tokio::test]
async fn a_short_silence_is_no_excuse() {
    let fixture = Fixture::open(memory()).await;
    let harness = &fixture.harness;
    fixture.offers(1).await;
    let last: Timestamp = START.after(minutes(30)).before(TOLERANCE);
    harness.clock.set(last);
    assert_eq!(harness.sweep_tolerating(TOLERANCE).await, 0);
    assert_eq!(harness.sweep_tolerating(TOLERANCE).await, 0);
    harness.clock.advance(TOLERANCE);
    assert_eq!(harness.sweep_tolerating(TOLERANCE).await, 1);
    fixture.harness.close().await;
}
