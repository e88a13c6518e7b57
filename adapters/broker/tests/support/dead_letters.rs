//! Dead letters in memory, and an outbox for requeued ones.

use std::sync::{Mutex, MutexGuard};

use async_trait::async_trait;
use p2p_application::ports::{
    Clock, DeadLetter, DeadLetters, Incoming, OutboxMessage, Queue, StorageError,
};
use p2p_domain::{EventId, Timestamp};

#[derive(Debug, Default)]
pub struct InMemoryDeadLetters(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    stored: Vec<(OutboxMessage, Queue, String)>,
    outbox: Vec<OutboxMessage>,
    is_away: bool,
}

impl InMemoryDeadLetters {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    /// What is to be published again.
    pub fn take_outbox(&self) -> Vec<OutboxMessage> {
        std::mem::take(&mut self.state().outbox)
    }

    /// From now on it fails, or does not.
    pub fn go_away(&self, away: bool) {
        self.state().is_away = away;
    }

    fn at_hand(&self) -> Result<MutexGuard<'_, State>, StorageError> {
        let state = self.state();
        if state.is_away {
            return Err(StorageError::Unavailable {
                source: "away".into(),
            });
        }
        Ok(state)
    }
}

#[async_trait]
impl DeadLetters for InMemoryDeadLetters {
    async fn store(
        &self,
        message: &OutboxMessage,
        queue: Queue,
        reason: &str,
        _at: Timestamp,
    ) -> Result<(), StorageError> {
        let mut state = self.at_hand()?;
        let is_there = |(other, at, _): &(OutboxMessage, Queue, String)| {
            other.id == message.id && *at == queue
        };
        if !state.stored.iter().any(is_there) {
            state
                .stored
                .push((message.clone(), queue, reason.to_owned()));
        }
        Ok(())
    }

    async fn list_dead_letters(&self, limit: u32) -> Result<Vec<DeadLetter>, StorageError> {
        let state = self.at_hand()?;
        let oldest = state.stored.iter().take(limit as usize);
        Ok(oldest
            .map(|(message, queue, reason)| DeadLetter {
                message: Incoming {
                    id: message.id.to_string(),
                    name: message.name.clone().into_owned(),
                    version: Some(message.version),
                    body: message.body.clone().into_bytes(),
                },
                queue: queue.name().to_owned(),
                reason: reason.clone(),
            })
            .collect())
    }

    async fn requeue(&self, message: Option<EventId>, limit: u32) -> Result<u32, StorageError> {
        let mut state = self.at_hand()?;
        let (mut requeued, mut kept) = (Vec::new(), Vec::new());
        for (dead, queue, reason) in std::mem::take(&mut state.stored) {
            let meant = match message {
                Some(id) => dead.id == id,
                None => requeued.len() < limit as usize,
            };
            if meant {
                requeued.push(OutboxMessage {
                    only: Some(queue),
                    ..dead
                });
            } else {
                kept.push((dead, queue, reason));
            }
        }
        state.stored = kept;
        let count = u32::try_from(requeued.len()).unwrap();
        state.outbox.extend(requeued);
        Ok(count)
    }
}

/// A clock that stands.
#[derive(Debug)]
pub struct FixedClock;

impl Clock for FixedClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(1_700_000_000_000_000)
    }
}
