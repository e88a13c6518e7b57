//! Idempotent requests: a repeated request takes effect once and gets the first reply again.

use p2p_domain::Refusal;

use crate::engine::{Command, ReadSet, UnitOfWork};
use crate::ports::{IdempotencyKey, IdempotencyRecord, Reply};

/// Executes a command once for its key and stores the reply, be it a success or a refusal, in the commit of its effect. The
/// same request gets the stored reply; a different request under the same key is refused.
pub struct Once<C, R> {
    pub command: C,
    pub key: IdempotencyKey,
    /// A digest of the request.
    pub fingerprint: u128,
    /// Renders the reply. Called again if the commit met a conflict.
    pub render: R,
}

impl<C, R> std::fmt::Debug for Once<C, R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Once")
            .field("key", &self.key)
            .finish_non_exhaustive()
    }
}

/// A reply, and whether it was given before.
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
            // Defects and refusals of access are not stored: a repeated request may succeed.
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
