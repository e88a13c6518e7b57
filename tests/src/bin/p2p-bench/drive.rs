//! Connections that ask and measure.
//!
//! *Closed loop*: each connection asks again as soon as it has its answer. *Open loop*: requests have a time at which
//! they ought to begin, whatever became of those before; their latency counts from then, so that a server that stalls
//! is not spared what it kept others from asking.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use tokio::task::{JoinSet, LocalSet};
use tokio::time::{Instant, sleep, sleep_until};

use crate::driven::{Driven, Records, Usage};
use crate::http::{Answer, Connection};
use crate::processes::Postmaster;
use crate::server::Server;

/// Asks one request after another, and waits for each answer. Several may make one unit, such as a whole deal.
pub(crate) trait Asker {
    async fn ask(&mut self) -> Result<(Heard, Answer<'_>)>;
}

/// What an HTTP connection asks.
pub(crate) trait Script {
    /// Writes the next request.
    fn ask(&mut self, request: &mut Vec<u8>);

    /// Takes its answer.
    fn hear(&mut self, answer: &Answer<'_>) -> Heard;
}

/// What an answer was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Heard {
    /// The expected one, and more is to be asked in this unit.
    More,
    /// The expected one, the last of its unit.
    Done,
    /// Another. The unit is given up.
    Wrong,
}

/// How much is asked, and for how long.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Load {
    pub(crate) connections: usize,
    /// Requests per second over all connections; as many as possible if there is none.
    pub(crate) rate: Option<f64>,
    /// First, not measured.
    pub(crate) warm_up: Duration,
    pub(crate) span: Duration,
}

/// Lets connections follow their scripts for the time of the load.
pub(crate) async fn drive<S: Script + 'static>(
    load: Load,
    server: &Server,
    postmaster: Option<Postmaster>,
    mut script: impl FnMut(usize) -> S,
) -> Result<Driven> {
    ensure!(load.connections <= 16_384, "too many connections");
    let mut askers = Vec::with_capacity(load.connections);
    for number in 0..load.connections {
        askers.push(OverHttp {
            connection: Connection::open(server.address).await?,
            script: script(number),
            request: Vec::with_capacity(1_024),
        });
    }
    drive_all(load, server, postmaster, askers).await
}

/// Lets these ask for the time of the load, whose number of connections is theirs.
pub(crate) async fn drive_all<A: Asker + 'static>(
    load: Load,
    server: &Server,
    postmaster: Option<Postmaster>,
    askers: Vec<A>,
) -> Result<Driven> {
    let state = Rc::new(State {
        recording: Cell::new(false),
        stopped: Cell::new(false),
        schedule: load.rate.map(Schedule::new),
        records: RefCell::new(Records::new()?),
    });
    let everybody = LocalSet::new();
    let mut asking = JoinSet::new();
    for asker in askers {
        asking.spawn_local_on(follow(asker, Rc::clone(&state)), &everybody);
    }
    let watching = async {
        sleep(load.warm_up).await;
        let metrics = server.metrics().await?;
        let before = Usage::read(server, postmaster)?;
        state.recording.set(true);
        let began = Instant::now();
        sleep(load.span).await;
        state.recording.set(false);
        let ended = Instant::now();
        let used = Usage::read(server, postmaster)?.since(&before);
        let metrics = (metrics, server.metrics().await?);
        state.stopped.set(true);
        Ok((began, ended, used, metrics))
    };
    let asked = async {
        while let Some(ended) = asking.join_next().await {
            ended??;
        }
        Ok::<_, anyhow::Error>(())
    };
    let both = async { tokio::try_join!(watching, asked) };
    let ((began, ended, used, metrics), ()) = everybody.run_until(both).await?;
    let state = Rc::into_inner(state).context("a connection is still asking")?;
    let records = state.records.into_inner();
    Ok(Driven {
        seconds: (ended - began).as_secs_f64(),
        ended,
        records,
        metrics,
        used,
    })
}

/// What all connections share.
struct State {
    recording: Cell<bool>,
    stopped: Cell<bool>,
    schedule: Option<Schedule>,
    records: RefCell<Records>,
}

/// When requests ought to begin. Timers go by milliseconds, so a request may be sent up to one later.
pub(crate) struct Schedule {
    began: Instant,
    rate: f64,
    given: Cell<u64>,
}

impl Schedule {
    pub(crate) fn new(rate: f64) -> Self {
        Self {
            began: Instant::now(),
            rate,
            given: Cell::new(0),
        }
    }

    /// Waits for the next time that nobody has taken yet, and tells it.
    pub(crate) async fn next(&self) -> Instant {
        let number = self.given.get();
        self.given.set(number + 1);
        let due = self.began + Duration::from_secs_f64(number as f64 / self.rate);
        if due > Instant::now() {
            sleep_until(due).await;
        }
        due
    }
}

/// A connection that follows a script.
struct OverHttp<S> {
    connection: Connection,
    script: S,
    request: Vec<u8>,
}

impl<S: Script> Asker for OverHttp<S> {
    async fn ask(&mut self) -> Result<(Heard, Answer<'_>)> {
        self.request.clear();
        self.script.ask(&mut self.request);
        let answer = self.connection.call(&self.request).await?;
        Ok((self.script.hear(&answer), answer))
    }
}

/// One of those who ask.
async fn follow(mut asker: impl Asker, state: Rc<State>) -> Result<()> {
    // Of the unit at hand: when it began, and which call is the next.
    let (mut unit, mut call) = (Instant::now(), 0);
    while !state.stopped.get() {
        let began = match &state.schedule {
            Some(schedule) => schedule.next().await,
            None => Instant::now(),
        };
        if call == 0 {
            unit = began;
        }
        let (heard, answer) = asker.ask().await?;
        if state.recording.get() {
            let now = Instant::now();
            let mut records = state.records.borrow_mut();
            match heard {
                Heard::More => records.call(call, now - began)?,
                Heard::Done => {
                    if call > 0 {
                        records.call(call, now - began)?;
                    }
                    records.done(now - unit);
                }
                Heard::Wrong => records.wrong(&answer),
            }
        }
        call = if heard == Heard::More { call + 1 } else { 0 };
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_schedule_keeps_to_its_times_and_skips_none() {
        let schedule = Schedule::new(1_000.0);
        let first = schedule.next().await;
        // Whoever is late is given the times that have passed, one after another.
        sleep(Duration::from_millis(5)).await;
        for number in 1..10_u32 {
            let due = schedule.next().await;
            assert_eq!(due - first, Duration::from_millis(1) * number);
            assert!(due <= Instant::now());
        }
    }
}
