//! The market as its adapters see it: one value that carries out commands and answers queries.

use std::sync::Arc;

use p2p_domain::{Policy, Timestamp, TypedId};
use tokio::task::JoinHandle;

use crate::access::Access;
use crate::engine::{Command, CommandError, Pipeline, PipelineSettings};
use crate::mail::MailQueue;
use crate::payment::PayerLimits;
use crate::ports::{
    Bearer, Clock, Ids, IdsExt, Passwords, Queries, SecondFactors, Store, TokenError, Tokens,
};

/// Everything that the market needs of the world.
#[derive(Clone)]
pub struct MarketPorts {
    pub store: Arc<dyn Store>,
    pub queries: Arc<dyn Queries>,
    pub clock: Arc<dyn Clock>,
    pub ids: Arc<dyn Ids>,
    pub passwords: Arc<dyn Passwords>,
    pub tokens: Arc<dyn Tokens>,
    pub second_factors: Arc<dyn SecondFactors>,
    /// Where mail to people is left.
    pub mail: MailQueue,
}

impl std::fmt::Debug for MarketPorts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MarketPorts").finish_non_exhaustive()
    }
}

/// A running market. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Market {
    pipeline: Pipeline,
    ports: MarketPorts,
    policy: Policy,
    payer_limits: PayerLimits,
    access: Access,
}

impl Market {
    /// Starts the pipeline. The handle ends when the market is closed, or every clone of it is gone, and all that
    /// was accepted is answered.
    #[must_use]
    pub fn open(
        ports: MarketPorts,
        policy: Policy,
        settings: PipelineSettings,
    ) -> (Self, JoinHandle<()>) {
        let access = Access::new(ports.tokens.lifetime());
        let (pipeline, worker) = Pipeline::start(
            Arc::clone(&ports.store),
            Arc::clone(&ports.clock),
            Arc::clone(&ports.ids),
            policy,
            access.clone(),
            settings,
        );
        (
            Self {
                pipeline,
                ports,
                policy,
                payer_limits: PayerLimits::new(&policy),
                access,
            },
            worker,
        )
    }

    /// Carries a command out.
    pub async fn execute<C: Command>(&self, command: C) -> Result<C::Outcome, CommandError> {
        self.pipeline.execute(command).await
    }

    /// The pipeline itself, for its statistics.
    #[must_use]
    pub const fn pipeline(&self) -> &Pipeline {
        &self.pipeline
    }

    /// Lets no change in any more; what was accepted before is carried out and answered.
    pub fn close(&self) {
        self.pipeline.close();
    }

    /// The reads.
    #[must_use]
    pub fn queries(&self) -> &dyn Queries {
        self.ports.queries.as_ref()
    }

    /// The password hasher.
    #[must_use]
    pub fn passwords(&self) -> &dyn Passwords {
        self.ports.passwords.as_ref()
    }

    /// The access tokens.
    #[must_use]
    pub fn tokens(&self) -> &dyn Tokens {
        self.ports.tokens.as_ref()
    }

    /// Who the bearer of this access token is: by the token, and by what has become known since it was issued.
    pub fn admit(&self, token: &str) -> Result<Bearer, TokenError> {
        let now = self.now();
        let bearer = self.ports.tokens.verify(token, now)?;
        self.access.still_good(bearer, now)
    }

    /// Whose rights have changed of late.
    #[must_use]
    pub const fn access(&self) -> &Access {
        &self.access
    }

    /// Second factors.
    #[must_use]
    pub fn second_factors(&self) -> &dyn SecondFactors {
        self.ports.second_factors.as_ref()
    }

    /// Where mail to people is left.
    #[must_use]
    pub const fn mail(&self) -> &MailQueue {
        &self.ports.mail
    }

    /// The operator's settings.
    #[must_use]
    pub const fn policy(&self) -> &Policy {
        &self.policy
    }

    /// How often accounts have paid of late, through this process.
    #[must_use]
    pub const fn payer_limits(&self) -> &PayerLimits {
        &self.payer_limits
    }

    /// Now.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.ports.clock.now()
    }

    /// The source of ids.
    #[must_use]
    pub fn ids(&self) -> &dyn Ids {
        self.ports.ids.as_ref()
    }

    /// A fresh id.
    #[must_use]
    pub fn fresh<T: TypedId>(&self) -> T {
        self.ports.ids.fresh()
    }
}
