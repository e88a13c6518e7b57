//! A whole market over any adapter, with a clock that stands and ids in sequence, and its life in one-liners.
//!
//! What a step answers is unwrapped: a test that expects a refusal says so with [`Harness::refused`].

#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a step that goes wrong has to stop the test"
)]

mod answers;
mod deals;
mod memory;
mod people;

use std::sync::Arc;
use std::time::Duration;

use p2p_application::mail::MailQueue;
use p2p_application::ports::{DeadLetters, Maintenance, Outbox, Store};
use p2p_application::user::RegisterUser;
use p2p_application::{
    Caller, Command, CommandError, Market, MarketPorts, PipelineSettings, Queries, Sweeper,
};
use p2p_domain::policy::Limits;
use p2p_domain::user::Email;
use p2p_domain::{Asset, Policy, Role, Roles, Timestamp, TypedId, UserId};
use p2p_memory::{
    InsecurePasswords, InsecureSecondFactors, InsecureTokens, KeptMail, ManualClock, SequentialIds,
};
use tokio::task::JoinHandle;

pub use answers::Posted;
pub use deals::{Deal, Offering, Stage};
pub use people::{decimal, deposit};

/// When every test begins: 2025-04-18T15:00:00Z.
pub const START: Timestamp = Timestamp::from_micros(1_744_988_400_000_000);

/// An adapter that keeps a market and answers questions about it.
pub trait Storage: Store + Queries + Maintenance + Outbox + DeadLetters + Clone + 'static {}

impl<S: Store + Queries + Maintenance + Outbox + DeadLetters + Clone + 'static> Storage for S {}

/// How a market is opened.
#[derive(Debug, Clone)]
pub struct Setup {
    pub policy: Policy,
    pub pipeline: PipelineSettings,
    pub clock: ManualClock,
    pub ids: SequentialIds,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            policy: unlimited(),
            pipeline: PipelineSettings::default(),
            clock: ManualClock::at(START),
            ids: SequentialIds::default(),
        }
    }
}

/// The usual policy without limits, which tests of other things would meet all the time.
#[must_use]
pub fn unlimited() -> Policy {
    Policy {
        limits: Limits::NONE,
        ..Policy::default()
    }
}

/// A running market.
#[derive(Debug)]
pub struct Harness<S> {
    pub store: S,
    pub market: Market,
    pub clock: ManualClock,
    pub ids: SequentialIds,
    pub passwords: InsecurePasswords,
    /// All mail that was sent.
    pub letters: KeptMail,
    /// Books the deposits.
    pub admin: Caller,
    /// Decides disputes.
    pub moderator: Caller,
    worker: JoinHandle<()>,
}

impl<S: Storage> Harness<S> {
    /// Opens a market with the default settings.
    pub async fn open(store: S) -> Self {
        Self::open_with(store, Setup::default()).await
    }

    /// Opens a market. Two of them over one store must share a clock and a sequence of ids.
    pub async fn open_with(store: S, setup: Setup) -> Self {
        let passwords = InsecurePasswords::default();
        let letters = KeptMail::default();
        let (post, _) = MailQueue::open(
            Arc::new(letters.clone()),
            Arc::new(setup.clock.clone()),
            "https://market.example",
        );
        let ports = MarketPorts {
            store: Arc::new(store.clone()),
            queries: Arc::new(store.clone()),
            maintenance: Arc::new(store.clone()),
            clock: Arc::new(setup.clock.clone()),
            ids: Arc::new(setup.ids.clone()),
            passwords: Arc::new(passwords.clone()),
            tokens: Arc::new(InsecureTokens::default()),
            second_factors: Arc::new(InsecureSecondFactors),
            mail: post,
        };
        let (market, worker) = Market::open(ports, setup.policy, setup.pipeline);
        let nobody = party(UserId::from_u128(0));
        let mut harness = Self {
            store,
            market,
            clock: setup.clock,
            ids: setup.ids,
            passwords,
            letters,
            admin: nobody,
            moderator: nobody,
            worker,
        };
        harness.admin = harness.person("admin", [Role::Admin]).await;
        harness.moderator = harness.person("moderator", [Role::Moderator]).await;
        harness
    }

    /// Carries a command out and wants it to succeed.
    #[track_caller]
    pub fn done<C: Command>(&self, command: C) -> impl Future<Output = C::Outcome> {
        let place = std::panic::Location::caller();
        async move {
            match self.market.execute(command).await {
                Ok(outcome) => outcome,
                Err(error) => panic!("at {place}: {error:?}"),
            }
        }
    }

    /// Carries a command out, whatever comes of it.
    pub async fn attempt<C: Command>(&self, command: C) -> Result<C::Outcome, CommandError> {
        self.market.execute(command).await
    }

    /// Registers somebody. The address is made of the name and a fresh id.
    pub async fn person<const N: usize>(&self, name: &str, roles: [Role; N]) -> Caller {
        let tag: UserId = self.market.fresh();
        let email = Email::new(&format!("{name}.{tag}@example.org"));
        let roles = Roles::from(roles);
        let command = RegisterUser::new(self.market.ids(), email, name.to_owned(), roles, None);
        let user = self.done(command).await;
        Caller::new(user.id, roles).proved(Timestamp::from_micros(i64::MAX))
    }

    /// Sweeps once, with the outage tolerance of a test that does not care for outages; the answer is how many deals
    /// were moved.
    pub async fn sweep(&self) -> u64 {
        self.sweep_tolerating(Duration::from_secs(365 * 24 * 60 * 60))
            .await
    }

    /// Sweeps once; a silence longer than this was an outage.
    pub async fn sweep_tolerating(&self, outage: Duration) -> u64 {
        let sweeper = Sweeper::new(self.market.clone(), outage);
        sweeper.sweep().await.expect("sweeping")
    }

    /// Lets time pass and sweeps.
    pub async fn sweep_after(&self, span: Duration) -> u64 {
        self.clock.advance(span);
        self.sweep().await
    }

    /// What somebody has available and in escrow, in minor units.
    pub async fn wallet(&self, user: UserId, asset: Asset) -> (i64, i64) {
        let accounts = self
            .store
            .accounts_of(user)
            .await
            .expect("reading a wallet");
        let account = accounts
            .iter()
            .find(|account| account.key.asset == asset)
            .expect("a wallet has an account in every asset");
        (account.available().minor(), account.held().minor())
    }

    /// Fails unless every law of the ledger and the market holds.
    pub async fn assert_clean(&self) {
        let report = self.store.audit().await.expect("an audit");
        assert_eq!(report.violations, [], "the audit found something");
    }

    /// Ends the market, with clean books.
    pub async fn close(self) -> S {
        self.assert_clean().await;
        self.end().await
    }

    /// Ends the market as a shutdown does: nothing new, and the pipeline goes on until all that was accepted is answered.
    pub async fn end(self) -> S {
        let Self {
            store,
            market,
            worker,
            ..
        } = self;
        drop(market);
        worker.await.expect("the pipeline ends in good order");
        store
    }
}

/// A side of a deal, by id. What may be done is decided by whose the deal is, so both roles will do.
#[must_use]
pub fn party(user: UserId) -> Caller {
    Caller::new(user, Roles::from([Role::Customer, Role::Exchanger]))
        .proved(Timestamp::from_micros(i64::MAX))
}

/// This many minutes.
#[must_use]
pub const fn minutes(count: u64) -> Duration {
    Duration::from_secs(count * 60)
}

/// This many hours.
#[must_use]
pub const fn hours(count: u64) -> Duration {
    minutes(count * 60)
}
