//! Dead letters in memory, and an outbox for those that are revived.

use std::sync::{Mutex, MutexGuard};

use async_trait::async_trait;
use p2p_application::ports::{
    Clock, DeadLetter, DeadLetters, Incoming, OutboxMessage, Queue, StorageError,
};
use p2p_domain::{EventId, Timestamp};

#[derive(Debug, Default)]
pub struct Graves(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    buried: Vec<(OutboxMessage, Queue, String)>,
    outbox: Vec<OutboxMessage>,
    is_away: bool,
}

impl Graves {
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
impl DeadLetters for Graves {
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
        if !state.buried.iter().any(is_there) {
            state
                .buried
                .push((message.clone(), queue, reason.to_owned()));
        }
        Ok(())
    }

    async fn list_dead_letters(&self, limit: u32) -> Result<Vec<DeadLetter>, StorageError> {
        let state = self.at_hand()?;
        let oldest = state.buried.iter().take(limit as usize);
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
        let (mut revived, mut kept) = (Vec::new(), Vec::new());
        for (dead, queue, reason) in std::mem::take(&mut state.buried) {
            let meant = match message {
                Some(id) => dead.id == id,
                None => revived.len() < limit as usize,
            };
            if meant {
                revived.push(OutboxMessage {
                    only: Some(queue),
                    ..dead
                });
            } else {
                kept.push((dead, queue, reason));
            }
        }
        state.buried = kept;
        let count = u32::try_from(revived.len()).unwrap();
        state.outbox.extend(revived);
        Ok(count)
    }
}

/// A clock that stands.
#[derive(Debug)]
pub struct CustomerPreconditions;

impl Clock for CustomerPreconditions {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(1_700_000_000_000_000)
    }
}
