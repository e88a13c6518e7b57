//! What a drive measured.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use hdrhistogram::Histogram;
use tokio::time::Instant;

use crate::figures::{Figures, key};
use crate::http::Answer;
use crate::processes::{Postmaster, cpu_of_us};
use crate::server::{Metrics, Server};

/// The outcome of one drive.
#[derive(Debug)]
pub(crate) struct Driven {
    pub(crate) seconds: f64,
    pub(crate) ended: Instant,
    pub(crate) records: Records,
    /// Before and after.
    pub(crate) metrics: (Metrics, Metrics),
    pub(crate) used: Usage,
}

impl Driven {
    /// Fails if there were other answers than the expected.
    pub(crate) fn all_right(&self) -> Result<()> {
        let Records {
            wrong, complaint, ..
        } = &self.records;
        let complaint = complaint.as_deref().unwrap_or_default();
        ensure!(wrong.is_empty(), "wrong answers: {wrong:?}: {complaint}");
        ensure!(!self.records.done.is_empty(), "nothing was done");
        Ok(())
    }

    pub(crate) fn figures(&self) -> Figures {
        let units = self.records.done.len() as f64;
        let mut figures = latencies(&self.records.done)
            .with(key::THROUGHPUT, units / self.seconds)
            .with(key::CPU_SERVER, self.used.server / units * 1_000.0)
            .with(key::CPU_LOAD, self.used.ours / units * 1_000.0);
        if let Some(database) = self.used.database {
            figures.set(key::CPU_DATABASE, database / units * 1_000.0);
        }
        let (before, after) = self.metrics;
        let commits = after.batches - before.batches;
        if commits > 0 {
            let commands = after.commands - before.commands;
            figures.set(key::BATCH, commands as f64 / commits as f64);
        }
        figures
    }
}

/// The answers.
#[derive(Debug)]
pub(crate) struct Records {
    /// Latencies of whole units, in microseconds.
    pub(crate) done: Histogram<u64>,
    /// Latencies of the first, second, … call of a unit, where it has several.
    pub(crate) calls: Vec<Histogram<u64>>,
    /// Unexpected answers by status.
    pub(crate) wrong: BTreeMap<u16, u64>,
    /// How many of these said when to come again.
    pub(crate) invited: u64,
    /// The first of them.
    complaint: Option<String>,
}

impl Records {
    pub(crate) fn new() -> Result<Self> {
        Ok(Self {
            done: histogram()?,
            calls: Vec::new(),
            wrong: BTreeMap::new(),
            invited: 0,
            complaint: None,
        })
    }

    pub(crate) fn done(&mut self, took: Duration) {
        self.done.saturating_record(micros(took));
    }

    pub(crate) fn call(&mut self, number: usize, took: Duration) -> Result<()> {
        while self.calls.len() <= number {
            self.calls.push(histogram()?);
        }
        self.calls[number].saturating_record(micros(took));
        Ok(())
    }

    pub(crate) fn wrong(&mut self, answer: &Answer<'_>) {
        *self.wrong.entry(answer.status).or_default() += 1;
        self.invited += u64::from(answer.retry_after);
        self.complaint.get_or_insert_with(|| answer.text());
    }
}

/// Processor seconds; the database's only if it is on this machine.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Usage {
    server: f64,
    database: Option<f64>,
    ours: f64,
}

impl Usage {
    pub(crate) fn read(server: &Server, postmaster: Option<Postmaster>) -> Result<Self> {
        Ok(Self {
            server: server.cpu()?,
            database: postmaster.map(Postmaster::cpu).transpose()?,
            ours: cpu_of_us()?.0,
        })
    }

    pub(crate) fn since(&self, before: &Self) -> Self {
        let database = self.database.zip(before.database);
        Self {
            server: self.server - before.server,
            database: database.map(|(after, before)| after - before),
            ours: self.ours - before.ours,
        }
    }
}

/// The usual percentiles of latencies in microseconds.
pub(crate) fn latencies(histogram: &Histogram<u64>) -> Figures {
    let quantiles = [(key::P50, 0.5), (key::P99, 0.99), (key::P999, 0.999)];
    let mut figures = Figures::default();
    if histogram.is_empty() {
        return figures;
    }
    for (key, quantile) in quantiles {
        let micros = histogram.value_at_quantile(quantile);
        figures.set(key, micros as f64 / 1_000.0);
    }
    figures
}

/// Of up to a minute, in microseconds, to three digits.
pub(crate) fn histogram() -> Result<Histogram<u64>> {
    Histogram::new_with_bounds(1, 60_000_000, 3).context("a histogram")
}

pub(crate) fn micros(span: Duration) -> u64 {
    u64::try_from(span.as_micros()).unwrap_or(u64::MAX)
}
