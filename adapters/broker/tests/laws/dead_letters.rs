//! A message that can't take effect is kept, with the reason, until it is replayed.

use p2p_application::ports::Queue;

use super::Fixture;
use crate::support::{
    id, message, message_for, messages, next, next_dead, next_done, publish, silence, soon,
};

pub async fn a_dead_message_is_kept_with_its_reason(fixture: &impl Fixture) {
    let broker = fixture.open();
    let mut deliveries = soon(broker.consume(Queue::Notifications, 1)).await.unwrap();
    let publishing = publish(&broker, vec![message(0)]);
    let delivery = next(&mut deliveries).await;
    let whole = delivery.message.clone();
    soon(delivery.acker.dead_letter("it is no JSON: ё"))
        .await
        .unwrap();
    // It has arrived, though it came to nothing.
    assert_eq!(publishing.arrived().await, [message(0).id]);
    let dead = soon(broker.dead_letters(10)).await.unwrap();
    assert_eq!(dead.len(), 1);
    assert_eq!(dead[0].message, whole);
    assert_eq!(dead[0].queue, Queue::Notifications.name());
    assert_eq!(dead[0].reason, "it is no JSON: ё");
    silence(&mut deliveries).await;
}

pub async fn listing_removes_nothing(fixture: &impl Fixture) {
    let broker = fixture.open();
    let mut deliveries = soon(broker.consume(Queue::Notifications, 1)).await.unwrap();
    let publishing = publish(&broker, messages(0..4));
    for number in 0..4 {
        let reason = format!("reason {number}");
        assert_eq!(
            next_dead(&mut deliveries, &reason).await,
            message(number).id
        );
    }
    publishing.arrived().await;
    for limit in [4, 2, 0, 100] {
        let dead = soon(broker.dead_letters(limit)).await.unwrap();
        let reasons: Vec<_> = dead.iter().map(|letter| letter.reason.as_str()).collect();
        let all = ["reason 0", "reason 1", "reason 2", "reason 3"];
        assert_eq!(reasons, all[..all.len().min(limit as usize)]);
    }
}

pub async fn a_replay_brings_a_message_back_to_its_queue_only(fixture: &impl Fixture) {
    let broker = fixture.open();
    let mut other = soon(broker.consume(Queue::Notifications, 1)).await.unwrap();
    let mut own = soon(broker.consume(Queue::PaymentCallbacks, 1))
        .await
        .unwrap();
    let sent = message_for(Queue::PaymentCallbacks, 0);
    let publishing = publish(&broker, vec![sent.clone()]);
    let delivery = next(&mut own).await;
    let whole = delivery.message.clone();
    soon(delivery.acker.dead_letter("not today")).await.unwrap();
    publishing.arrived().await;

    assert_eq!(soon(broker.replay(None, 10)).await.unwrap(), 1);
    fixture.relay();
    let again = next(&mut own).await;
    assert_eq!(again.message, whole);
    soon(again.acker.ack()).await.unwrap();
    assert_eq!(soon(broker.dead_letters(10)).await.unwrap(), []);
    silence(&mut own).await;
    silence(&mut other).await;
}

pub async fn a_replay_by_id_leaves_the_others(fixture: &impl Fixture) {
    let broker = fixture.open();
    let mut deliveries = soon(broker.consume(Queue::Notifications, 1)).await.unwrap();
    let publishing = publish(&broker, messages(0..3));
    for _ in 0..3 {
        next_dead(&mut deliveries, "no").await;
    }
    publishing.arrived().await;
    let second = message(1).id.to_string();
    assert_eq!(soon(broker.replay(Some(&second), 1)).await.unwrap(), 1);
    fixture.relay();
    assert_eq!(next_done(&mut deliveries).await, message(1).id);
    let left = soon(broker.dead_letters(10)).await.unwrap();
    let left: Vec<_> = left.into_iter().map(|letter| letter.message.id).collect();
    assert_eq!(left, [message(0).id.to_string(), message(2).id.to_string()]);
    assert_eq!(soon(broker.replay(Some(&second), 1)).await.unwrap(), 0);
    silence(&mut deliveries).await;
}

pub async fn a_replay_takes_the_oldest(fixture: &impl Fixture) {
    let broker = fixture.open();
    let mut deliveries = soon(broker.consume(Queue::Notifications, 1)).await.unwrap();
    let publishing = publish(&broker, messages(0..3));
    for _ in 0..3 {
        next_dead(&mut deliveries, "no").await;
    }
    publishing.arrived().await;
    assert_eq!(soon(broker.replay(None, 2)).await.unwrap(), 2);
    fixture.relay();
    assert_eq!(next_done(&mut deliveries).await, message(0).id);
    assert_eq!(next_done(&mut deliveries).await, message(1).id);
    silence(&mut deliveries).await;
    assert_eq!(soon(broker.dead_letters(10)).await.unwrap().len(), 1);
}

pub async fn a_message_that_fails_again_is_dead_again(fixture: &impl Fixture) {
    let broker = fixture.open();
    let mut deliveries = soon(broker.consume(Queue::Notifications, 1)).await.unwrap();
    let publishing = publish(&broker, vec![message(0)]);
    next_dead(&mut deliveries, "first").await;
    publishing.arrived().await;
    for reason in ["second", "third"] {
        assert_eq!(soon(broker.replay(None, 10)).await.unwrap(), 1);
        fixture.relay();
        let delivery = next(&mut deliveries).await;
        assert_eq!(id(&delivery), message(0).id);
        soon(delivery.acker.dead_letter(reason)).await.unwrap();
        let dead = soon(broker.dead_letters(10)).await.unwrap();
        assert_eq!(dead.len(), 1);
        assert_eq!(dead[0].reason, reason);
    }
}

pub async fn an_unknown_id_replays_nothing(fixture: &impl Fixture) {
    let broker = fixture.open();
    for id in [message(9).id.to_string().as_str(), "", "nonsense"] {
        assert_eq!(soon(broker.replay(Some(id), 1)).await.unwrap(), 0);
    }
    assert_eq!(soon(broker.replay(None, 10)).await.unwrap(), 0);
    assert_eq!(soon(broker.dead_letters(10)).await.unwrap(), []);
}
