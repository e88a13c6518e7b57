//! Far more requests than the server can take: does it say so, keep its memory, and recover?
//!
//! A few customers ask at a steady rate all the time. In between, thousands of connections ask as fast as they can,
//! more than may wait in the server's queue.

use std::cell::{Cell, RefCell};
use std::time::Duration;

use anyhow::{Context, Result};
use async_trait::async_trait;
use futures::future::try_join_all;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::time::{Instant, sleep};

use super::Case;
use crate::bench::{Bench, Filled, Storage, audit};
use crate::drive::{Load, Schedule, Script, drive};
use crate::driven::{Driven, histogram, latencies, micros};
use crate::figures::{Figures, Line, key};
use crate::http::Connection;
use crate::offers::{CreateOffers, Whose};
use crate::server::Server;

/// Twice what may wait in the queue.
const CROWD: usize = 8_192;

/// The few: requests per second, over so many connections.
const RATE: f64 = 400.0;
const FEW: usize = 64;

const CALM: Duration = Duration::from_secs(3);
const RUSH: Duration = Duration::from_secs(4);
const AFTER: Duration = Duration::from_secs(5);
/// Latencies are looked at in windows of this length.
const WINDOW: Duration = Duration::from_millis(250);

pub(crate) struct Overload;

#[async_trait(?Send)]
impl Case for Overload {
    fn name(&self) -> &'static str {
        "overload"
    }

    fn about(&self) -> &'static str {
        "8,192 connections at once: refusals, memory, recovery"
    }

    fn is_repeated(&self) -> bool {
        false
    }

    async fn round(&self, bench: &mut Bench) -> Result<Vec<Line>> {
        let crowd = crowd();
        let filled = bench.filled(Storage::Postgres).await?;
        let copy = filled.copy().await?;
        bench.postgres.settle().await;
        let server = Server::start(copy.url()).await?;
        let few = Few::new();
        let rush = Load {
            connections: crowd,
            rate: None,
            warm_up: Duration::from_secs(1),
            span: RUSH,
        };
        let began = Instant::now();
        let rushing = async {
            sleep(CALM).await;
            let offers = |number| CreateOffers::new(&filled.offers, &Whose::Anybody, number);
            let rushed = drive(rush, &server, bench.postgres.postmaster, offers).await?;
            sleep((rushed.ended + AFTER).saturating_duration_since(Instant::now())).await;
            few.stopped.set(true);
            Ok::<_, anyhow::Error>(rushed)
        };
        let (rushed, ()) = tokio::try_join!(rushing, few.ask(&filled, &server))?;
        let peak = server.memory()?.peak;
        server.stop().await?;
        audit(copy).await?;

        let calm = few.between(began + CALM / 3, began + CALM)?;
        let normal = calm.get(key::P99);
        let normal = normal.context("nothing was answered before the rush")?;
        let mut figures = rush_figures(&rushed)
            .with(key::RSS, peak as f64 / 1e6)
            .with("connections", crowd as f64)
            .with("p99_before_ms", normal);
        let recovered = few.recovered(rushed.ended, normal * 2.0)?;
        figures.set("recovered", f64::from(u8::from(recovered.is_some())));
        if let Some(recovered) = recovered {
            figures.set("recovered_after_ms", recovered.as_secs_f64() * 1_000.0);
        }
        Ok(vec![Line::new("overload", figures)])
    }
}

fn rush_figures(rushed: &Driven) -> Figures {
    let records = &rushed.records;
    let busy = records.wrong.get(&503).copied().unwrap_or(0);
    let wrong: u64 = records.wrong.values().sum();
    let all = (records.done.len() + wrong) as f64;
    let mut figures = rushed
        .figures()
        .with("answers_per_s", all / rushed.seconds)
        .with("share_503", busy as f64 / all)
        .with("share_other_errors", (wrong - busy) as f64 / all);
    if busy > 0 {
        figures.set(
            "share_503_with_retry_after",
            records.invited as f64 / busy as f64,
        );
    }
    figures
}

/// As many connections as we want, or as the system lets us and the server have.
fn crowd() -> usize {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    // Where that is not allowed, what there is has to do.
    let _ = setrlimit(Resource::Nofile, raised);
    let files = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    let files = usize::try_from(files).unwrap_or(usize::MAX);
    files.saturating_sub(512).clamp(1, CROWD)
}

/// Who asks all the time.
struct Few {
    stopped: Cell<bool>,
    /// When each request ought to have begun, and how long it took from then if an offer was made.
    answers: RefCell<Vec<(Instant, Option<Duration>)>>,
}

impl Few {
    const fn new() -> Self {
        Self {
            stopped: Cell::new(false),
            answers: RefCell::new(Vec::new()),
        }
    }

    async fn ask(&self, filled: &Filled, server: &Server) -> Result<()> {
        let schedule = Schedule::new(RATE);
        let connections = (0..FEW).map(|number| {
            let mut script = CreateOffers::new(&filled.offers, &Whose::Anybody, CROWD + number);
            let (schedule, server) = (&schedule, &server);
            async move {
                let mut connection = Connection::open(server.address).await?;
                let mut request = Vec::new();
                while !self.stopped.get() {
                    let due = schedule.next().await;
                    request.clear();
                    script.ask(&mut request);
                    let created = connection.call(&request).await?.status == 201;
                    let took = created.then(|| due.elapsed());
                    self.answers.borrow_mut().push((due, took));
                }
                Ok::<_, anyhow::Error>(())
            }
        });
        try_join_all(connections).await?;
        Ok(())
    }

    fn between(&self, from: Instant, to: Instant) -> Result<Figures> {
        let mut taken = histogram()?;
        for (due, took) in self.answers.borrow().iter() {
            if let Some(took) = took.filter(|_| (from..to).contains(due)) {
                taken.saturating_record(micros(took));
            }
        }
        Ok(latencies(&taken))
    }

    /// How long after the rush everybody was answered, and 99 of 100 in the usual time, again.
    fn recovered(&self, ended: Instant, usual_ms: f64) -> Result<Option<Duration>> {
        let windows = u32::try_from(AFTER.as_millis() / WINDOW.as_millis())?;
        for number in 0..windows {
            let from = ended + WINDOW * number;
            let to = from + WINDOW;
            let answers = self.answers.borrow();
            let mut here = answers.iter().filter(|(due, _)| (from..to).contains(due));
            let all_made = here.all(|(_, took)| took.is_some());
            let p99 = self.between(from, to)?.get(key::P99);
            if all_made && p99.is_some_and(|p99| p99 <= usual_ms) {
                return Ok(Some(WINDOW * number));
            }
        }
        Ok(None)
    }
}
