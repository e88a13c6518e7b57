//! Broadcasts reach all subscribers.

use super::Fixture;
use crate::support::soon;

pub async fn broadcasts_reach_all_subscribers(fixture: &impl Fixture) {
    let (here, there) = (fixture.open(), fixture.open());
    let mut listeners = [
        soon(here.subscribe()).await.unwrap(),
        soon(here.subscribe()).await.unwrap(),
        soon(there.subscribe()).await.unwrap(),
    ];
    soon(here.broadcast(b"from here")).await.unwrap();
    for listener in &mut listeners {
        assert_eq!(soon(listener.next()).await.unwrap(), b"from here");
    }
    soon(there.broadcast(b"from there")).await.unwrap();
    for listener in &mut listeners {
        assert_eq!(soon(listener.next()).await.unwrap(), b"from there");
    }
}

pub async fn a_broadcast_without_subscribers_succeeds(fixture: &impl Fixture) {
    let broker = fixture.open();
    soon(broker.broadcast(b"first")).await.unwrap();
    drop(soon(broker.subscribe()).await.unwrap());
    soon(broker.broadcast(b"second")).await.unwrap();
}

pub async fn broadcasts_keep_their_order(fixture: &impl Fixture) {
    let broker = fixture.open();
    let mut listener = soon(broker.subscribe()).await.unwrap();
    for number in 0..200_u8 {
        soon(broker.broadcast(&[number])).await.unwrap();
    }
    for number in 0..200_u8 {
        assert_eq!(soon(listener.next()).await.unwrap(), [number]);
    }
}

pub async fn a_subscriber_gets_no_earlier_broadcast(fixture: &impl Fixture) {
    let broker = fixture.open();
    let mut early = soon(broker.subscribe()).await.unwrap();
    soon(broker.broadcast(b"before")).await.unwrap();
    assert_eq!(soon(early.next()).await.unwrap(), b"before");
    let mut late = soon(broker.subscribe()).await.unwrap();
    soon(broker.broadcast(b"after")).await.unwrap();
    assert_eq!(soon(late.next()).await.unwrap(), b"after");
}
