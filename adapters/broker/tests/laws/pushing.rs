//! News reach whoever listens.

use super::Place;
use crate::support::soon;

pub async fn news_reach_all_listeners(place: &impl Place) {
    let (here, there) = (place.open(), place.open());
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

pub async fn news_without_listeners_are_no_trouble(place: &impl Place) {
    let broker = place.open();
    soon(broker.broadcast(b"anybody?")).await.unwrap();
    drop(soon(broker.subscribe()).await.unwrap());
    soon(broker.broadcast(b"nobody?")).await.unwrap();
}

pub async fn news_keep_their_order(place: &impl Place) {
    let broker = place.open();
    let mut listener = soon(broker.subscribe()).await.unwrap();
    for number in 0..200_u8 {
        soon(broker.broadcast(&[number])).await.unwrap();
    }
    for number in 0..200_u8 {
        assert_eq!(soon(listener.next()).await.unwrap(), [number]);
    }
}

pub async fn a_listener_hears_nothing_of_before(place: &impl Place) {
    let broker = place.open();
    let mut early = soon(broker.subscribe()).await.unwrap();
    soon(broker.broadcast(b"before")).await.unwrap();
    assert_eq!(soon(early.next()).await.unwrap(), b"before");
    let mut late = soon(broker.subscribe()).await.unwrap();
    soon(broker.broadcast(b"after")).await.unwrap();
    assert_eq!(soon(late.next()).await.unwrap(), b"after");
}
