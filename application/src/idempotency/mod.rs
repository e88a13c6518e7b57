//! Requests that can be sent again: whatever is repeated, the effect comes about once and the answer stays the same.

use p2p_domain::Refusal;

use crate::engine::{Command, ReadSet, UnitOfWork};
use crate::ports::{IdempotencyKey, IdempotencyRecord, Reply};

/// Carries a command out once for its key, and keeps the answer, a refusal like a success, in the commit of its effect.
/// The same request is answered alike ever after; another request under the same key is refused.
pub struct Once<C, R> {
    pub command: C,
    pub key: IdempotencyKey,
    /// A digest of the request.
    pub fingerprint: u128,
    /// What is answered. Called again if the commit met a conflict.
    pub render: R,
}

impl<C, R> std::fmt::Debug for Once<C, R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Once")
            .field("key", &self.key)
            .finish_non_exhaustive()
    }
}

/// An answer, and whether it was given before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replied {
    pub reply: Reply,
    pub replayed: bool,
}

impl<C, R> Command for Once<C, R>
where
    C: Command,
    R: Fn(Result<C::Outcome, Refusal>) -> Reply + Send + Sync + 'static,
{
    type Outcome = Replied;

    fn read_set(&self, reads: &mut ReadSet) {
        reads.reply(self.key.clone());
        self.command.read_set(reads);
    }

    fn affinity(&self) -> u128 {
        self.command.affinity()
    }

    fn is_background(&self) -> bool {
        self.command.is_background()
    }

    fn decide(&self, uow: &mut UnitOfWork<'_>) -> Result<Replied, Refusal> {
        if let Some(known) = uow.reply(&self.key) {
            if known.fingerprint != self.fingerprint {
                return Err(Refusal::IdempotencyKeyReused);
            }
            return Ok(Replied {
                reply: known.reply.clone(),
                replayed: true,
            });
        }
        let decision = self.command.decide(uow);
        match decision {
            // A defect of ours is no answer to be kept, nor is what is only about how the caller comes.
            Err(refusal)
                if matches!(refusal, Refusal::Broken { .. }) || refusal.is_about_access() =>
            {
                return Err(refusal);
            }
            Err(_) => uow.start_over(),
            Ok(_) => {}
        }
        let reply = (self.render)(decision);
        uow.record_reply(IdempotencyRecord {
            key: self.key.clone(),
            fingerprint: self.fingerprint,
            reply: reply.clone(),
            at: uow.now(),
        });
        Ok(Replied {
            reply,
            replayed: false,
        })
    }
}
