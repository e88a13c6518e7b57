//! The market as its adapters see it: one value that carries out commands and answers queries.

use std::sync::Arc;

use p2p_domain::{Policy, Timestamp, TypedId};
use tokio::task::JoinHandle;

use crate::access::{AccessQueries, POLL_INTERVAL, RevocationCache};
use crate::audit_log::AuditLogQueries;
use crate::dispute::DisputeQueries;
use crate::engine::{Command, CommandError, Pipeline, PipelineSettings};
use crate::exchanger::ExchangerQueries;
use crate::limits::PayerLimits;
use crate::listing::ListingQueries;
use crate::mail::MailQueue;
use crate::notification::NotificationQueries;
use crate::offer::OfferQueries;
use crate::order::OrderQueries;
use crate::payment::PaymentQueries;
use crate::payment_report::ReportQueries;
use crate::ports::{
    Bearer, Clock, Ids, IdsExt, Maintenance, Passwords, SecondFactors, StorageError, Store,
    TokenError, Tokens,
};
use crate::user::UserQueries;
use crate::wallet::WalletQueries;
use crate::withdrawal::WithdrawalQueries;

/// All reads. They go straight to storage, see only what is committed, and bypass the pipeline.
///
/// Lists are newest first unless said otherwise; `after` is the last item of the previous page.
pub trait Queries:
    AccessQueries
    + AuditLogQueries
    + DisputeQueries
    + ExchangerQueries
    + ListingQueries
    + NotificationQueries
    + OfferQueries
    + OrderQueries
    + PaymentQueries
    + ReportQueries
    + UserQueries
    + WalletQueries
    + WithdrawalQueries
{
}

impl<T> Queries for T where
    T: AccessQueries
        + AuditLogQueries
        + DisputeQueries
        + ExchangerQueries
        + ListingQueries
        + NotificationQueries
        + OfferQueries
        + OrderQueries
        + PaymentQueries
        + ReportQueries
        + UserQueries
        + WalletQueries
        + WithdrawalQueries
{
}

/// The ports of the market, each with the adapter behind it.
#[derive(Clone)]
pub struct MarketPorts {
    pub store: Arc<dyn Store>,
    pub queries: Arc<dyn Queries>,
    pub maintenance: Arc<dyn Maintenance>,
    pub clock: Arc<dyn Clock>,
    pub ids: Arc<dyn Ids>,
    pub passwords: Arc<dyn Passwords>,
    pub tokens: Arc<dyn Tokens>,
    pub second_factors: Arc<dyn SecondFactors>,
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
    revocations: RevocationCache,
}

impl Market {
    /// Starts the pipeline. The handle ends when the market is closed, or all its clones are dropped, and every accepted
    /// command is answered.
    #[must_use]
    pub fn open(
        ports: MarketPorts,
        policy: Policy,
        settings: PipelineSettings,
    ) -> (Self, JoinHandle<()>) {
        let revocations = RevocationCache::new(ports.tokens.lifetime());
        let (pipeline, worker) = Pipeline::start(
            Arc::clone(&ports.store),
            Arc::clone(&ports.clock),
            Arc::clone(&ports.ids),
            policy,
            revocations.clone(),
            settings,
        );
        (
            Self {
                pipeline,
                ports,
                policy,
                payer_limits: PayerLimits::new(&policy),
                revocations,
            },
            worker,
        )
    }

    /// Executes a command in the pipeline.
    pub async fn execute<C: Command>(&self, command: C) -> Result<C::Outcome, CommandError> {
        self.pipeline.execute(command).await
    }

    /// The pipeline itself, for its statistics.
    #[must_use]
    pub const fn pipeline(&self) -> &Pipeline {
        &self.pipeline
    }

    /// Accepts no more commands. Those accepted before are executed and answered.
    pub fn close(&self) {
        self.pipeline.close();
    }

    /// The reads.
    #[must_use]
    pub fn queries(&self) -> &dyn Queries {
        self.ports.queries.as_ref()
    }

    /// Upkeep of storage.
    #[must_use]
    pub fn maintenance(&self) -> &dyn Maintenance {
        self.ports.maintenance.as_ref()
    }

    /// The password hasher.
    #[must_use]
    pub fn passwords(&self) -> &dyn Passwords {
        self.ports.passwords.as_ref()
    }

    /// Tokens.
    #[must_use]
    pub fn tokens(&self) -> &dyn Tokens {
        self.ports.tokens.as_ref()
    }

    /// The bearer of this access token, with the role changes made since it was issued; an error if their session has ended.
    pub fn admit(&self, token: &str) -> Result<Bearer, TokenError> {
        let now = self.now();
        let bearer = self.ports.tokens.verify(token, now)?;
        self.revocations.check(bearer, now)
    }

    /// Role changes and ended sessions that overrule access tokens.
    #[must_use]
    pub const fn revocations(&self) -> &RevocationCache {
        &self.revocations
    }

    /// Reads the revocations of other replicas from storage. To be called before the first request is served.
    pub async fn refresh_revocations(&self) -> Result<(), StorageError> {
        self.revocations.refresh(self.queries(), self.now()).await
    }

    /// Refreshes the revocations at a fixed interval, for ever.
    pub async fn follow_revocations(self) {
        let mut ticks = tokio::time::interval(POLL_INTERVAL);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            if let Err(error) = self.refresh_revocations().await {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "revoked rights can't be read from storage"
                );
            }
        }
    }

    /// Second factors.
    #[must_use]
    pub fn second_factors(&self) -> &dyn SecondFactors {
        self.ports.second_factors.as_ref()
    }

    /// Mail to users.
    #[must_use]
    pub const fn mail(&self) -> &MailQueue {
        &self.ports.mail
    }

    /// The operator's settings.
    #[must_use]
    pub const fn policy(&self) -> &Policy {
        &self.policy
    }

    /// The rate limit of payments made through this process.
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
