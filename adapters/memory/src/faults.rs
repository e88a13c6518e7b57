//! Making storage fail on purpose, where and how a test wants it.

use std::collections::BTreeSet;
use std::fmt::{Display, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use p2p_application::ports::StorageError;
use tokio::sync::watch;

/// Where storage can fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Point {
    Begin,
    /// Any of the loading methods of a unit of work.
    Load,
    /// Before anything is written.
    Commit,
    /// After everything is written: the answer is lost, not the change.
    Committed,
    Rollback,
    /// Any query, and the heartbeat.
    Query,
}

/// A storage that was told to fail. Clones share one plan; nothing fails until something is planned.
#[derive(Debug, Clone, Default)]
pub struct Faults(Arc<Mutex<Plan>>);

#[derive(Debug, Default)]
struct Plan {
    due: Vec<Fault>,
    gates: Vec<(Point, watch::Receiver<()>)>,
    unreadable: BTreeSet<String>,
}

#[derive(Debug)]
struct Fault {
    /// `None`: anywhere.
    point: Option<Point>,
    /// How many visits of the point to let pass first.
    spare: u32,
    way: Way,
}

/// How storage fails.
#[derive(Debug)]
enum Way {
    /// It says so.
    Error(StorageError),
    /// A defect of its own.
    Panic,
    /// It never answers.
    Silence,
}

/// Keeps everybody waiting at a point until it is dropped.
#[derive(Debug)]
pub struct Gate {
    /// Whoever waits at the gate waits for the end of this.
    _closed: watch::Sender<()>,
}

impl Faults {
    /// From here on every visit of the point waits, until the gate is dropped.
    #[must_use]
    pub fn hold(&self, point: Point) -> Gate {
        let (closed, gate) = watch::channel(());
        self.plan().gates.push((point, gate));
        Gate { _closed: closed }
    }

    /// The next visit of the point fails. Planned twice, the next two visits fail, and so on.
    pub fn fail(&self, point: Point, error: StorageError) {
        self.plan_for(Some(point), 0, Way::Error(error));
    }

    /// Lets `spare` visits of the point pass, then fails one.
    pub fn fail_at(&self, point: Point, spare: u32, error: StorageError) {
        self.plan_for(Some(point), spare, Way::Error(error));
    }

    /// Lets `spare` calls of whatever kind pass, then fails one: for failing a flow at every step of it.
    pub fn fail_after(&self, spare: u32, error: StorageError) {
        self.plan_for(None, spare, Way::Error(error));
    }

    /// At the next visit of the point storage panics: a defect of its own.
    pub fn panic(&self, point: Point) {
        self.plan_for(Some(point), 0, Way::Panic);
    }

    /// The next visit of the point is never answered, as by a server that is gone without a word.
    pub fn silence(&self, point: Point) {
        self.plan_for(Some(point), 0, Way::Silence);
    }

    fn plan_for(&self, point: Option<Point>, spare: u32, way: Way) {
        self.plan().due.push(Fault { point, spare, way });
    }

    /// From here on the row of this id can't be read; to load it is [`StorageError::Corrupt`].
    pub fn corrupt(&self, id: impl Display) {
        self.plan().unreadable.insert(id.to_string());
    }

    /// How many planned faults have not struck yet.
    #[must_use]
    pub fn pending(&self) -> usize {
        self.plan().due.len()
    }

    /// Forgets everything that was planned.
    pub fn clear(&self) {
        *self.plan() = Plan::default();
    }

    /// Storage is at this point: fails if that was planned.
    pub(crate) async fn visit(&self, point: Point) -> Result<(), StorageError> {
        while let Some(mut gate) = self.closed(point) {
            // Never changes: this ends, with an error, when the gate is dropped.
            let _ = gate.changed().await;
        }
        match self.strike(point) {
            None => Ok(()),
            Some(Way::Error(error)) => Err(error),
            Some(Way::Panic) => broken(point),
            Some(Way::Silence) => std::future::pending().await,
        }
    }

    /// A gate that keeps visitors of this point waiting, if there is one.
    fn closed(&self, point: Point) -> Option<watch::Receiver<()>> {
        let mut plan = self.plan();
        plan.gates.retain(|(_, gate)| gate.has_changed().is_ok());
        let mut gates = plan.gates.iter();
        let gate = gates.find(|(at, _)| *at == point);
        gate.map(|(_, gate)| gate.clone())
    }

    /// The fault that strikes at this visit, if one does.
    fn strike(&self, point: Point) -> Option<Way> {
        let mut plan = self.plan();
        let mut struck = None;
        for (index, fault) in plan.due.iter_mut().enumerate() {
            // A commit is one call, whether it fails before or after it took effect.
            let meant = fault
                .point
                .map_or(point != Point::Committed, |wanted| wanted == point);
            if !meant {
                continue;
            }
            match fault.spare.checked_sub(1) {
                Some(left) => fault.spare = left,
                None => {
                    struck = Some(index);
                    break;
                }
            }
        }
        struck.map(|index| plan.due.remove(index).way)
    }

    /// A row is about to be read: fails if it was made unreadable.
    pub(crate) fn read(&self, table: &'static str, id: impl Display) -> Result<(), StorageError> {
        let plan = self.plan();
        if plan.unreadable.is_empty() {
            return Ok(());
        }
        let mut text = String::new();
        // Writing to a string can't fail.
        let _ = write!(text, "{id}");
        if plan.unreadable.contains(&text) {
            return Err(StorageError::Corrupt {
                table,
                id: text,
                reason: "made unreadable by a test".to_owned(),
            });
        }
        Ok(())
    }

    fn plan(&self) -> MutexGuard<'_, Plan> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[expect(clippy::panic, reason = "a test has asked for it")]
fn broken(point: Point) -> ! {
    panic!("storage was told to panic at {point:?}")
}
