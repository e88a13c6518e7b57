//! What the cases of a run share: PostgreSQL, the filled databases, how long to measure.

use std::future::Future;
use std::rc::Rc;
use std::time::Duration;

use anyhow::{Result, ensure};
use p2p_application::ports::Maintenance;
use p2p_tests::databases::TestDatabase;

use crate::baseline::Baseline;
use crate::cast::Cast;
use crate::drive::{Load, Script, drive};
use crate::driven::Driven;
use crate::figures::{Figures, key};
use crate::offers::{CreateOffers, Offers, Whose};
use crate::payments::Payers;
use crate::postgres::{self, Postgres};
use crate::server::Server;

/// Connections of the cases with many.
pub(crate) const CONNECTIONS: usize = 256;

/// How long things are measured.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pace {
    pub(crate) rounds: usize,
    pub(crate) warm_up_seconds: u64,
    pub(crate) seconds: u64,
    /// For each number of clients.
    pub(crate) baseline_seconds: u64,
}

impl Pace {
    /// As many requests as these connections can make.
    pub(crate) const fn closed(self, connections: usize) -> Load {
        self.load(connections, None)
    }

    /// So many requests per second.
    pub(crate) const fn open(self, connections: usize, rate: f64) -> Load {
        self.load(connections, Some(rate))
    }

    const fn load(self, connections: usize, rate: Option<f64>) -> Load {
        Load {
            connections,
            rate,
            warm_up: Duration::from_secs(self.warm_up_seconds),
            span: Duration::from_secs(self.seconds),
        }
    }
}

/// Where the market keeps its data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Storage {
    Postgres,
    Sqlite,
}

/// A database with people, money and listings; what is measured works on copies of it.
#[derive(Debug)]
pub(crate) struct Filled {
    database: TestDatabase,
    pub(crate) cast: Cast,
    pub(crate) offers: Rc<Offers>,
    pub(crate) payers: Rc<Payers>,
}

impl Filled {
    async fn new(storage: Storage) -> Result<Self> {
        let database = match storage {
            Storage::Postgres => TestDatabase::empty_postgres().await?,
            Storage::Sqlite => TestDatabase::sqlite().await?,
        };
        let opened = database.open().await?;
        opened.migrate().await?;
        let cast = Cast::fill(&opened).await?;
        opened.close().await?;
        if storage == Storage::Postgres {
            let connection = database.raw().await?;
            postgres::tidy(&connection).await?;
            connection.close().await?;
        }
        let offers = Rc::new(Offers::new(&cast)?);
        let payers = Rc::new(Payers::new(&cast)?);
        Ok(Self {
            database,
            cast,
            offers,
            payers,
        })
    }

    /// A copy, for one measurement.
    pub(crate) async fn copy(&self) -> Result<TestDatabase> {
        self.database.copy().await
    }
}

/// A run.
#[derive(Debug)]
pub(crate) struct Bench {
    pub(crate) pace: Pace,
    /// The one at hand, from 0.
    pub(crate) round: usize,
    pub(crate) postgres: Postgres,
    on_postgres: Option<Rc<Filled>>,
    on_sqlite: Option<Rc<Filled>>,
    baseline: Option<Rc<Baseline>>,
    /// Of the round at hand: what others compare themselves with.
    created: Option<Figures>,
}

impl Bench {
    pub(crate) fn new(pace: Pace, postgres: Postgres) -> Self {
        Self {
            pace,
            round: 0,
            postgres,
            on_postgres: None,
            on_sqlite: None,
            baseline: None,
            created: None,
        }
    }

    pub(crate) fn begin(&mut self, round: usize) {
        self.round = round;
        self.created = None;
    }

    /// The filled database, made when it is first needed.
    pub(crate) async fn filled(&mut self, storage: Storage) -> Result<Rc<Filled>> {
        let filled = match storage {
            Storage::Postgres => &mut self.on_postgres,
            Storage::Sqlite => &mut self.on_sqlite,
        };
        kept(filled, Filled::new(storage)).await
    }

    pub(crate) async fn baseline(&mut self) -> Result<Rc<Baseline>> {
        kept(&mut self.baseline, Baseline::fill()).await
    }

    /// The best that a script of the baseline does in this round.
    pub(crate) async fn best(&mut self, script: &str) -> Result<Figures> {
        let baseline = self.baseline().await?;
        baseline
            .best(script, self.pace, self.round, &self.postgres)
            .await
    }

    /// Measures one load on a fresh server over a fresh copy of the filled database, which must be in order afterwards.
    pub(crate) async fn measure<S: Script + 'static>(
        &mut self,
        storage: Storage,
        load: Load,
        script: impl Fn(&Filled, usize) -> S,
    ) -> Result<(Driven, Figures)> {
        self.measure_by(&[], storage, load, script).await
    }

    /// The same, with some settings of its own.
    async fn measure_by<S: Script + 'static>(
        &mut self,
        settings: &[(&str, &str)],
        storage: Storage,
        load: Load,
        script: impl Fn(&Filled, usize) -> S,
    ) -> Result<(Driven, Figures)> {
        let filled = self.filled(storage).await?;
        let copy = filled.copy().await?;
        self.postgres.settle().await;
        let server = Server::start_by(copy.url(), None, settings).await?;
        let postmaster = match storage {
            Storage::Postgres => self.postgres.postmaster,
            Storage::Sqlite => None,
        };
        let scripts = |number| script(&filled, number);
        let driven = drive(load, &server, postmaster, scripts).await?;
        let figures = in_order(&driven, server, copy).await?;
        Ok((driven, figures))
    }

    /// Offers by these customers, as many as the usual connections can make.
    pub(crate) async fn create(&mut self, storage: Storage, whose: Whose) -> Result<Figures> {
        self.create_by(whose.settings(), storage, whose).await
    }

    /// The same, with settings that are not those of such customers.
    pub(crate) async fn create_by(
        &mut self,
        settings: &[(&str, &str)],
        storage: Storage,
        whose: Whose,
    ) -> Result<Figures> {
        let load = self.pace.closed(CONNECTIONS);
        let script = |filled: &Filled, number| CreateOffers::new(&filled.offers, &whose, number);
        let driven = self.measure_by(settings, storage, load, script);
        Ok(driven.await?.1)
    }

    /// What the case `create` measures, once per round.
    pub(crate) async fn created(&mut self) -> Result<Figures> {
        if let Some(known) = &self.created {
            return Ok(known.clone());
        }
        let figures = self.create(Storage::Postgres, Whose::Anybody).await?;
        self.created = Some(figures.clone());
        Ok(figures)
    }
}

/// Ends a server that was driven. Fails unless all its answers were the expected, and all laws of the ledger hold.
pub(crate) async fn in_order(
    driven: &Driven,
    server: Server,
    database: TestDatabase,
) -> Result<Figures> {
    driven.all_right()?;
    let peak = server.memory()?.peak;
    server.stop().await?;
    audit(database).await?;
    Ok(driven.figures().with(key::RSS, peak as f64 / 1e6))
}

/// Fails if a law of the ledger does not hold in the database, and drops it.
pub(crate) async fn audit(database: TestDatabase) -> Result<()> {
    let opened = database.open().await?;
    let report = opened.audit().await?;
    opened.close().await?;
    ensure!(report.violations.is_empty(), "{:#?}", report.violations);
    database.drop_now().await
}

async fn kept<T>(slot: &mut Option<Rc<T>>, made: impl Future<Output = Result<T>>) -> Result<Rc<T>> {
    if let Some(known) = slot {
        return Ok(Rc::clone(known));
    }
    let made = Rc::new(made.await?);
    *slot = Some(Rc::clone(&made));
    Ok(made)
}
